"""The pages of logging in and out.

Each view is quick by itself and hands back what takes time: done at once in a worker's thread, or
as a coroutine on an event loop (see :mod:`cruse_auth.steps`).
"""

from __future__ import annotations

import re
import time
from functools import wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from werkzeug.exceptions import Forbidden, MethodNotAllowed, NotFound

from cruse import Blueprint, make_response, redirect, render_template, request, session, url_for
from cruse.globals import current_context
from cruse_auth.backchannel import answering
from cruse_auth.errors import LoginDeniedError, LoginError
from cruse_auth.factors.pending import LoginStep
from cruse_auth.factors.work import beginning
from cruse_auth.guards import login_url, refusal
from cruse_auth.logins import logging_in, logging_out
from cruse_auth.oidc.client import Callback
from cruse_auth.oidc.openid import OpenIDClient
from cruse_auth.oidc.transactions import Purpose, mark_of
from cruse_auth.origins import is_same_origin, is_this_machine
from cruse_auth.record import Evidence, read_record
from cruse_auth.redirects import is_safe_next, own_origins, safe_next
from cruse_auth.rights import Demand
from cruse_auth.signals import identity_linked, sending, user_login_failed
from cruse_auth.steps import Call, perform
from cruse_auth.tokens.keeping import keep
from cruse_auth.tokens.revoking import giving_up
from cruse_auth.users import finding, id_of, way_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cruse import Response
    from cruse_auth.oidc import Identity, ProviderClient
    from cruse_auth.oidc.transactions import Transaction
    from cruse_auth.state import AuthState
    from cruse_auth.steps import Steps

__all__ = ["make_blueprint"]

#: For all pages here: they are about one visitor, and an address among them has a code in it. The
#: policy is not "no-referrer" because then browsers send their forms with "Origin: null".
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
#: The longest list of values of ``acr``: it is in a cookie for as long as the login takes.
LONGEST_ACR = 120

_ACR = re.compile(r"[!-~]+( [!-~]+)*")


def make_blueprint(state: AuthState, url_prefix: str) -> Blueprint:
    """Return the blueprint ``auth`` for one application."""
    blueprint = Blueprint("auth", __name__, url_prefix=url_prefix, template_folder="templates")
    views = Views(state)
    for rules, methods, view in (
        (["/login"], ["GET"], views.login_page),
        (["/<provider>/login"], ["GET", "POST"], views.login),
        (["/<provider>/callback"], ["GET"], views.callback),
        (["/<provider>/callback"], ["POST"], views.form_post),
        (["/<provider>/link"], ["POST"], views.link),
        (["/<provider>/backchannel"], ["POST"], views.backchannel),
        (["/logout", "/<provider>/logout"], ["GET", "POST"], views.logout),
    ):
        finished = _finished(view)
        for rule in rules:
            blueprint.add_url_rule(rule, view.__name__, finished, methods=methods, inline=True)
    return blueprint


def _finished(view: Callable[..., Any]) -> Callable[..., Any]:
    """Give the answer of a view the headers of these pages, whenever it is there."""

    def finish(value: Any) -> Response:
        response = make_response(value)
        for name, header in HEADERS.items():
            response.headers.setdefault(name, header)
        return response

    async def finish_later(coroutine: Any) -> Response:
        return finish(await coroutine)

    @wraps(view)
    def finished(**arguments: Any) -> Any:
        value = view(**arguments)
        return finish_later(value) if hasattr(value, "__await__") else finish(value)

    return finished


