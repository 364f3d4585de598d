"""The draft of the IETF, "Resumable Uploads for HTTP", in terms of uploads: header fields alone.

It is draft-ietf-httpbis-resumable-upload, whose interoperability version is 8. Older clients say
theirs in ``Upload-Draft-Interop-Version``; 5 to 7 differ in nothing but the media type that
appending has. Interim responses (104) are what neither WSGI nor ASGI can send; the draft does not
insist on them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from werkzeug.exceptions import BadRequest, UnsupportedMediaType
from werkzeug.http import parse_options_header

from cruse_uploads.resumable.asked import (
    Append,
    Creation,
    name_in,
    needed,
    parse_metadata,
    parse_number,
)
from cruse_uploads.resumable.errors import InconsistentLength, Unfinished, UnfinishedYet

if TYPE_CHECKING:
    from cruse import Request
    from cruse_uploads.resumable.uploads import ResumableUpload
    from cruse_uploads.sets import UploadSet

__all__ = ["MEDIA_TYPE", "Draft", "limits"]

MEDIA_TYPE = "application/partial-upload"
_UNTYPED = ("3", "4", "5")  # versions that had no media type for it


class Draft:
    """The dialect of clients that do not send ``Tus-Resumable``."""

    unfinished: ClassVar[type[Unfinished]] = UnfinishedYet

    def creation(self, request: Request) -> Creation:
        """Read a request that creates an upload.

        Its name comes in ``Content-Disposition`` (RFC 6266).
        """
        if "Upload-Complete" not in request.headers:
            raise BadRequest(
                "This is for resumable uploads: a request has Tus-Resumable or Upload-Complete."
            )
        metadata = parse_metadata(request.headers.get("Upload-Metadata", ""))
        _, options = parse_options_header(request.headers.get("Content-Disposition"))
        name = options.get("filename") or name_in(metadata)
        return Creation(_length(request, 0), name, metadata)

    def first(self, request: Request) -> Append | None:
        """Read what a creation says of its body."""
        return Append(0, _length(request, 0), _complete(request))

    def append(self, request: Request) -> Append:
        """Read a request that appends to an upload."""
        version = request.headers.get("Upload-Draft-Interop-Version")
        if request.mimetype != MEDIA_TYPE and version not in _UNTYPED:
            raise UnsupportedMediaType(f"What appends to an upload is {MEDIA_TYPE}.")
        offset = needed(parse_number(request, "Upload-Offset"), "Upload-Offset")
        return Append(offset, _length(request, offset), _complete(request))

    def completes(self, upload: ResumableUpload, asked: Append | None) -> bool:
        """Whether all of an upload has come: when its client said so, and nothing is missing.

        Raises:
            InconsistentLength: When it said so and something is.
        """
        if asked is None or not asked.complete:
            return False
        if upload.length is not None and upload.offset != upload.length:
            raise InconsistentLength(
                f"The upload ends at {upload.offset} of {upload.length} bytes."
            )
        return True

    def head(self, upload: ResumableUpload) -> dict[str, str]:
        """Return the header fields that tell how an upload stands."""
        fields = self.answer(upload)
        if upload.length is not None:
            fields["Upload-Length"] = str(upload.length)
        return fields

    def answer(self, upload: ResumableUpload) -> dict[str, str]:
        """Return the header fields of an answer to what changed an upload."""
        seconds = max(0, int(upload.expires_at - time.time()))
        return {
            "Upload-Offset": str(upload.offset),
            "Upload-Complete": "?1" if upload.is_finished else "?0",
            "Upload-Limit": limits(upload.upload_set, seconds),
        }


def limits(upload_set: UploadSet, max_age: int) -> str:
    """Return ``Upload-Limit``: the bytes of a file, and the seconds an upload is kept."""
    size = upload_set.rules.max_size
    return f"max-age={max_age}" if size is None else f"max-size={size}, max-age={max_age}"


def _complete(request: Request) -> bool:
    """Read the Boolean (RFC 9651) that says whether the upload is whole with this request."""
    text = request.headers.get("Upload-Complete", "").strip()
    if text not in ("?0", "?1"):
        raise BadRequest("Upload-Complete is '?0' or '?1'.")
    return text == "?1"


def _length(request: Request, offset: int) -> int | None:
    """Return the length of the whole upload, as told or as it follows from the last body's.

    Raises:
        InconsistentLength: When the two differ.
    """
    told = parse_number(request, "Upload-Length")
    if not _complete(request) or request.content_length is None:
        return told
    follows = offset + request.content_length
    if told is not None and told != follows:
        raise InconsistentLength(f"The upload cannot have {told} and {follows} bytes.")
    return follows
