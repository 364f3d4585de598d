"""The userinfo endpoint (OpenID Connect Core section 5.3): about whom an access token is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cruse import request
from cruse_auth.claims import claims_within
from cruse_auth.resources.dpop import is_bound
from cruse_auth.resources.errors import BearerError, ProofError
from cruse_auth.resources.guard import MAX_TOKEN
from cruse_auth.server.binding import PROOF_ALGORITHMS, checking_proof
from cruse_auth.server.permissions import finding_token
from cruse_auth.steps import Call
from cruse_auth.users import is_active

if TYPE_CHECKING:
    from cruse_auth.server.state import ServerState
    from cruse_auth.server.store import Record
    from cruse_auth.steps import Steps

__all__ = ["userinfo"]


def userinfo(here: ServerState) -> Steps[dict[str, Any]]:
    """Tell about somebody.

    Raises:
        BearerError: When there is no token for it (401), or one for something else (403).
    """
    token = yield from _admitting(here)
    user = yield Call(here.state.loader, (token.user_id,))
    if user is None or not is_active(user):
        raise _error(here, 401, "invalid_token", "Its user may not log in.")
    scopes = frozenset(token.content["scope"].split())
    hook = here.server.claims_function
    claims = {} if hook is None else (yield Call(hook, (user, scopes)))
    return {**claims_within(claims, scopes), "sub": token.user_id}


def _admitting(here: ServerState) -> Steps[Record]:
    """Return the token of the request."""
    # The header alone: a token in an address ends up in logs (RFC 9700 section 4.3.2).
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    scheme, value = scheme.lower(), value.strip()
    if scheme not in ("bearer", "dpop"):
        raise _error(here, 401, None, "An access token is required.")
    found = None if len(value) > MAX_TOKEN else (yield from finding_token(here, value))
    if found is None or "aud" in found[0].content:  # one for an API is not for us
        raise _error(here, 401, "invalid_token", "The access token is not valid here.")
    token = found[0]
    # One that is bound to a key is no bearer token, and the other way round (RFC 9449 7.2).
    if ("cnf" in token.content) != (scheme == "dpop"):
        raise _error(here, 401, "invalid_token", "The access token is not of this type.")
    if scheme == "dpop":
        yield from _proving(here, token, value)
    if "openid" not in token.content["scope"].split() or not token.user_id:
        raise _error(here, 403, "insufficient_scope", "The access token does not allow: openid.")
    return token


def _proving(here: ServerState, token: Record, value: str) -> Steps[None]:
    """Check that who sends a token has the key that it is bound to."""
    try:
        thumbprint = yield from checking_proof(here, "/oauth/userinfo", value)
    except ProofError as error:
        here.state.app.logger.info("A DPoP proof was refused: %s", error)
        raise _error(here, 401, "invalid_dpop_proof", "The DPoP proof is not good.") from error
    if not is_bound(token.content, thumbprint):
        raise _error(here, 401, "invalid_token", "The access token is bound to another key.")


def _error(here: ServerState, status: int, error: str | None, description: str) -> BearerError:
    challenge = {"realm": here.state.realm, "scope": "openid"}
    if request.headers.get("Authorization", "")[:5].lower() != "dpop ":
        return BearerError(status, error, description, challenge)
    algorithms = {"algs": " ".join(PROOF_ALGORITHMS)}  # section 7.1
    return BearerError(status, error, description, {**challenge, **algorithms}, "DPoP")