class Views:
    """The views, for one application.

    Args:
        state: What is kept for it.
    """

    def __init__(self, state: AuthState) -> None:
        self.state = state

    # -- logging in -----------------------------------------------------------------------------

    def login_page(self) -> str:
        """Offer all providers."""
        return self._offer(list(self.state.clients))

    def _offer(self, names: list[str]) -> str:
        target, acr = request.args.get("next"), _read_acr(request.args)
        return render_template(
            "auth/login.html",
            providers=[
                options
                for options in (self._client(name).options for name in names)
                if not (acr and options.plain)  # they can't say how sure they are
            ],
            next=target if target and is_safe_next(target, own_origins()) else None,
            fresh=request.args.get("fresh") == "1",
            acr=acr,
        )

    def login(self, provider: str) -> Any:
        """Start a login; a link can't do that, it gets a page with the button."""
        client = self._client(provider)
        if request.method != "POST":
            return self._offer([provider])
        self._check_origin()
        form = request.form
        purpose = Purpose(safe_next(""), form.get("fresh") == "1", _read_acr(form))
        return perform(self._told(provider, self._begin(client, purpose)), client.http())

    def _begin(self, client: ProviderClient, purpose: Purpose) -> Steps[Response]:
        state = self.state
        redirect_uri = state.callback_url(client.options.name)
        _warn_of_http(state, client, redirect_uri)
        if purpose.acr and client.options.plain:
            raise LoginError(f"it can't say how sure it is, and acr {purpose.acr!r} was asked for")
        login = state.transactions.begin(client.options.name, client.issuer, redirect_uri, purpose)
        url = yield from client.authorization_url(login)
        response = make_response(redirect(url, 303))
        state.transactions.save(login, response, request.cookies)
        return response

    def form_post(self, provider: str) -> Any:
        """Take up a browser that came back with a form, and give it the query that says the same.

        To a form from another site browsers add no cookies that are ``SameSite=Lax``, as ours
        are; to the page that it is then sent to they do.
        """
        if not self._client(provider).options.form_post:
            raise MethodNotAllowed(["GET"])
        callback = url_for("auth.callback", provider=provider)
        return redirect(f"{callback}?{Callback.as_query(request.form)}", 303)

    def callback(self, provider: str) -> Any:
        """Take up the browser that the provider sent back."""
        client = self._client(provider)
        return perform(self._told(provider, self._complete(client)), client.http())

    def _complete(self, client: ProviderClient) -> Steps[Response]:
        cookie, login = self.state.transactions.find(request.args.get("state"), request.cookies)
        self._check_binding(client, login)
        try:
            response = yield from self._finish(client, login)
        except LoginError as error:
            response = yield from self._failed(client.options.name, error, login)
        self.state.transactions.forget(cookie, response)
        return response

    def _check_binding(self, client: ProviderClient, login: Transaction) -> None:
        """Refuse a login that was begun for something else (CVE-2026-73419 was this)."""
        name = client.options.name
        for what, begun, now in (
            ("provider", login.provider, name),
            ("issuer", login.issuer, client.issuer),
            (
                "redirect_uri (is it another host?)",
                login.redirect_uri,
                self.state.callback_url(name),
            ),
        ):
            if begun != now:
                raise LoginError(
                    f"the login began with {what} {begun!r}, the callback has {now!r}"
                )

    def _finish(self, client: ProviderClient, login: Transaction) -> Steps[Response]:
        state = self.state
        identity, tokens = yield from client.complete(login, Callback.read(request.args))
        use = self._log_in if login.purpose.link is None else self._link
        user, view = yield from use(identity, login)
        yield from keep(state, login, id_of(user), identity.subject, tokens)
        target = safe_next(state.settings.after_login, login.purpose.next or "")
        return make_response(redirect(login_url(view, target) if view else target, 303))

    def _log_in(self, identity: Identity, login: Transaction) -> Steps[tuple[Any, str | None]]:
        """Log in whose identity it is, and return them; with where they show a second factor."""
        state = self.state
        user = yield Call(state.login_hook(identity.provider), (identity,))
        if user is None:
            raise LoginDeniedError(f"the application has no user for {identity.key!r}")
        evidence = Evidence.of(identity.provider, identity.claims)
        fresh = self._was_there(identity)
        view = state.settings.factor_view
        if view and state.auth.factors.store is not None:
            step = yield from beginning(state, user, evidence, fresh=fresh)
        else:
            step = LoginStep((yield from logging_in(state, user, fresh=fresh, evidence=evidence)))
        if not (step or step.needs):
            raise LoginDeniedError(f"the user of {identity.key!r} is not active")
        return user, view if step.needs else None

    def _was_there(self, identity: Identity) -> bool:
        """Whether the provider has asked the person of late, as far as it says so.

        Else a browser that was left open would get a fresh login from a provider that knows it.
        """
        asked_at, settings = identity.claims.get("auth_time"), self.state.settings
        if not isinstance(asked_at, int | float):
            return True
        return time.time() - asked_at <= settings.fresh_lifetime + settings.leeway

    # -- linking --------------------------------------------------------------------------------

    def link(self, provider: str) -> Any:
        """Start a login whose identity is linked to who is logged in, and freshly so."""
        client = self._client(provider)
        if self.state.auth.on_link_function is None:
            raise NotFound
        self._check_origin()
        return perform(self._told(provider, self._begin_link(client)), client.http())

    def _begin_link(self, client: ProviderClient) -> Steps[Any]:
        # Else a browser that was left open would be enough to stay in an account for ever.
        answer = yield from refusal(Demand(ways=("session",), fresh=True))
        if answer is not None:
            return answer
        purpose = Purpose(safe_next(""), link=_mark_of_login())
        return (yield from self._begin(client, purpose))

    def _link(self, identity: Identity, login: Transaction) -> Steps[tuple[Any, None]]:
        """Link an identity to who began this, and return them."""
        state, ctx = self.state, current_context()
        user, hook = (yield from finding(state, ctx)), state.auth.on_link_function
        if way_of(state, ctx) != "session" or _mark_of_login() != login.purpose.link:
            raise LoginError("who wanted to link an identity is not logged in any more")
        if hook is None or not (yield Call(hook, (user, identity))):
            raise LoginDeniedError(f"the application did not link {identity.key!r}")
        yield from sending(identity_linked, user=user, identity=identity)
        return user, None

    # -- logging out ----------------------------------------------------------------------------

    def logout(self, provider: str | None = None) -> Any:
        """Log out, here and at the provider; a link can't, it gets a page with the button."""
        if provider is not None:
            self._client(provider)
        if request.method != "POST":
            return render_template("auth/logout.html")
        self._check_origin()
        record = read_record(session)
        name = None if record is None else provider or record.evidence.provider
        client = self.state.clients.get(name or "")
        user_id = None if record is None else record.user_id
        return perform(self._leave(client, user_id), None if client is None else client.http())

    def _leave(self, client: ProviderClient | None, user_id: str | None) -> Steps[Any]:
        after = self.state.settings.after_logout
        yield from logging_out(self.state)
        if client is None:
            return redirect(after, 303)
        if self.state.settings.revoke_at_logout and user_id is not None:
            yield from giving_up(self.state, client, user_id)
        url = None
        try:
            url = yield from client.logout_url(self.state.external_url(after))
        except LoginError as error:
            # Here the person is logged out already, and that is what they asked for.
            self.state.app.logger.warning(
                "Logout at provider %r failed: %s", client.options.name, error.cause
            )
        return redirect(url or after, 303)

    def backchannel(self, provider: str) -> Any:
        """End the sessions of somebody who has logged out at the provider, which tells us so."""
        client = self._client(provider)
        if not isinstance(client, OpenIDClient) or self.state.auth.store is None:
            raise NotFound
        token = request.form.get("logout_token", "")
        return perform(answering(self.state, client, token), client.http())

    # -- what goes wrong ------------------------------------------------------------------------

    def _client(self, provider: str) -> ProviderClient:
        try:
            return self.state.clients[provider]
        except KeyError:
            raise NotFound from None

    def _check_origin(self) -> None:
        if not is_same_origin(request, self.state.settings.external_url):
            raise Forbidden("This was asked for by a page of another site.")

    def _told(self, provider: str, steps: Steps[Response]) -> Steps[Response]:
        """Do the steps; a login that fails gets a page."""
        try:
            return (yield from steps)
        except LoginError as error:
            return (yield from self._failed(provider, error, None))

    def _failed(
        self, provider: str, error: LoginError, login: Transaction | None
    ) -> Steps[Response]:
        """Log the cause and return a page that does not tell it."""
        self.state.app.logger.log(
            # A person who changes their mind is no reason to look into the log.
            20 if isinstance(error, LoginDeniedError) else 30,
            "Login with provider %r failed: %s",
            provider,
            error.cause,
        )
        yield from sending(user_login_failed, provider=provider, cause=error.cause)
        page = render_template(
            "auth/error.html",
            message=error.message,
            provider=self._client(provider).options,
            next=login.purpose.next if login is not None else None,
        )
        return make_response((page, error.status))


def _mark_of_login() -> str | None:
    record = read_record(session)
    return None if record is None else mark_of(record.sid)


def _read_acr(values: Mapping[str, str]) -> str | None:
    """Return the values of ``acr`` that a login page was asked for."""
    acr = values.get("acr", "")
    return acr if len(acr) <= LONGEST_ACR and _ACR.fullmatch(acr) else None


def _warn_of_http(state: AuthState, client: ProviderClient, redirect_uri: str) -> None:
    """Name the setting that is nearly always missing when a provider refuses the redirect URI."""
    parts = urlsplit(redirect_uri)
    local = is_this_machine(parts.hostname or "")
    if parts.scheme == "http" and not local and client.issuer.startswith("https:"):
        state.app.logger.warning(
            "The redirect URI is %r, without https. If the application is behind a proxy that ends"
            " TLS, set TRUSTED_PROXIES or AUTH_EXTERNAL_URL.",
            redirect_uri,
        )
