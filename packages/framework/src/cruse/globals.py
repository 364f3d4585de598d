"""The current context, and the proxies that stand for parts of it.

One :class:`~contextvars.ContextVar` holds the one context of a request (or of an application
scope). The proxies look a part of it up anew at every use, so they may be imported at module
level and shared between threads and tasks.

They are written out here instead of using ``werkzeug.local.LocalProxy`` because that goes through
three Python calls for one attribute, and a proxy is on the path of nearly every view.
"""

from __future__ import annotations

import operator
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from cruse.app import Cruse
    from cruse.context import Context, Globals
    from cruse.requests import Request
    from cruse.sessions import SessionMixin
    from cruse.websockets import WebSocket

__all__ = [
    "app_ctx",
    "current_app",
    "current_context",
    "g",
    "get_app",
    "has_app_context",
    "has_request_context",
    "request",
    "session",
    "websocket",
]

T = TypeVar("T")

_cv: ContextVar[Context] = ContextVar("cruse.context")
#: Its methods, so that no request has to look them up.
_enter, _leave = _cv.set, _cv.reset
_now = cast("Callable[[Any], Any]", _cv.get)
_OF_REQUESTS = frozenset({"request", "session", "websocket"})

_NO_APP = (
    "Working outside of application context.\n\n"
    "This needs the application, and none is current. Inside a request it always is; elsewhere "
    "(a script, a shell, a thread of your own) enter one first: 'with app.app_context():'."
)
_NO_REQUEST = (
    "Working outside of request context.\n\n"
    "This needs an HTTP request, and none is being handled. In a test, enter one with "
    "'with app.test_request_context():'. In a thread or task started by a view, wrap the "
    "function with 'copy_current_request_context'."
)

_HIDDEN_REQUEST = (
    "Working outside of request context.\n\n"
    "A request is being handled, but an application context was entered within it, which is "
    "current now. Leave 'with app.app_context():' out there: a request has an application context."
)

_NO_WEBSOCKET = (
    "This needs a websocket, and what is being handled is an ordinary request. A view that "
    "converses is registered with '@app.websocket(\"/path\")'."
)


def current_context() -> Context:
    """Return the context that is current.

    Raises:
        RuntimeError: When no application context is active.
    """
    try:
        return _cv.get()
    except LookupError:
        raise RuntimeError(_NO_APP) from None


def get_app(cls: type[T]) -> T:
    """Return the current application as one of its own class, for type checkers and for you.

    Args:
        cls: The class of the application, or a base of it.

    Raises:
        RuntimeError: When no application context is active.
        TypeError: When the current application is not of that class.
    """
    app = current_context().app
    if isinstance(app, cls):
        return app
    raise TypeError(
        f"The current application, {app!r}, is not a {cls.__name__}. Another one may be current: "
        "a mounted one, or that of a test."
    )


def has_app_context() -> bool:
    """Whether an application context (also that of a request) is current."""
    return _cv.get(None) is not None


def has_request_context() -> bool:
    """Whether a request is being handled."""
    context = _cv.get(None)
    return context is not None and context.has_request


def _current(part: str | None) -> Any:
    """Return the current context, or one part of it, or say what is missing."""
    context = _cv.get(None)
    if context is None or (part in _OF_REQUESTS and not context.has_request):
        missing = _HIDDEN_REQUEST if _hides_request(context) else _NO_REQUEST
        raise RuntimeError(missing if part in _OF_REQUESTS else _NO_APP)
    if part is None:
        return context
    value = getattr(context, part)
    if value is None:
        raise RuntimeError(_NO_WEBSOCKET)
    return value


def _hides_request(context: Any) -> bool:
    """Whether a context, if there is one, was entered while a request's was the current one."""
    while context is not None and not context.has_request:
        before = context._tokens[0].old_value if context._tokens else None
        context = None if before is Token.MISSING else before
    return context is not None


