"""What a request to a resumable upload asks for, in whichever protocol, and what both share."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from werkzeug.exceptions import BadRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cruse import Request
    from cruse_uploads.resumable.errors import Unfinished
    from cruse_uploads.resumable.uploads import ResumableUpload

__all__ = ["Append", "Checksum", "Creation", "Dialect", "parse_metadata", "parse_number"]

_NUMBER = re.compile(r"[0-9]{1,15}")  # the integers of structured fields (RFC 9651)
_KEY = re.compile(r"[!-+\--~]{1,200}")  # visible ASCII without the comma
MAX_METADATA = 8 * 1024  # bytes of the header field


@dataclass(frozen=True)
class Checksum:
    """What a body has to hash to."""

    #: Of ``hashlib``.
    algorithm: str
    value: bytes


@dataclass(frozen=True)
class Creation:
    """What an upload is announced with."""

    length: int | None
    name: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    #: Whether it is a part of a concatenation.
    partial: bool = False
    #: The URLs of those it is the concatenation of.
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Append:
    """What a body adds to an upload."""

    #: Where it begins, in bytes.
    offset: int
    #: The length of the whole upload, where it is told.
    length: int | None = None
    #: Whether the upload is whole with it; ``None`` when that follows from the length.
    complete: bool | None = None
    checksum: Checksum | None = None


class Dialect(Protocol):
    """One of the protocols."""

    #: How a request is told that another is about to finish the upload.
    unfinished: ClassVar[type[Unfinished]]

    def creation(self, request: Request) -> Creation:
        """Read a request that creates an upload."""

    def first(self, request: Request) -> Append | None:
        """Read what it says of its body; ``None`` when it has none to append."""

    def append(self, request: Request) -> Append:
        """Read a request that appends to an upload."""

    def completes(self, upload: ResumableUpload, asked: Append | None) -> bool:
        """Whether all of an upload has come."""

    def head(self, upload: ResumableUpload) -> dict[str, str]:
        """Return the header fields that tell how an upload stands."""

    def answer(self, upload: ResumableUpload) -> dict[str, str]:
        """Return the header fields of an answer to what changed it."""


def parse_number(request: Request, field: str) -> int | None:
    """Return a number of bytes from a header field; ``None`` when it is missing.

    Raises:
        BadRequest: When it is none.
    """
    text = request.headers.get(field)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise BadRequest(f"{field} is no number of bytes.")
    return int(text)


def needed(value: int | None, field: str) -> int:
    """Return a number that may not be missing.

    Raises:
        BadRequest: When it is.
    """
    if value is None:
        raise BadRequest(f"{field} is missing.")
    return value


def parse_metadata(text: str) -> dict[str, str]:
    """Return what ``Upload-Metadata`` says (tus 1.0, "Creation").

    >>> parse_metadata("filename 5Zu+LnBuZw==,is_private")
    {'filename': '图.png', 'is_private': ''}

    Raises:
        BadRequest: When it is malformed.
    """
    if len(text) > MAX_METADATA:
        raise BadRequest("Upload-Metadata is too long.")
    found: dict[str, str] = {}
    for pair in text.split(",") if text.strip() else ():
        key, _, value = pair.strip().partition(" ")
        if not _KEY.fullmatch(key) or key in found:
            raise BadRequest("Upload-Metadata is malformed: a key is missing, or there twice.")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            raise BadRequest(
                f"Upload-Metadata is malformed: {key!r} is no base64 of UTF-8."
            ) from None
    return found


def format_metadata(metadata: Mapping[str, str]) -> str:
    """Return ``Upload-Metadata`` for what :func:`parse_metadata` returned."""
    pairs = ((key, base64.b64encode(value.encode()).decode()) for key, value in metadata.items())
    return ",".join(f"{key} {value}".strip() for key, value in pairs)


def name_in(metadata: Mapping[str, str]) -> str:
    """Return the file's name, which common clients call by one of two names."""
    return metadata.get("filename") or metadata.get("name") or ""
