"""The refresh token (OAuth 2.1 section 4.3): each is good once, and gives the next one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from cruse_auth.server.errors import InvalidGrantError, InvalidScopeError
from cruse_auth.server.permissions import REFRESH, finding_grant, misused
from cruse_auth.server.store import Record, digest
from cruse_auth.server.tokens import (
    Issue,
    finding_user,
    granted_resource,
    granted_scopes,
    issuing,
)
from cruse_auth.steps import Call

if TYPE_CHECKING:
    from cruse_auth.server.tokens import TokenRequest
    from cruse_auth.steps import Steps

__all__ = ["refreshing"]


def refreshing(asked: TokenRequest) -> Steps[dict[str, Any]]:
    """Turn a refresh token into new tokens.

    Raises:
        InvalidGrantError: When it is not good. One that was used before, or is another client's,
            was copied: the whole family ends (RFC 9700 section 4.14.2).
        InvalidScopeError: When more is asked for than was allowed.
    """
    here, parameters = asked.here, asked.parameters
    name = digest(parameters.need("refresh_token"))
    token: Record | None = yield Call(here.store.get, (REFRESH, name))
    if token is None:
        raise InvalidGrantError("The refresh token is not good.")
    if token.client_id != asked.client.client_id:
        yield from misused(here, token, "Another client has a refresh token")
        raise InvalidGrantError("The refresh token is not good.")
    if token.used_at:
        yield from _reused(asked, token)
    if token.content.get("cnf", {}) != (asked.confirmation if asked.client.public else {}):
        raise InvalidGrantError("The refresh token is bound to another key.")
    grant = yield from finding_grant(here, token.grant)
    if grant is None:
        raise InvalidGrantError("The permission was taken back.")
    # Before it is used up: a mistake of the client costs it nothing.
    scopes = _scopes(asked, grant)
    resource = granted_resource(asked, grant)
    yield from finding_user(here, grant.user_id)
    used = token.changed(used_at=int(time.time()))
    if not (yield Call(here.store.replace, (used, token.version))):
        yield from _reused(asked, token)
    return (yield from issuing(asked, Issue(scopes, resource, grant, refresh=True)))


def _reused(asked: TokenRequest, token: Record) -> Steps[None]:
    yield from misused(asked.here, token, "A refresh token came twice")
    raise InvalidGrantError("The refresh token was used before.")


def _scopes(asked: TokenRequest, grant: Record) -> tuple[str, ...]:
    """Return what the tokens allow: what the permission does, or less."""
    allowed = granted_scopes(asked, grant)
    wanted = asked.parameters.get("scope")
    if wanted is None:
        return allowed
    if not set(wanted.split()) <= set(allowed):
        raise InvalidScopeError("More was asked for than was allowed.")
    return tuple(scope for scope in allowed if scope in wanted.split())
