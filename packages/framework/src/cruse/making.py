"""Responses of what is given and nothing else, made the short way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cruse.responses import Response

__all__ = ["response_from"]


def response_from(
    cls: type[Response], body: Any, mimetype: str | None = None, status: int | None = None
) -> Response:
    """Return a response of this body.

    Python's short way to a constructor is by all of its arguments, in their order.
    """
    if cls.takes_in_order:
        try:
            return cls(body, status, None, mimetype, None, False)
        except TypeError:  # who has replaced it since takes less
            pass
    return cls(body, status, mimetype=mimetype)
