"""Decorators that let only logged-in people in, and the answers for everybody else."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlencode

from werkzeug.exceptions import Unauthorized
from werkzeug.urls import iri_to_uri

from cruse import current_app, flash, redirect, request, session, url_for
from cruse.colors import is_async
from cruse.globals import current_context
from cruse_auth.challenges import challenge
from cruse_auth.record import read_record
from cruse_auth.redirects import is_safe_next, own_origins
from cruse_auth.rights import BEARER, Demand
from cruse_auth.signals import sending, user_needs_refresh, user_unauthorized
from cruse_auth.steps import Call, arun, run
from cruse_auth.users import ANONYMOUS, find_user, finding, keep_private, way_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import timedelta

    from werkzeug.wrappers import Response as WerkzeugResponse

    from cruse import Request
    from cruse.typing import ResponseReturnValue
    from cruse_auth.http import Http
    from cruse_auth.resources import Resource
    from cruse_auth.state import AuthState
    from cruse_auth.steps import Steps

__all__ = [
    "LoginRequired",
    "auth_required",
    "fresh_login_required",
    "login_fresh",
    "login_remembered",
    "login_required",
    "login_url",
    "refusal",
]

F = TypeVar("F", bound="Callable[..., Any]")

#: The longest query of a page that a visitor is brought back to after the login.
MAX_NEXT = 1000


class LoginRequired(Unauthorized):
    """The 401 for clients that are no browsers: JSON, with the challenge that RFC 9110 demands.

    Register an error handler for it, or for 401, to answer in another form.
    """

    def __init__(self, realm: str, fresh: bool, acr: tuple[str, ...] = ()) -> None:
        super().__init__("A fresh login is required." if fresh else "A login is required.")
        self.error = "fresh_login_required" if fresh else "login_required"
        self.realm = realm
        self.acr = acr

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Return the header fields, with the challenge."""
        # No error code without credentials: RFC 6750 section 3.1.
        value = challenge("Bearer", realm=self.realm)
        return [("Content-Type", "application/json"), ("WWW-Authenticate", value)]

    def get_body(self, *args: Any, **kwargs: Any) -> str:
        """Return the error as JSON."""
        body = {"error": self.error, "error_description": self.description}
        if self.acr:
            body["acr_values"] = " ".join(self.acr)
        return current_app.json.dumps(body)


def login_required(view: F) -> F:
    """Let only logged-in people call a view, plain or async.

    Others are sent to the login page when they use a browser, and back afterwards; other clients
    get a 401. Put it below the route::

        @app.get("/account")
        @login_required
        def account(): ...
    """
    return _guard(view, Demand())


def fresh_login_required(view: F) -> F:
    """Let only those call a view who logged in during the last ``AUTH_FRESH_LIFETIME`` seconds.

    For what must not happen because a browser was left open: a new address, a deletion.
    """
    return _guard(view, Demand(fresh=True))


def auth_required(
    *ways: str,
    within: timedelta | float | None = None,
    acr: Iterable[str] | str = (),
    roles: Iterable[str] | str = (),
    any_role: Iterable[str] | str = (),
    permissions: Iterable[str] | str = (),
    scopes: Iterable[str] | str = (),
) -> Callable[[F], F]:
    """Let only those call a view, plain or async, who are logged in and may do it.

    Who is not logged in gets what :func:`login_required` gives, who lacks a right gets a 403::

        @app.post("/refunds")
        @auth_required("session", roles="staff", within=timedelta(minutes=10))
        def refund(): ...

    Args:
        ways: How they may be found: ``"session"``, ``"request"`` for the request loader; unless
            given, either. ``"bearer"`` for an access token of the resource that has a user loader.
        within: The most seconds since they logged in.
        acr: How sure the login must be, in the terms of the provider; of several values one will
            do. Who logged in with less is sent to the provider for more (a step-up).
        roles: The roles they need, all of them.
        any_role: The roles of which one is enough.
        permissions: The permissions they need.
        scopes: The scopes that credentials in a request need.

    Raises:
        ValueError: For a way that does not exist.
    """
    rights = {"roles": roles, "any_role": any_role, "permissions": permissions, "scopes": scopes}
    demand = Demand.of(ways, within, acr=acr, **rights)
    return lambda view: _guard(view, demand)


def _guard(view: F, demand: Demand) -> F:
    guarded: Any
    if is_async(view):

        @wraps(view)
        async def guarded(*args: Any, **kwargs: Any) -> Any:
            resource = _resource(demand)
            answer = await arun(refusal(demand, resource), _http(resource))
            return await view(*args, **kwargs) if answer is None else answer

    else:

        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            resource = _resource(demand)
            answer = run(refusal(demand, resource), _http(resource))
            return view(*args, **kwargs) if answer is None else answer

    return cast("F", guarded)


def _resource(demand: Demand) -> Resource | None:
    """Return the resource whose access token says who it is, when one was sent or has to be.

    Raises:
        RuntimeError: When there is no such resource.
    """
    if BEARER not in demand.ways:
        return None
    state: AuthState = current_app.extensions["auth"]
    found = [each for each in state.auth.resources if each.user_loader_function is not None]
    if len(found) != 1:
        raise RuntimeError(
            "Views for 'bearer' need one resource, 'api = auth.resource(...)', with a function"
            f" that finds the user of a token, '@api.user_loader'; there are {len(found)}."
        )
    return found[0] if found[0].is_asked() or demand.ways == (BEARER,) else None