class _Proxy:
    """Stands for the object that its subclass's ``_part`` names in the current context."""

    __slots__ = ()
    _part: str | None = None
    #: The context's attribute for the part, which holds ``None`` until somebody has touched it.
    _kept_as: str = ""

    def _get_current_object(self) -> Any:
        """Return the real object, for identity, signals' senders and other threads."""
        return _current(type(self)._part)

    # Not `__getattr__`, for which Python looks first whether the proxy has the name, and which it
    # calls the long way round.
    def __getattribute__(self, name: str) -> Any:
        if name in _own_names:
            return object.__getattribute__(self, name)
        made = getattr(_now(None), type(self)._kept_as, None)
        return _look_up(self, name) if made is None else getattr(made, name)

    def __setattr__(self, name: str, value: Any) -> None:
        made = getattr(_now(None), type(self)._kept_as, None)
        setattr(_current(type(self)._part) if made is None else made, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(_current(type(self)._part), name)

    def __repr__(self) -> str:
        try:
            return repr(_current(type(self)._part))
        except RuntimeError:
            return f"<{type(self).__name__} unbound>"

    def __bool__(self) -> bool:
        try:
            return bool(_current(type(self)._part))
        except RuntimeError:
            return False

    def __dir__(self) -> list[str]:
        try:
            return dir(_current(type(self)._part))
        except RuntimeError:
            return []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _current(type(self)._part)(*args, **kwargs)

    def __hash__(self) -> int:
        return hash(_current(type(self)._part))


def _look_up(proxy: _Proxy, name: str) -> Any:
    """Return an attribute of an object that nobody has touched yet."""
    context, part, made = _now(None), type(proxy)._part, None
    if context is not None and context.has_request and part:
        made = getattr(context, part)  # made now
    if made is None:
        if name[:2] == "__" and not proxy:
            # Tools that look at every name of a module (pytest, doctest) ask for these.
            raise AttributeError(f"{name!r}: there is nothing that this stands for here.")
        made = _current(part)
    return getattr(made, name)


class _Nothing:
    """Stands for a context where there is none."""

    made_request = made_session = made_g = websocket = None
    has_request = False


_NOTHING: Any = _Nothing()


# What views ask for most, with the name of the context's attribute written out.


class _RequestProxy(_Proxy):
    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        if name in _own_names:
            return object.__getattribute__(self, name)
        context = _now(_NOTHING)
        made = context.made_request
        if made is None:
            if not context.has_request:
                return _look_up(self, name)
            made = context.request  # made now
        return getattr(made, name)


class _SessionProxy(_Proxy):
    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        if name in _own_names:
            return object.__getattribute__(self, name)
        context = _now(_NOTHING)
        made = context.made_session
        if made is None:
            if not context.has_request:
                return _look_up(self, name)
            made = context.session  # made now
        return getattr(made, name)

    def __getitem__(self, key: str) -> Any:
        made = _now(_NOTHING).made_session
        return (_current("session") if made is None else made)[key]

    def __setitem__(self, key: str, value: Any) -> None:
        made = _now(_NOTHING).made_session
        (_current("session") if made is None else made)[key] = value


class _WebSocketProxy(_Proxy):
    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        if name in _own_names:
            return object.__getattribute__(self, name)
        made = _now(_NOTHING).websocket
        return _look_up(self, name) if made is None else getattr(made, name)

    def __aiter__(self) -> Any:
        made = _now(_NOTHING).websocket
        return aiter(_current("websocket") if made is None else made)


class _GlobalsProxy(_Proxy):
    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        if name in _own_names:
            return object.__getattribute__(self, name)
        context = _now(_NOTHING)
        made = context.made_g
        if made is None:
            if not context.has_request:
                return _look_up(self, name)
            made = context.g  # made now
        return getattr(made, name)

    def __setattr__(self, name: str, value: Any) -> None:
        made = _now(_NOTHING).made_g
        setattr(_current("g") if made is None else made, name, value)


def _forward(operation: Callable[..., Any]) -> Callable[..., Any]:
    def forwarded(self: _Proxy, *args: Any) -> Any:
        made = getattr(_now(None), type(self)._kept_as, None)
        return operation(_current(type(self)._part) if made is None else made, *args)

    return forwarded


def _copied(real: Any, *memo: Any) -> Any:
    """Copy what a proxy stands for; deeply, with the memo of what was copied so far."""
    from copy import copy, deepcopy  # here: few copy one

    return deepcopy(real, *memo) if memo else copy(real)


# Special methods are looked up on the type, so each needs a forwarder of its own.
for _name, _operation in {
    "__str__": str,
    "__len__": len,
    "__iter__": iter,
    "__aiter__": aiter,
    "__reversed__": reversed,
    "__contains__": operator.contains,
    "__getitem__": operator.getitem,
    "__setitem__": operator.setitem,
    "__delitem__": operator.delitem,
    "__eq__": operator.eq,
    "__ne__": operator.ne,
    "__or__": operator.or_,
    "__ior__": operator.ior,
    "__ror__": lambda obj, other: other | obj,
    "__copy__": _copied,
    "__deepcopy__": _copied,
    "__enter__": lambda obj: obj.__enter__(),
    "__exit__": lambda obj, *exc: obj.__exit__(*exc),
    "__aenter__": lambda obj: obj.__aenter__(),
    "__aexit__": lambda obj, *exc: obj.__aexit__(*exc),
}.items():
    setattr(_Proxy, _name, _forward(cast("Callable[..., Any]", _operation)))
#: What a proxy has itself; every other name is looked up on what it stands for.
_own_names = frozenset((*dir(_Proxy), "__dict__", "__weakref__"))


def _proxy(name: str, part: str | None, kept_as: str = "", base: type[_Proxy] = _Proxy) -> Any:
    """Make the proxy called ``name`` for the attribute ``part`` of the context."""

    # isinstance() asks for __class__: it must be the real object's.
    def real_class(self: _Proxy) -> type:
        try:
            return cast("type", _current(part).__class__)
        except RuntimeError:  # unbound: still something that inspect and pytest may look at
            from werkzeug.local import LocalProxy  # as which Flask's extensions know a proxy

            return LocalProxy

    def real_dict(self: _Proxy) -> dict[str, Any]:
        return cast("dict[str, Any]", _current(part).__dict__)

    return type(
        "LocalProxy",
        (base,),
        {
            "__slots__": ("__weakref__",),
            "_part": part,
            "_kept_as": kept_as,
            "__class__": property(real_class),
            "__dict__": property(real_dict),
            "__doc__": f"Stands for the current {name}.",
        },
    )()


app_ctx: Context = _proxy("context", None)
current_app: Cruse = _proxy("application", "app", "app")
request: Request = _proxy("request", "request", "made_request", _RequestProxy)
session: SessionMixin = _proxy("session", "session", "made_session", _SessionProxy)
g: Globals = _proxy("g", "g", "made_g", _GlobalsProxy)
websocket: WebSocket = _proxy("websocket", "websocket", "websocket", _WebSocketProxy)
