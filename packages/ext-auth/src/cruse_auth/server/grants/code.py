"""The authorization code (OAuth 2.1 section 4.1.3): for one client, with its verifier, once."""

from __future__ import annotations

import hmac
import math
import time
from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636.challenge import (  # type: ignore[import-untyped]
    CODE_VERIFIER_PATTERN,
)

from cruse_auth.server.errors import InvalidGrantError
from cruse_auth.server.options import OFFLINE
from cruse_auth.server.permissions import CODE, REMEMBERED, finding_grant, misused
from cruse_auth.server.store import Record, digest, make_handle
from cruse_auth.server.tokens import (
    Issue,
    finding_user,
    granted_resource,
    granted_scopes,
    issuing,
)
from cruse_auth.steps import Call

if TYPE_CHECKING:
    from cruse_auth.server.state import ServerState
    from cruse_auth.server.tokens import TokenRequest
    from cruse_auth.steps import Steps

__all__ = ["issuing_code", "preparing", "redeeming_code"]


def issuing_code(here: ServerState, grant: Record, content: dict[str, Any]) -> Steps[str]:
    """Return a new code.

    Args:
        here: The server's state.
        grant: The permission that it is good for.
        content: ``redirect_uri``, ``challenge``, ``nonce``, and the ``jkt`` of the key that it is
            bound to.
    """
    code, now = make_handle(), int(time.time())
    until = now + here.options.code_lifetime
    record = Record(
        CODE,
        digest(code),
        grant.id,
        grant.client_id,
        grant.user_id,
        now,
        until + REMEMBERED,
        content={**content, "until": until},
    )
    yield Call(here.store.add, (record,))
    return code


def redeeming_code(asked: TokenRequest) -> Steps[dict[str, Any]]:
    """Turn a code into tokens.

    Raises:
        InvalidGrantError: When it is not good.
    """
    store, parameters = asked.here.store, asked.parameters
    code: Record | None = yield Call(store.get, (CODE, digest(parameters.need("code"))))
    _check(asked, code)
    assert code is not None  # noqa: S101 - for the type checker
    # Only who could have redeemed it ends what came of it: else anybody who has seen a used code
    # could (OAuth 2.1 section 7.5.2).
    if code.used_at:
        yield from misused(asked.here, code, "A code came twice")
        raise InvalidGrantError("The code was used before.")
    now = int(time.time())
    if now >= code.content["until"]:
        raise InvalidGrantError("The code is over.")
    # Before it is used up: a mistake of the client costs it nothing.
    grant, issue = yield from preparing(asked, code)
    if not (yield Call(store.replace, (code.changed(used_at=now), code.version))):
        yield from misused(asked.here, code, "A code came twice at once")
        raise InvalidGrantError("The code was used before.")
    # When others with the same code have ended the family meanwhile, this does nothing, and
    # neither is what is issued worth anything.
    yield Call(store.replace, (issue.grant, grant.version))
    return (yield from issuing(asked, issue))


def _check(asked: TokenRequest, code: Record | None) -> None:
    if code is None or code.client_id != asked.client.client_id:
        raise InvalidGrantError("The code is not good.")
    # OAuth 2.1 knows no redirect_uri here; where there is one, it must be the same.
    uri = asked.parameters.get("redirect_uri")
    if uri is not None and uri != code.content["redirect_uri"]:
        raise InvalidGrantError("The redirect_uri is not the one that the code was sent to.")
    verifier = asked.parameters.need("code_verifier")
    if not CODE_VERIFIER_PATTERN.fullmatch(verifier) or not hmac.compare_digest(
        create_s256_code_challenge(verifier), code.content["challenge"]
    ):
        raise InvalidGrantError("The code_verifier does not fit.")
    bound_to = code.content.get("jkt")
    if bound_to is not None and bound_to != asked.confirmation.get("jkt"):
        raise InvalidGrantError("The code is bound to another key.")


def preparing(asked: TokenRequest, code: Record) -> Steps[tuple[Record, Issue]]:
    """Return the permission of a code, and what is to be handed out, with that as it will be."""
    here, now = asked.here, int(time.time())
    grant = yield from finding_grant(here, code.grant)
    if grant is None:
        raise InvalidGrantError("The permission was taken back.")
    yield from finding_user(here, grant.user_id)
    resource = granted_resource(asked, grant)
    refresh = "refresh_token" in asked.client.grant_types
    options = here.options
    until = now + (options.grant_lifetime if refresh else options.access_lifetime)
    used = grant.changed(expires_at=min(until, _longest(here, grant)), used_at=now)
    scopes, nonce = granted_scopes(asked, grant), code.content.get("nonce")
    return grant, Issue(scopes, resource, used, refresh, nonce)


def _longest(here: ServerState, grant: Record) -> float:
    """Return when a permission has ended in any case: with its login, unless it goes on without.

    A login that ends sooner takes it along; one that is too old just ends, without a word.
    """
    longest = here.state.settings.absolute_timeout
    if not longest or OFFLINE in grant.content["scope"].split():
        return math.inf
    began: int = grant.content.get("auth_time", grant.created_at)
    return began + longest
