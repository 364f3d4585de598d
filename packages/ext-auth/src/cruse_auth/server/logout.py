"""Logging out because a client asks for it (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cruse import redirect, render_template, request, url_for
from cruse.globals import current_context
from cruse_auth.logins import logging_out
from cruse_auth.server.addresses import is_registered, with_parameters
from cruse_auth.server.clients import finding_client
from cruse_auth.server.errors import InvalidRequestError
from cruse_auth.server.parameters import Parameters
from cruse_auth.server.tickets import check_ticket, make_ticket
from cruse_auth.server.visits import sid_for
from cruse_auth.sessions import current_record
from cruse_auth.users import finding

if TYPE_CHECKING:
    from cruse_auth.record import LoginRecord
    from cruse_auth.server.clients import ServerClient
    from cruse_auth.server.state import ServerState
    from cruse_auth.steps import Steps

__all__ = ["end_session"]


@dataclass(frozen=True)
class Farewell:
    """What a client asks for."""

    #: Who asks, as far as it says so.
    client: ServerClient | None
    #: The claims of an ID token of its own.
    hint: dict[str, Any] | None
    #: Where it may have the browser sent afterwards.
    uri: str | None
    state: str | None


def end_session(here: ServerState) -> Steps[Any]:
    """Log out: at once for who shows an ID token of this very login, else after a question.

    Without that anybody could log people out with a link.
    """
    parameters = Parameters(request.form if request.method == "POST" else request.args)
    farewell = yield from _reading(here, parameters)
    ticket = parameters.get("ticket") or ""
    ctx = current_context()
    yield from finding(here.state, ctx)
    login = current_record(here.state, ctx)
    if login is not None:
        confirmed = check_ticket(here.state, "logout", login.sid, "", ticket)
        if not (confirmed or _is_of(farewell, login)):
            return _question(here, farewell, login)
        yield from logging_out(here.state)
    # Section 3: only for a client that has shown something or is ours, or a person who was asked.
    if farewell.uri is None or not (login is not None or _is_vouched_for(farewell)):
        return render_template("auth/logged_out.html")
    state = {} if farewell.state is None else {"state": farewell.state}
    return redirect(with_parameters(farewell.uri, state) if state else farewell.uri, 303)


def _reading(here: ServerState, parameters: Parameters) -> Steps[Farewell]:
    client_id, hint = parameters.get("client_id"), parameters.get("id_token_hint")
    claims = None if hint is None else (yield from here.keys.reading(hint))
    if claims is not None:
        audience = claims.get("aud")
        if client_id not in (None, audience):  # section 2: else it is refused
            raise InvalidRequestError("The id_token_hint is another client's.")
        client_id = audience
    client = None
    if isinstance(client_id, str):
        client = yield from finding_client(here, client_id)
    uri = parameters.get("post_logout_redirect_uri")
    if (
        client is None
        or uri is None
        or not is_registered(uri, client.post_logout_redirect_uris, client.native)
    ):
        uri = None
    return Farewell(client, claims, uri, parameters.get("state"))


def _is_of(farewell: Farewell, login: LoginRecord) -> bool:
    """Whether a client showed an ID token of this very login."""
    hint, client = farewell.hint, farewell.client
    if hint is None or client is None or hint.get("sub") != login.user_id:
        return False
    return bool(hint.get("sid") == sid_for(login.sid, client.client_id))


def _is_vouched_for(farewell: Farewell) -> bool:
    """Whether people who are not logged in may be sent on.

    Not by a client that anybody could have registered, with an ID token of their own: a link would
    lead whomever they like to their address (RFC 9700 section 4.11.2).
    """
    client = farewell.client
    if client is None or client.stranger:
        return False
    return client.trusted or bool(farewell.hint)


def _question(here: ServerState, farewell: Farewell, login: LoginRecord) -> str:
    values = {
        "client_id": None if farewell.client is None else farewell.client.client_id,
        "post_logout_redirect_uri": farewell.uri,
        "state": farewell.state,
        "ticket": make_ticket(here.state, "logout", login.sid, ""),
    }
    return render_template(
        "auth/end_session.html",
        client=farewell.client,
        action=url_for("auth_server.end_session"),
        fields={name: value for name, value in values.items() if value is not None},
    )
