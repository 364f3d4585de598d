"""Responses that are made as their constructor makes them, but for Python's long way there."""

from __future__ import annotations

from typing import Any

from cruse.responses import NO_WHOLE, STATUS_LINES, Response

__all__ = ["OK", "response_init", "response_of_stream", "response_of_whole"]

OK = STATUS_LINES[200]
response_init = Response.__init__
_new = object.__new__


def response_of_whole(
    cls: type[Response], body: str | bytes, mimetype: str | None = None, status: int | None = None
) -> Response:
    """Return a response of this body, in one piece, as the constructor makes it.

    Python takes a long way to a constructor with so many arguments.
    """
    if (
        cls.__init__ is not response_init
        or cls.__new__ is not _new
        or cls.default_status != 200
        or (mimetype is not None and not mimetype.isprintable())
        or (status is not None and status not in STATUS_LINES)
    ):
        return cls(body, status, mimetype=mimetype)
    response = _new(cls)
    if mimetype is not None:
        response._mimetype = mimetype
    if status is None:
        response._status_code, response._status = 200, OK
    else:
        response._status_code, response._status = status, STATUS_LINES[status]
    response._headers = response._closing = None
    response.response = response.whole = [body.encode() if isinstance(body, str) else body]
    return response


def response_of_stream(cls: type[Response], body: Any) -> Response:
    """Return a response whose body this iterator makes, as the constructor does."""
    if cls.__init__ is not response_init or cls.__new__ is not _new or cls.default_status != 200:
        return cls(body)
    response = _new(cls)
    response._status_code, response._status = 200, OK
    response._headers = response._closing = None
    response.whole = NO_WHOLE
    response.response = body
    return response
