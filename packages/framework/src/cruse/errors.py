"""Which handler an error gets, how an error registered for is named, and how one is raised."""

from __future__ import annotations

from collections import defaultdict
from inspect import isclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from werkzeug.exceptions import Aborter as WerkzeugAborter
from werkzeug.exceptions import HTTPException, default_exceptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from werkzeug.sansio.response import Response

    from cruse.typing import ErrorHandlerCallable

__all__ = ["Aborter", "HandlerSpec", "class_and_code", "find_handler", "make_handler_spec"]

#: Handlers by scope (blueprint name or ``None``), HTTP status (or ``None``) and exception class.
HandlerSpec: TypeAlias = (
    "defaultdict[str | None, defaultdict[int | None, dict[type[Exception], ErrorHandlerCallable]]]"
)


def make_handler_spec() -> HandlerSpec:
    """Return an empty registry of error handlers."""
    return defaultdict(lambda: defaultdict(dict))


def class_and_code(key: type[Exception] | int) -> tuple[type[Exception], int | None]:
    """Return the exception class, and its HTTP status if it has one, that ``key`` stands for.

    Raises:
        ValueError: When it is no known status, or no subclass of ``Exception``.
        TypeError: When it is an instance instead of a class.
    """
    if isinstance(key, int):
        try:
            return default_exceptions[key], key
        except KeyError:
            raise ValueError(
                f"{key} is not an HTTP error status that werkzeug has an exception for. Register "
                "the handler for a subclass of HTTPException with that code instead."
            ) from None
    if not isclass(key):
        raise TypeError(
            f"{key!r} is an instance. Register a handler for an exception class or a status."
        )
    if not issubclass(key, Exception):
        raise ValueError(f"{key.__name__!r} is not a subclass of Exception.")
    code = key.code if issubclass(key, HTTPException) else None
    return key, code


def find_handler(
    spec: HandlerSpec, error: Exception, blueprints: Iterable[str]
) -> ErrorHandlerCallable | None:
    """Return the handler for an error.

    A handler for the error's status goes before one for its class alone; inside of each, the
    innermost blueprint before the application; inside of that, the nearest class.

    Args:
        spec: The registry.
        error: What was raised.
        blueprints: The names of the request's blueprints, innermost first.
    """
    code = type(error).code if isinstance(error, HTTPException) else None
    scopes = (*blueprints, None)
    for status in (code, None) if code is not None else (None,):
        for scope in scopes:
            handlers = spec[scope][status] if scope in spec else None
            if not handlers:
                continue
            for cls in type(error).__mro__:
                handler = handlers.get(cls)
                if handler is not None:
                    return handler
    return None


class Aborter(WerkzeugAborter):
    """Raises the HTTP error of a status; what is behind ``abort``."""

    def __call__(
        self,
        code: int | Response,
        *args: Any,
        problem: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> NoReturn:
        """Raise the error.

        Args:
            code: The status, or a response to send.
            args: For the exception; the description first.
            problem: What its problem details say beside that (RFC 9457): ``type``, ``title``,
                ``instance``, and members of your own.
            kwargs: For the exception, such as ``retry_after`` for 429 and 503.

        Raises:
            HTTPException: Always.
            LookupError: When the status is no error that there is an exception for.
        """
        try:
            super().__call__(code, *args, **kwargs)
        except HTTPException as error:
            if problem is not None:
                error.problem = dict(problem)  # type: ignore[attr-defined]
            raise
