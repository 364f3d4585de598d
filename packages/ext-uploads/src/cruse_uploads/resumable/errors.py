"""How requests to resumable uploads fail, in the words of both protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import BadRequest, Conflict, HTTPException, Locked

if TYPE_CHECKING:
    from cruse.typing import WSGIEnvironment

__all__ = [
    "ChecksumMismatch",
    "CompletedUpload",
    "InconsistentLength",
    "OffsetMismatch",
    "Overtaken",
    "Unfinished",
    "UnfinishedYet",
]

_TYPES = "https://iana.org/assignments/http-problem-types#"


class OffsetMismatch(Conflict):
    """A request that appends at another offset than the upload's.

    Args:
        expected: The upload's offset, which is told in ``Upload-Offset``.
        provided: The request's.
    """

    def __init__(self, expected: int, provided: int) -> None:
        super().__init__(f"The upload is at offset {expected}, not {provided}.")
        self.expected = expected
        self.problem = {
            "type": f"{_TYPES}mismatching-upload-offset",
            "expected-offset": expected,
            "provided-offset": provided,
        }

    def get_headers(
        self,
        environ: WSGIEnvironment | None = None,
        scope: dict[str, Any] | None = None,
    ) -> list[tuple[str, str]]:
        """Return the headers of the response, the right offset among them."""
        return [*super().get_headers(environ, scope), ("Upload-Offset", str(self.expected))]


class InconsistentLength(BadRequest):
    """A request whose length is not that which was told before."""

    def __init__(self, description: str) -> None:
        super().__init__(description)
        self.problem = {"type": f"{_TYPES}inconsistent-upload-length"}


class CompletedUpload(BadRequest):
    """A request that would append to an upload that is whole."""

    description = "The upload is complete; nothing can be appended to it."

    def __init__(self) -> None:
        super().__init__()
        self.problem = {"type": f"{_TYPES}completed-upload"}


class ChecksumMismatch(HTTPException):
    """A body that is not what its checksum says (tus 1.0, "Checksum")."""

    code = 460
    description = "The body does not have the checksum that was announced; it was not kept."

    @property
    def name(self) -> str:
        """The reason phrase of tus."""
        return "Checksum Mismatch"


class Unfinished(Locked):
    """An upload that another request is about to finish: 423, as tus servers say."""

    description = "The upload is being finished. Ask again in a moment."

    def get_headers(
        self,
        environ: WSGIEnvironment | None = None,
        scope: dict[str, Any] | None = None,
    ) -> list[tuple[str, str]]:
        """Return the headers of the response."""
        return [*super().get_headers(environ, scope), ("Retry-After", "2")]


class UnfinishedYet(Unfinished):
    """The same, in the draft: its clients come back after 5xx alone."""

    code = 503
    name = "Service Unavailable"


class Overtaken(Exception):  # noqa: N818 (it becomes an OffsetMismatch)
    """Another request appends to the same upload."""
