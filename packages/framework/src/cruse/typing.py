"""The types of what users write: views, hooks, error handlers, return values."""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterator,
    Mapping,
    MutableMapping,
)
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from _typeshed.wsgi import StartResponse as StartResponse
    from _typeshed.wsgi import WSGIApplication as WSGIApplication
    from _typeshed.wsgi import WSGIEnvironment as WSGIEnvironment
    from werkzeug.datastructures import Headers
    from werkzeug.wrappers import Response

    from cruse.app import Cruse
    from cruse.engines import TemplateEngine
    from cruse.observers import Observation

HeaderValue: TypeAlias = str | list[str] | tuple[str, ...]
if TYPE_CHECKING:
    # What a view may return as the body.
    ResponseValue: TypeAlias = (
        Response
        | str
        | bytes
        | bytearray
        | list[Any]
        | Mapping[str, Any]
        | Iterator[str]
        | Iterator[bytes]
        | AsyncIterator[str]
        | AsyncIterator[bytes]
        | WSGIApplication
        | DataclassInstance
    )
    HeadersValue: TypeAlias = (
        Headers
        | Mapping[str, HeaderValue]
        | list[tuple[str, HeaderValue]]
        | tuple[tuple[str, HeaderValue], ...]
    )
    ResponseReturnValue: TypeAlias = (
        ResponseValue
        | tuple[ResponseValue, HeadersValue]
        | tuple[ResponseValue, int | str]
        | tuple[ResponseValue, int | str, HeadersValue]
    )
else:
    # Werkzeug and _typeshed stay out of the run. (In quotes over several lines, which keep them
    # out too, pyright takes each of these for Any.)
    ResponseValue = HeadersValue = ResponseReturnValue = Any

RouteCallable: TypeAlias = (
    Callable[..., "ResponseReturnValue"] | Callable[..., Awaitable["ResponseReturnValue"]]
)
BeforeRequestCallable: TypeAlias = (
    Callable[[], "ResponseReturnValue | None"]
    | Callable[[], Awaitable["ResponseReturnValue | None"]]
)
WebSocketCallable: TypeAlias = Callable[..., Awaitable["ResponseReturnValue | None"]]
AfterRequestCallable: TypeAlias = Callable[[Any], Any] | Callable[[Any], Awaitable[Any]]
TeardownCallable: TypeAlias = (
    Callable[[BaseException | None], None] | Callable[[BaseException | None], Awaitable[None]]
)
ErrorHandlerCallable: TypeAlias = (
    Callable[[Any], "ResponseReturnValue"] | Callable[[Any], Awaitable["ResponseReturnValue"]]
)
URLValuePreprocessorCallable: TypeAlias = Callable[[str | None, dict[str, Any] | None], None]
URLDefaultCallable: TypeAlias = Callable[[str, dict[str, Any]], None]
TemplateContextProcessorCallable: TypeAlias = (
    Callable[[], dict[str, Any]] | Callable[[], Awaitable[dict[str, Any]]]
)
TemplateFilterCallable: TypeAlias = Callable[..., Any]
TemplateGlobalCallable: TypeAlias = Callable[..., Any]
TemplateTestCallable: TypeAlias = Callable[..., bool]
ShellContextProcessorCallable: TypeAlias = Callable[[], dict[str, Any]]
Observer: TypeAlias = Callable[["Observation"], Generator[None, None, None]]
EngineFactory: TypeAlias = Callable[["Cruse"], "TemplateEngine"]
LifespanCallable: TypeAlias = Callable[[], object] | Callable[[], Awaitable[object]]

# ASGI 3 and RSGI 1 speak dicts of their own; the specs give the keys.
Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

F = TypeVar("F", bound=Callable[..., Any])
E = TypeVar("E", bound=Exception)
# What an error handler returns.
AnswerT = TypeVar("AnswerT", bound="ResponseReturnValue | Awaitable[ResponseReturnValue]")
R = TypeVar("R")
Coro: TypeAlias = Coroutine[Any, Any, R]

if not TYPE_CHECKING:
    WSGIEnvironment = dict[str, Any]
    StartResponse = Callable[..., Any]
    WSGIApplication = Callable[..., Any]
