"""What goes wrong with uploads: a file that breaks the rules, or storage that can't take it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from werkzeug.exceptions import HTTPException

from cruse.outages import DISK_FULL, InsufficientStorage

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ObjectExistsError",
    "ObjectNotFoundError",
    "Reason",
    "StorageFull",
    "StorageRefused",
    "UploadNotAllowed",
]

#: Why a file is refused: ``missing`` (none was sent), ``empty``, ``too_many``, ``name`` (an
#: extension that is not allowed), ``type`` (content that is not allowed), ``mismatch`` (the name
#: claims another type than the content has), ``too_large`` (bytes), ``pixels`` (width x height),
#: ``damaged`` (an image without a readable header), ``scan`` (the set's ``scan`` found something).
Reason = Literal[
    "missing",
    "empty",
    "too_many",
    "name",
    "type",
    "mismatch",
    "too_large",
    "pixels",
    "damaged",
    "scan",
]


class UploadNotAllowed(HTTPException):
    """A file that the rules of an upload set refuse.

    Left alone it becomes the response: 413 when the file is too large, 415 when it is of a wrong
    type, 422 when a scan found something in it, 400 otherwise. ``description`` is written for the
    person who chose the file, so it serves as the error of a form field, too.

    Args:
        reason: Which rule it broke.
        description: One or two sentences for the user.
    """

    STATUS: ClassVar[Mapping[str, int]] = {
        "name": 415,
        "type": 415,
        "mismatch": 415,
        "damaged": 415,
        "too_large": 413,
        "pixels": 413,
        "scan": 422,
    }

    def __init__(self, reason: Reason, description: str) -> None:
        super().__init__(description)
        #: Which rule the file broke.
        self.reason: Reason = reason
        self.code = self.STATUS.get(reason, 400)


class StorageFull(InsufficientStorage):
    """The disk is full, or a quota is used up: 507 (RFC 4918, section 11.5)."""

    description = "There is no room left to store this file."

    #: The errors of the operating system that mean it.
    ERRNOS: ClassVar[frozenset[int]] = DISK_FULL


class StorageRefused(RuntimeError):  # noqa: N818 (beside StorageFull)
    """An object store does not do what it is asked for, or does not answer.

    Args:
        asked: What it was asked for.
        said: The store's own words for what is wrong, short.
        status: The status of its answer; 0 when there was none.
        hint: What to do about it.
    """

    def __init__(self, asked: str, said: str, status: int = 0, hint: str = "") -> None:
        if not hint and status in (401, 403):
            hint = "Look at the keys that it is asked with, and at what they may."
        answer = f"{status} {said}".strip() if status else said
        super().__init__(f"The object store was asked to {asked}: {answer}. {hint}".rstrip())
        #: The status of its answer; 0 when there was none.
        self.status = status


class ObjectNotFoundError(LookupError):
    """Storage has no object under this key."""


class ObjectExistsError(FileExistsError):
    """Storage has an object under this key already, and does not overwrite it."""
