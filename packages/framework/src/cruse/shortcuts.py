"""Functions that make answers: ``make_response``, ``redirect``, ``abort`` and streams."""

from __future__ import annotations

from functools import update_wrapper
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

from werkzeug.utils import redirect as redirect_without_app

from cruse.errors import Aborter
from cruse.globals import _cv, current_context
from cruse.headerfields import without_controls
from cruse.responses import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from werkzeug.wrappers import Response as WerkzeugResponse

__all__ = ["abort", "make_response", "redirect", "stream_with_context"]

T = TypeVar("T")


def make_response(*args: Any) -> Response:
    """Make a response of what a view may return, to set headers or cookies on it.

    Args:
        args: Nothing, a body, or body, status and headers.
    """
    app = current_context().app
    if not args:
        return app.response_class()
    return app.make_response(args[0] if len(args) == 1 else args)


def redirect(location: str, code: int = 303) -> WerkzeugResponse:
    """Return a redirect.

    Args:
        location: Where to. It is not checked: never pass on what a client sent.
        code: 303 (See Other) makes the browser GET the location; 307 and 308 keep the method.
    """
    context = _cv.get(None)
    if context is None:
        return redirect_without_app(without_controls(location), code=code, Response=Response)
    return context.app.redirect(location, code=code)


def abort(code: int | WerkzeugResponse, *args: Any, **kwargs: Any) -> NoReturn:
    """Raise the HTTP error of a status.

    Args:
        code: The status, or a response to send.
        args: For the exception; the description first.
        kwargs: For the exception, such as ``retry_after=30`` (seconds) for 429 and 503; and
            ``problem={...}``, members for its problem details (RFC 9457).

    Raises:
        HTTPException: Always.
        LookupError: When the status is no error that there is an exception for.
    """
    context = _cv.get(None)
    aborter = Aborter() if context is None else context.app.aborter
    aborter(code, *args, **kwargs)


@overload
def stream_with_context(generator_or_function: Iterator[T]) -> Iterator[T]: ...
@overload
def stream_with_context(
    generator_or_function: Callable[..., Iterator[T]],
) -> Callable[..., Iterator[T]]: ...


def stream_with_context(generator_or_function: Any) -> Any:
    """Keep the current context for a generator that runs after the view has returned.

    A response that a view returns keeps its context for its stream anyway. This is for
    generators that go elsewhere, and for code written for Flask. Also a decorator.
    """
    if callable(generator_or_function) and not hasattr(generator_or_function, "__next__"):

        def decorated(*args: Any, **kwargs: Any) -> Any:
            return stream_with_context(generator_or_function(*args, **kwargs))

        return update_wrapper(decorated, generator_or_function)
    primed = _in_context(iter(generator_or_function))
    next(primed)  # takes the context now, while it is current
    return primed


def _in_context(source: Iterator[T]) -> Generator[T | None, None, None]:
    context = current_context()
    yield None
    try:
        while True:
            token = _cv.set(context)
            try:
                item = next(source)
            except StopIteration:
                return
            finally:
                _cv.reset(token)
            yield item
    finally:
        close = getattr(source, "close", None)
        if close is not None:
            close()
