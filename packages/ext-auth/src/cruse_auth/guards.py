"""Decorators that let only logged-in people in, and the answers for everybody else."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlencode

from werkzeug.exceptions import Unauthorized
from werkzeug.urls import iri_to_uri

from cruse import current_app, redirect, request, session, url_for
from cruse.colors import is_async
from cruse.globals import current_context
from cruse_auth.record import read_record
from cruse_auth.redirects import is_safe_next, own_origins
from cruse_auth.signals import sending, user_unauthorized
from cruse_auth.steps import Call, arun, run
from cruse_auth.users import ANONYMOUS, keep_private, loading

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Response as WerkzeugResponse

    from cruse import Request
    from cruse.typing import ResponseReturnValue
    from cruse_auth.extension import AuthState
    from cruse_auth.steps import Steps

__all__ = ["LoginRequired", "fresh_login_required", "login_fresh", "login_required", "login_url"]

F = TypeVar("F", bound="Callable[..., Any]")

#: The longest query of a page that a visitor is brought back to after the login.
MAX_NEXT = 1000


class LoginRequired(Unauthorized):
    """The 401 for clients that are no browsers: JSON, with the challenge that RFC 9110 demands.

    Register an error handler for it, or for 401, to answer in another form.
    """

    def __init__(self, realm: str, fresh: bool) -> None:
        super().__init__("A fresh login is required." if fresh else "A login is required.")
        self.error = "fresh_login_required" if fresh else "login_required"
        self.realm = realm

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Return the header fields, with the challenge."""
        quoted = self.realm.replace("\\", "\\\\").replace('"', '\\"')
        # No error code without credentials: RFC 6750 section 3.1.
        challenge = f'Bearer realm="{quoted}"'
        return [("Content-Type", "application/json"), ("WWW-Authenticate", challenge)]

    def get_body(self, *args: Any, **kwargs: Any) -> str:
        """Return the error as JSON."""
        body = {"error": self.error, "error_description": self.description}
        return current_app.json.dumps(body)


def login_required(view: F) -> F:
    """Let only logged-in people call a view, plain or async.

    Others are sent to the login page when they use a browser, and back afterwards; other clients
    get a 401. Put it below the route::

        @app.get("/account")
        @login_required
        def account(): ...
    """
    return _guard(view, fresh=False)


def fresh_login_required(view: F) -> F:
    """Let only those call a view who logged in during the last ``AUTH_FRESH_LIFETIME`` seconds.

    For what must not happen because a browser was left open: a new address, a deletion.
    """
    return _guard(view, fresh=True)


def _guard(view: F, fresh: bool) -> F:
    guarded: Any
    if is_async(view):

        @wraps(view)
        async def guarded(*args: Any, **kwargs: Any) -> Any:
            refusal = await arun(_refusal(fresh))
            return await view(*args, **kwargs) if refusal is None else refusal

    else:

        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            refusal = run(_refusal(fresh))
            return view(*args, **kwargs) if refusal is None else refusal

    return cast("F", guarded)


def _refusal(fresh: bool) -> Steps[ResponseReturnValue | None]:
    """Return the answer for those who may not pass, or ``None``."""
    if request.method == "OPTIONS":  # a browser asks without credentials whether it may ask
        return None
    state: AuthState = current_app.extensions["auth"]
    ctx = current_context()
    user = ctx.extras.get(state)
    if user is None:
        user = yield from loading(state, ctx)
    if user is not ANONYMOUS:
        keep_private(ctx, state)
        if not fresh or login_fresh():
            return None
    yield from sending(user_unauthorized)
    handler = state.auth.unauthorized_function
    if handler is not None:
        answer: ResponseReturnValue = yield Call(handler)
        return answer
    return turn_away(state, fresh)


def login_fresh() -> bool:
    """Whether the current login is no older than ``AUTH_FRESH_LIFETIME``."""
    record = read_record(session)
    lifetime = current_app.extensions["auth"].settings.fresh_lifetime
    return record is not None and record.is_fresh(lifetime)


def turn_away(state: AuthState, fresh: bool) -> WerkzeugResponse:
    """Send a browser to the login page.

    Raises:
        LoginRequired: For every other client.
    """
    if not wants_page(request):
        raise LoginRequired(state.settings.realm or state.app.name, fresh)
    # 302 is for those who were reading; after a form was sent the login page must be a GET.
    code = 302 if request.method in ("GET", "HEAD") else 303
    response = redirect(login_url(state.login_view, came_from(request), fresh=fresh), code)
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


def login_url(view: str, next_url: str | None = None, *, fresh: bool = False) -> str:
    """Return the URL of a login page that leads back.

    Args:
        view: The endpoint of the page, or its URL.
        next_url: Where it leads after the login.
        fresh: Whether the person must show up, even if the provider still knows them.
    """
    arguments = {}
    if next_url:
        arguments["next"] = next_url
    if fresh:
        arguments["fresh"] = "1"
    if "/" not in view:
        return url_for(view, **arguments)  # type: ignore[arg-type]
    if not arguments:
        return view
    return f"{view}{'&' if '?' in view else '?'}{urlencode(arguments)}"
