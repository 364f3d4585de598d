"""What a provider calls when somebody has logged out there: their sessions here end, too."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

from cruse import jsonify, make_response
from cruse_auth.errors import LoginError
from cruse_auth.oidc.logout import LIFETIME, LogoutTokenError, read_logout_token
from cruse_auth.sessions import require_store
from cruse_auth.signals import login_ended, sending
from cruse_auth.steps import Call
from cruse_auth.tokens.keeping import forgetting_online

if TYPE_CHECKING:
    from cruse import Response
    from cruse_auth.oidc.logout import LogoutToken
    from cruse_auth.oidc.openid import OpenIDClient
    from cruse_auth.state import AuthState
    from cruse_auth.steps import Steps
    from cruse_auth.stores import SessionRecord

__all__ = ["answering"]


def answering(state: AuthState, client: OpenIDClient, token: str) -> Steps[Response]:
    """Return the answer to a logout request (OpenID Connect Back-Channel Logout 1.0 section 2.8).

    Args:
        state: The application's.
        client: The provider's.
        token: The logout token.
    """
    name, logger = client.options.name, state.app.logger
    try:
        logout = yield from read_logout_token(token, client)
        ended = yield from _end_once(state, client, logout)
    except LoginError as error:
        logger.warning("A logout token of provider %r was refused: %s", name, error.cause)
        description = "The logout token is not good."
        body = jsonify(error="invalid_request", error_description=description)
        return make_response((body, 400))
    logger.info("Provider %r logged somebody out: %d sessions ended", name, ended)
    return make_response("")


def _end_once(state: AuthState, client: OpenIDClient, logout: LogoutToken) -> Steps[int]:
    """End the sessions that are meant; refuse a token that was used before, in this process."""
    digest = hashlib.sha256(f"{client.options.name}\0{logout.jti}".encode()).digest()
    proof = urlsafe_b64encode(digest).rstrip(b"=").decode()
    seconds = LIFETIME + 2 * client.settings.leeway
    if not (yield Call(state.logout_tokens.add, (proof, seconds))):
        raise LogoutTokenError(f"the logout token {logout.jti!r} was used before")
    try:
        return (yield from _end(state, client.options.name, logout))
    except Exception:  # a database that is gone, say: the provider may try once more
        yield Call(state.logout_tokens.discard, (proof,))
        raise


def _end(state: AuthState, provider: str, logout: LogoutToken) -> Steps[int]:
    """End the sessions that are meant, and return how many they were.

    Not those of another issuer: the same subject is somebody else there. And not those that began
    after the logout: so a token that is used again in another process does nothing that it had not
    done.
    """
    store = require_store(state, "Back-channel logout")
    records: list[SessionRecord] = yield Call(
        store.of_provider, (provider, logout.subject, logout.sid)
    )
    latest = logout.issued_at + state.settings.leeway
    issuers = (None, logout.issuer)
    records = [
        record for record in records if record.created_at <= latest and record.issuer in issuers
    ]
    for record in records:
        yield Call(store.remove, (record.sid,))
        yield from sending(login_ended, user_id=record.user_id, sid=record.sid)
    for user_id in {record.user_id for record in records}:
        yield from forgetting_online(state, user_id, provider)
    return len(records)
