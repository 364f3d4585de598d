"""Responses made of what views return."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers.response import Response as WerkzeugResponse

from cruse.globals import _cv, _now, current_context
from cruse.problems import answer_error
from cruse.responses import Response

if TYPE_CHECKING:
    from cruse.app import Cruse
    from cruse.context import Context

__all__ = ["as_response", "response_of", "response_of_error"]


def as_response(ctx: Context, value: Any) -> Response:
    """Return what the after hooks made of a response, as a response.

    Raises:
        TypeError: When one of them returned nothing.
    """
    if isinstance(value, Response):
        return value
    if value is None:
        raise TypeError(
            "An after hook ('after_request', 'after_this_request') or 'process_response' returned "
            "None. It has to return the response to send: the one that it got, or another."
        )
    return ctx.app.make_response(value)


def response_of(app: Cruse, value: Any) -> Response:
    """Return the response that an application makes of what a view returned.

    Raises:
        TypeError: When it is none of the things that a view may return.
    """
    status: int | str | None = None
    headers: Any = None
    body: Any = value
    if isinstance(value, tuple):
        body, status, headers = _unpack(value)
        if headers:
            headers = Headers(headers)  # a field may be there twice, such as Set-Cookie
            if isinstance(body, str | bytes | bytearray | dict | list):
                headers.remove("Content-Length")  # it is known, and another one cuts the answer
    if body is None:
        raise TypeError(
            f"The view of {_endpoint()!r} returned None, which is no response. Is there a way "
            "through it without a 'return'? For an empty answer, return '' or ('', 204)."
        )
    response = _response_of_body(app, body)
    if status is not None:
        if isinstance(status, str | bytes | bytearray):
            response.status = status
        else:
            response.status_code = status
    if headers:
        response.headers.update(headers)
    return response


def _response_of_body(app: Cruse, body: Any) -> Response:
    response_class = app.response_class
    if isinstance(body, response_class):
        return body
    convert = app.response_type_of(type(body)) if app.response_types else None
    if convert is not None:
        return app.make_response(convert(body))
    if isinstance(body, HTTPException):
        return response_of_error(app, body)
    if isinstance(body, str | bytes):
        return response_class(body)
    if isinstance(body, bytearray):
        return response_class(bytes(body))
    if isinstance(body, dict | list) or (is_dataclass(body) and not isinstance(body, type)):
        return app.json.response(body)
    if isinstance(body, Iterator | AsyncIterator):
        return response_class(body)
    if isinstance(body, WerkzeugResponse) or callable(body):
        return _forced(app, body)
    if isinstance(body, Mapping):
        return app.json.response(dict(body))
    raise _no_response(body)


def response_of_error(app: Cruse, error: HTTPException) -> Response:
    """Return the response to an HTTP error."""
    # Answered. Frames that hold it would be held by it until the collector comes.
    error.__traceback__ = None
    answer = answer_error(_now(None) or current_context(), error)
    return answer if isinstance(answer, app.response_class) else _forced(app, answer)


def _forced(app: Cruse, body: Any) -> Response:
    """Make a response of one of another class, or of a WSGI application."""
    if isinstance(body, app.response_class):
        return body
    environ = current_context().request.environ
    try:
        return app.response_class.force_type(body, environ)
    except TypeError as error:
        raise _no_response(body, str(error)) from None


def _no_response(body: Any, why: str = "") -> TypeError:
    return TypeError(
        f"The view of {_endpoint()!r} returned an object of type {type(body).__name__!r}, "
        "which no response can be made of. Return text, bytes, a dict, a list, a dataclass, "
        "an iterator, a response, a WSGI application, or a tuple of one of these with "
        "status and headers; or tell the application what to make of the type, with "
        f"app.register_response_type().{' ' + why if why else ''}"
    )


def _unpack(rv: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    """Return body, status and headers of a tuple that a view returned.

    Raises:
        TypeError: When it has another shape.
    """
    if len(rv) == 3:
        return rv
    if len(rv) == 2:
        body, other = rv
        if isinstance(other, Headers | dict | tuple | list):
            return body, None, other
        return body, other, None
    raise TypeError(
        f"The view of {_endpoint()!r} returned a tuple of {len(rv)} items. A tuple is "
        "(body, status), (body, headers) or (body, status, headers)."
    )


def _endpoint() -> str | None:
    ctx = _cv.get(None)
    return None if ctx is None else ctx.endpoint
