"""What the token endpoint hands out: access tokens, refresh tokens and ID tokens."""

from __future__ import annotations

import secrets
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cruse_auth.server.errors import InvalidGrantError, InvalidTargetError
from cruse_auth.server.options import ID_TOKEN_LIFETIME
from cruse_auth.server.permissions import ACCESS, REFRESH
from cruse_auth.server.store import Record, digest, make_handle
from cruse_auth.server.visits import sid_for, visiting
from cruse_auth.steps import Call
from cruse_auth.users import is_active

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cruse_auth.server.clients import ServerClient
    from cruse_auth.server.parameters import Parameters
    from cruse_auth.server.state import ServerState
    from cruse_auth.steps import Steps

__all__ = [
    "Issue",
    "TokenRequest",
    "chosen_resource",
    "finding_user",
    "granted_resource",
    "granted_scopes",
    "issuing",
]


@dataclass(frozen=True)
class TokenRequest:
    """A request to the token endpoint, of a client that has shown who it is."""

    here: ServerState
    client: ServerClient
    parameters: Parameters
    #: What the tokens are bound to, as their claim ``cnf`` says it (RFC 7800).
    confirmation: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Issue:
    """What is to be handed out."""

    scopes: tuple[str, ...]
    #: The API that the access token is for; ``None`` for what this server answers by itself.
    resource: str | None = None
    #: The permission behind it; ``None`` where a client asks for itself.
    grant: Record | None = None
    #: Whether a refresh token goes with it.
    refresh: bool = False
    nonce: str | None = None


def issuing(asked: TokenRequest, issue: Issue) -> Steps[dict[str, Any]]:
    """Return the answer with the tokens (RFC 6749 section 5.1)."""
    token = yield from _issuing_access(asked, issue)
    answer: dict[str, Any] = {
        "access_token": token,
        "token_type": "DPoP" if asked.confirmation.get("jkt") else "Bearer",
        "expires_in": asked.here.options.access_lifetime,
        "scope": " ".join(issue.scopes),
    }
    if issue.grant is not None:
        if issue.refresh:
            answer["refresh_token"] = yield from _issuing_refresh(asked, issue, issue.grant)
        if "openid" in issue.scopes:
            claims = _id_claims(asked, issue, issue.grant, token)
            answer["id_token"] = yield from asked.here.keys.signing(claims)
            if login := issue.grant.content.get("login"):
                yield from visiting(asked.here, asked.client, issue.grant.user_id, login)
    return answer


def _issuing_access(asked: TokenRequest, issue: Issue) -> Steps[str]:
    here, client_id, grant = asked.here, asked.client.client_id, issue.grant
    now = int(time.time())
    until = now + here.options.access_lifetime
    user_id = "" if grant is None else grant.user_id
    claims: dict[str, Any] = {
        "iss": here.issuer,
        "sub": user_id or client_id,
        "client_id": client_id,
        "iat": now,
        "exp": until,
        "scope": " ".join(issue.scopes),
    }
    if asked.confirmation:
        claims["cnf"] = asked.confirmation
    if issue.resource is None:
        token = make_handle()
    else:  # RFC 9068: the API checks it by itself
        claims |= {"aud": issue.resource, "jti": secrets.token_urlsafe(16), **_of_login(grant)}
        token = yield from here.keys.signing(claims, "at+jwt")
    record = Record(
        ACCESS,
        digest(token),
        "" if grant is None else grant.id,
        client_id,
        user_id,
        now,
        until,
        content=claims,
    )
    yield Call(here.store.add, (record,))
    return token


def _issuing_refresh(asked: TokenRequest, issue: Issue, grant: Record) -> Steps[str]:
    token, now = make_handle(), int(time.time())
    record = Record(
        REFRESH,
        digest(token),
        grant.id,
        asked.client.client_id,
        grant.user_id,
        now,
        # However often it is renewed, the permission ends some day (RFC 9700 section 4.14.2).
        min(now + asked.here.options.refresh_lifetime, grant.expires_at),
        # A client that can't prove who it is has to have the same key again (RFC 9449 section 5).
        content={"cnf": asked.confirmation} if asked.client.public else {},
    )
    yield Call(asked.here.store.add, (record,))
    return token


def _id_claims(
    asked: TokenRequest, issue: Issue, grant: Record, access_token: str
) -> dict[str, Any]:
    """Return the claims of an ID token (OpenID Connect Core section 2)."""
    now = int(time.time())
    half = sha256(access_token.encode()).digest()[:16]  # section 3.1.3.6
    claims: dict[str, Any] = {
        "iss": asked.here.issuer,
        "sub": grant.user_id,
        "aud": asked.client.client_id,
        "iat": now,
        "exp": now + ID_TOKEN_LIFETIME,
        "at_hash": urlsafe_b64encode(half).rstrip(b"=").decode(),
        **_of_login(grant),
    }
    if issue.nonce is not None:
        claims["nonce"] = issue.nonce
    if login := grant.content.get("login"):
        claims["sid"] = sid_for(login, asked.client.client_id)
    return claims


def _of_login(grant: Record | None) -> dict[str, Any]:
    """Return what is said of how somebody logged in."""
    content = {} if grant is None else grant.content
    return {name: content[name] for name in ("auth_time", "acr", "amr") if name in content}


# -- what grants have in common -----------------------------------------------------------------


def granted_scopes(asked: TokenRequest, grant: Record) -> tuple[str, ...]:
    """Return what was allowed, as far as the client may have it still."""
    may = asked.client.scopes
    scopes: list[str] = grant.content["scope"].split()
    return tuple(scope for scope in scopes if may is None or scope in may)


def granted_resource(asked: TokenRequest, grant: Record) -> str | None:
    """Return the API that a token of a permission is for; as :func:`chosen_resource`."""
    known = asked.here.options.resources
    granted = [each for each in grant.content.get("resources", ()) if each in known]
    return chosen_resource(asked.parameters, granted)


def chosen_resource(parameters: Parameters, granted: Sequence[str]) -> str | None:
    """Return the API that an access token is asked for (RFC 8707 section 2.2).

    One: a token for several could be used by each of them at the others.

    Args:
        parameters: Those of the request.
        granted: What it may be for.

    Raises:
        InvalidTargetError: When it may not, or there is a choice and nothing was chosen.
    """
    asked = parameters.all("resource") or list(granted)
    if not asked:
        return None
    if len(asked) > 1:
        raise InvalidTargetError("Ask for one resource at a time.")
    if asked[0] not in granted:
        raise InvalidTargetError
    return asked[0]


def finding_user(here: ServerState, user_id: str) -> Steps[Any]:
    """Return a user who may log in.

    Raises:
        InvalidGrantError: When they are not there any more, or shut out.
    """
    user = yield Call(here.state.loader, (user_id,))
    if user is None or not is_active(user):
        raise InvalidGrantError("The user is not there any more.")
    return user
