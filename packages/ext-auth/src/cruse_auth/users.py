"""The current user: loaded once per request, when somebody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from werkzeug.local import LocalProxy

from cruse import has_app_context
from cruse.colors import inline, is_async
from cruse.globals import current_context
from cruse_auth.record import KEY, read_record
from cruse_auth.remember import brings_token
from cruse_auth.sessions import find_login
from cruse_auth.signals import sending, user_loaded_from_request
from cruse_auth.steps import Call, arun, on_event_loop, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from cruse import Response
    from cruse.context import Context
    from cruse_auth.state import AuthState
    from cruse_auth.steps import Steps

__all__ = ["AnonymousUser", "UserMixin", "current_user"]


class UserMixin:
    """What a class of users may inherit; a class that has an ``id`` needs nothing more.

    ``is_active = False`` in a user shuts them out, also from logins that are open.
    """

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """Return what the user loader finds this user by."""
        return str(self.id)  # type: ignore[attr-defined]


class AnonymousUser:
    """Stands for a visitor who is not logged in. It is false in ``if current_user``."""

    is_authenticated = False
    is_active = False
    is_anonymous = True

    def get_id(self) -> None:
        """Return no id."""

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AnonymousUser)

    def __hash__(self) -> int:
        return hash(AnonymousUser)

    def __repr__(self) -> str:
        return "<AnonymousUser>"


ANONYMOUS = AnonymousUser()


def id_of(user: Any) -> str:
    """Return the id of a user, as text.

    Raises:
        TypeError: When the object has neither ``get_id()`` nor ``id``.
    """
    get_id = getattr(user, "get_id", None)
    value = get_id() if callable(get_id) else getattr(user, "id", None)
    if value is None:
        raise TypeError(
            f"{type(user).__name__!r} objects cannot be logged in: they need an 'id' attribute or"
            " a 'get_id()' method, and the user must have been stored."
        )
    return str(value)


def is_active(user: Any) -> bool:
    """Whether a user may be logged in; so is every user who does not say otherwise."""
    return bool(getattr(user, "is_active", True))


# -- loading ------------------------------------------------------------------------------------


def loading(state: AuthState, ctx: Context) -> Steps[Any]:
    """Find the user of a request and keep them for it, with the way they were found."""
    user, way = None, None
    if ctx.has_request:
        user, way = yield from _find(state, ctx)
    if user is None or not is_active(user):
        user, way = ANONYMOUS, None
    ctx.extras[state] = user
    ctx.extras[state, "way"] = way
    return user


def finding(state: AuthState, ctx: Context) -> Steps[Any]:
    """Find the user of a request, unless they are known already."""
    user = ctx.extras.get(state)
    return user if user is not None else (yield from loading(state, ctx))


def _find(state: AuthState, ctx: Context) -> Steps[tuple[Any, str | None]]:
    """Return the user and how they were found: by their session, or by the request loader."""
    asks = state.auth.request_loader_function
    # Who sends credentials means them, and not a cookie that the browser adds by itself.
    first = asks is not None and "Authorization" in ctx.request.headers
    if first and (user := (yield from _ask(asks, ctx))) is not None:
        return user, "request"
    record = yield from find_login(state, ctx)
    if record is not None:
        user = yield Call(state.loader, (record.user_id,))
        if user is not None:
            return user, "session"
    if asks is not None and not first:
        return (yield from _ask(asks, ctx)), "request"
    return None, None


def _ask(loader: Any, ctx: Context) -> Steps[Any]:
    user = yield Call(loader, (ctx.request,))
    if user is not None:
        yield from sending(user_loaded_from_request, user=user)
    return user


def way_of(state: AuthState, ctx: Context) -> str | None:
    """Return how the user was found: ``"session"``, ``"request"``, ``"bearer"``; or ``None``."""
    way: str | None = ctx.extras.get((state, "way"))
    return way


def get_user(state: AuthState, ctx: Context) -> Any:
    """Return the user of a request, loaded now if nobody did yet."""
    user = ctx.extras.get(state)
    if user is None:
        if _must_be_awaited(state, ctx):
            raise RuntimeError(
                "The current user is not loaded yet, and the async user loader cannot be awaited"
                " by reading an attribute. In a hook that runs before the user is loaded, write"
                " 'user = await auth.load_user()'."
            )
        user = run(loading(state, ctx))
    elif ctx.has_request and way_of(state, ctx) in ("session", None) and not ctx.session.accessed:
        ctx.session.get(KEY)  # loaded before, looked at now: the answer varies by the cookie
    if user is not ANONYMOUS:
        keep_private(ctx, state)
    return user


def _must_be_awaited(state: AuthState, ctx: Context) -> bool:
    """Whether finding out who it is takes an async function where nobody can wait for it."""
    if not (ctx.has_request and on_event_loop()):
        return False
    auth = state.auth
    if is_async(auth.request_loader_function):
        return True
    if not (is_async(auth.user_loader_function) or is_async(getattr(auth.store, "get", None))):
        return False
    return read_record(ctx.session) is not None or brings_token(state, ctx)


def keep_private(ctx: Context, state: AuthState) -> None:
    """Keep a page that was made for one person out of caches, also after the logout."""
    marker = (state, "private")
    if marker in ctx.extras or not ctx.has_request:
        return
    ctx.extras[marker] = True

    @inline
    def set_header(response: Response) -> Response:
        if "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "private, no-store"
        return response

    ctx.after_this_request(set_header)


def preload(state: AuthState, ctx: Context) -> Any:
    """Before a request that will run on an event loop: load the user, who can't be awaited later.

    Costs nothing to requests without a session, and nothing where views run in worker threads.

    Returns:
        A coroutine that loads the user, or ``None``.
    """
    view = ctx.app.view_functions.get(ctx.endpoint or "")
    if view is None or state in ctx.extras or not (on_event_loop() or is_async(view)):
        return None
    session_cookie = ctx.app.session_interface.get_cookie_name(ctx.app)
    if (
        session_cookie in ctx.request.cookies
        or state.auth.request_loader_function is not None
        or brings_token(state, ctx)
    ):
        return _preload(state, ctx)
    return None


async def _preload(state: AuthState, ctx: Context) -> None:
    accessed = ctx.session_opened and ctx.session.accessed
    await arun(loading(state, ctx))
    if not accessed and ctx.session_opened:
        ctx.session.accessed = False  # nobody has looked yet: no Vary for a page that won't


# -- the proxy ----------------------------------------------------------------------------------


def find_user() -> Any:
    """Return the user of the current request; the anonymous one outside of requests."""
    if not has_app_context():
        return ANONYMOUS
    context = current_context()
    state = context.app.extensions.get("auth")
    if state is None:
        raise RuntimeError(
            f"'current_user' needs the extension: call 'app.use(Auth())' on {context.app.name!r}."
        )
    return get_user(state, context)


_TRAITS = {"is_authenticated": True, "is_active": True, "is_anonymous": False}


class CurrentUser(LocalProxy[Any]):
    """Stands for the user of the current request.

    A class of users that says nothing about being authenticated is.
    """

    __slots__ = ()

    def __init__(self, find: Callable[[], Any]) -> None:
        super().__init__(find)

    def __bool__(self) -> bool:
        # The inherited one takes an error for False: "not loaded yet" would read as "nobody".
        return bool(self._get_current_object())

    def __getattr__(self, name: str) -> Any:
        user = self._get_current_object()
        if name in _TRAITS:
            return getattr(user, name, _TRAITS[name])
        return getattr(user, name)


#: The user of the current request, or :class:`AnonymousUser`. ``auth.current_user`` has a type.
current_user: Any = cast("Any", CurrentUser(find_user))
