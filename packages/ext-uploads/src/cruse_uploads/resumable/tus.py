"""tus 1.0 (https://tus.io/protocols/resumable-upload) in terms of uploads: header fields alone."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, ClassVar

from werkzeug.exceptions import BadRequest, PreconditionFailed, UnsupportedMediaType
from werkzeug.http import http_date

from cruse import url_for
from cruse_uploads.resumable.asked import (
    Append,
    Checksum,
    Creation,
    format_metadata,
    name_in,
    needed,
    parse_metadata,
    parse_number,
)
from cruse_uploads.resumable.errors import Unfinished

if TYPE_CHECKING:
    from cruse import Request
    from cruse_uploads.resumable.uploads import ResumableUpload

__all__ = ["ALGORITHMS", "EXTENSIONS", "MEDIA_TYPE", "VERSION", "Tus"]

VERSION = "1.0.0"
EXTENSIONS = (
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "expiration",
    "checksum",
    "termination",
    "concatenation",
)
ALGORITHMS = ("sha1", "sha256", "sha512")
MEDIA_TYPE = "application/offset+octet-stream"
MAX_PARTS = 100  # of a concatenation


class WrongVersion(PreconditionFailed):
    """A version of tus that is not spoken here."""

    description = f"This server speaks tus {VERSION}."


class Tus:
    """The dialect of clients that send ``Tus-Resumable``."""

    unfinished: ClassVar[type[Unfinished]] = Unfinished

    def __init__(self, request: Request) -> None:
        if request.headers["Tus-Resumable"] != VERSION:
            raise WrongVersion

    def creation(self, request: Request) -> Creation:
        """Read a request that creates an upload."""
        headers = request.headers
        metadata = parse_metadata(headers.get("Upload-Metadata", ""))
        concat = headers.get("Upload-Concat", "")
        kind, _, urls = concat.partition(";")
        if kind not in ("", "partial", "final") or (kind == "partial" and urls):
            raise BadRequest("Upload-Concat is neither 'partial' nor 'final;...'.")
        length = parse_number(request, "Upload-Length")
        if kind == "final":
            parts = tuple(urls.split())
            if not 0 < len(parts) <= MAX_PARTS or length is not None:
                raise BadRequest(
                    f"A concatenation is of 1 to {MAX_PARTS} uploads, and announces no length."
                )
            return Creation(None, name_in(metadata), metadata, parts=parts)
        if (length is None) is not (headers.get("Upload-Defer-Length") == "1"):
            raise BadRequest("Either Upload-Length or 'Upload-Defer-Length: 1' is needed.")
        return Creation(length, name_in(metadata), metadata, partial=kind == "partial")

    def first(self, request: Request) -> Append | None:
        """Read what a creation says of its body, which has a media type when there is one."""
        if request.mimetype != MEDIA_TYPE:
            if request.content_length:
                raise UnsupportedMediaType(f"The body of an upload is {MEDIA_TYPE}.")
            return None
        return Append(0, None, None, _parse_checksum(request))

    def append(self, request: Request) -> Append:
        """Read a request that appends to an upload."""
        if request.mimetype != MEDIA_TYPE:
            raise UnsupportedMediaType(f"The body of an upload is {MEDIA_TYPE}.")
        offset = needed(parse_number(request, "Upload-Offset"), "Upload-Offset")
        length = parse_number(request, "Upload-Length")
        return Append(offset, length, None, _parse_checksum(request))

    def completes(self, upload: ResumableUpload, asked: Append | None) -> bool:
        """Whether all of an upload has come: when its offset is its length."""
        return upload.offset == upload.length and not upload.partial

    def head(self, upload: ResumableUpload) -> dict[str, str]:
        """Return the header fields that tell how an upload stands."""
        fields = self.answer(upload)
        if upload.length is None:
            fields["Upload-Defer-Length"] = "1"
        else:
            fields["Upload-Length"] = str(upload.length)
        if upload.metadata:
            fields["Upload-Metadata"] = format_metadata(upload.metadata)
        if upload.partial:
            fields["Upload-Concat"] = "partial"
        elif upload.parts:
            urls = (url_for(".upload", upload_id=part) for part in upload.parts)
            fields["Upload-Concat"] = f"final;{' '.join(urls)}"
        return fields

    def answer(self, upload: ResumableUpload) -> dict[str, str]:
        """Return the header fields of an answer to what changed an upload."""
        return {
            "Upload-Offset": str(upload.offset),
            "Upload-Expires": http_date(upload.expires_at),
        }


def _parse_checksum(request: Request) -> Checksum | None:
    text = request.headers.get("Upload-Checksum")
    if text is None:
        return None
    algorithm, _, value = text.partition(" ")
    if algorithm not in ALGORITHMS:
        raise BadRequest(f"Upload-Checksum is one of {', '.join(ALGORITHMS)}.")
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != hashlib.new(algorithm).digest_size:
        raise BadRequest(f"Upload-Checksum is no {algorithm} in base64.")
    return Checksum(algorithm, digest)