def _http(resource: Resource | None) -> Http | None:
    return None if resource is None else resource.http()


def refusal(demand: Demand, resource: Resource | None = None) -> Steps[ResponseReturnValue | None]:
    """Return the answer for those who may not pass, or ``None``.

    Args:
        demand: What the view demands.
        resource: The one whose access token says who it is, if that does.

    Raises:
        Forbidden: For those who lack a right.
        BearerError: For those whose access token is not good enough.
    """
    if request.method == "OPTIONS":  # a browser asks without credentials whether it may ask
        return None
    state: AuthState = current_app.extensions["auth"]
    ctx = current_context()
    if resource is None:
        user = yield from finding(state, ctx)
    else:  # who sends a token means it, and not a cookie
        user = yield from resource.finding_user(demand.scopes)
        ctx.extras[state], ctx.extras[state, "way"] = user, BEARER
    way, stale, weak = way_of(state, ctx), False, False
    if user is not ANONYMOUS:
        keep_private(ctx, state)
        if way in demand.ways:
            stale = not _is_fresh_enough(state, demand, way)
            weak = not _is_sure_enough(demand, way)
            if not (stale or weak):
                demand.check_rights(user, way, state.realm)
                return None
    yield from sending(user_unauthorized)
    auth, handler = state.auth, state.auth.unauthorized_function
    if stale or weak:
        yield from sending(user_needs_refresh)
        handler = auth.needs_refresh_function or handler
    if handler is not None:
        answer: ResponseReturnValue = yield Call(handler)
        return answer
    return turn_away(state, demand, stale=stale, weak=weak)


def _is_fresh_enough(state: AuthState, demand: Demand, way: str | None) -> bool:
    """Whether the login is young enough; credentials in a request say nothing about people."""
    lifetime = state.settings.fresh_lifetime if demand.fresh else demand.within
    if lifetime is None:
        return True
    record = read_record(session) if way == "session" else None
    return record is not None and record.is_fresh(lifetime)


def _is_sure_enough(demand: Demand, way: str | None) -> bool:
    """Whether the login is as sure as it has to be; credentials in a request are no login."""
    if not demand.acr:
        return True
    record = read_record(session) if way == "session" else None
    return record is not None and record.evidence.acr in demand.acr


def login_fresh() -> bool:
    """Whether the current login is no older than ``AUTH_FRESH_LIFETIME``."""
    find_user()  # a session whose login has ended says nothing
    state: AuthState = current_app.extensions["auth"]
    return _is_fresh_enough(state, Demand(fresh=True), way_of(state, current_context()))


def login_remembered() -> bool:
    """Whether the browser was only remembered: nobody has logged in since it was started."""
    find_user()
    state: AuthState = current_app.extensions["auth"]
    if way_of(state, current_context()) != "session":
        return False
    record = read_record(session)
    return record is not None and not record.fresh


def turn_away(state: AuthState, demand: Demand, *, stale: bool, weak: bool) -> WerkzeugResponse:
    """Send a browser to the login page.

    Args:
        state: The application's.
        demand: What was not met.
        stale: Whether there is a login already, that is too old.
        weak: Whether there is one that is not sure enough.

    Raises:
        LoginRequired: For every other client, and where no login helps.
    """
    again = stale or weak
    if not ("session" in demand.ways and wants_page(request)):
        raise LoginRequired(state.realm, again, demand.acr)
    auth = state.auth
    message = auth.needs_refresh_message if again else auth.login_message
    if message:
        flash(message, auth.login_message_category)
    view = (auth.refresh_view if again else None) or state.login_view
    # 302 is for those who were reading; after a form was sent the login page must be a GET.
    code = 302 if request.method in ("GET", "HEAD") else 303
    response = redirect(login_url(view, came_from(request), fresh=stale, acr=demand.acr), code)
    response.headers["Cache-Control"] = "no-store"
    return response


def wants_page(request: Request) -> bool:
    """Whether the client is a browser that shows a page, judging by what it asks for."""
    if "Authorization" in request.headers:
        return False
    if request.headers.get("X-Requested-With") == "XMLHttpRequest":
        return False
    return any(kind == "text/html" and quality > 0 for kind, quality in request.accept_mimetypes)


def came_from(request: Request) -> str | None:
    """Return the page to go back to after the login: this one, or the one that sent a form."""
    if request.method in ("GET", "HEAD"):
        query = request.query_string.decode("latin-1")
        target = f"{request.root_path}{request.path}"
        target = iri_to_uri(target) + (f"?{query}" if query else "")
    else:
        target = request.referrer or ""
    if len(target) > MAX_NEXT or not is_safe_next(target, own_origins()):
        return None
    return target


def login_url(
    view: str, next_url: str | None = None, *, fresh: bool = False, acr: Iterable[str] = ()
) -> str:
    """Return the URL of a login page that leads back.

    Args:
        view: The endpoint of the page, or its URL.
        next_url: Where it leads after the login.
        fresh: Whether the person must show up, even if the provider still knows them.
        acr: How sure the login must be: values of which one will do.
    """
    arguments = {}
    if next_url:
        arguments["next"] = next_url
    if fresh:
        arguments["fresh"] = "1"
    if values := " ".join(acr):
        arguments["acr"] = values
    if "/" not in view:
        return url_for(view, **arguments)  # type: ignore[arg-type]
    if not arguments:
        return view
    return f"{view}{'&' if '?' in view else '?'}{urlencode(arguments)}"
