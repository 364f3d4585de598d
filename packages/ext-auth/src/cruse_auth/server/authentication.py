"""How clients say who they are: in the one way that they registered (RFC 6749 section 2.3)."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from joserfc.errors import JoseError
from joserfc.jws import extract_compact

from cruse import request
from cruse_auth.oidc.keys import import_key
from cruse_auth.oidc.signed import check_signature, read_header
from cruse_auth.options import ALGORITHMS
from cruse_auth.server.clients import ServerClient, finding_client
from cruse_auth.server.errors import InvalidClientError, InvalidRequestError
from cruse_auth.server.store import Record, digest
from cruse_auth.steps import Call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cruse_auth.server.parameters import Parameters
    from cruse_auth.server.state import ServerState
    from cruse_auth.steps import Steps

__all__ = ["ASSERTION_ALGORITHMS", "authenticating"]

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: What may sign an assertion: keys with a public half.
ASSERTION_ALGORITHMS = ALGORITHMS
#: The most seconds for which an assertion may be good: for so long its name is remembered.
LONGEST_ASSERTION = 600

#: Looked at where there is no such client, so that it takes the same time.
_NOBODY = ServerClient("nobody", redirect_uris=("https://nobody.invalid",))


def authenticating(here: ServerState, parameters: Parameters) -> Steps[ServerClient]:
    """Return the client that sent a request.

    Raises:
        InvalidClientError: When it is not known who it is (401).
        InvalidRequestError: When it says so in several ways at once.
        TooManyAttempts: When its address has failed too often.
    """
    ways = list(_presented(parameters))
    if len(ways) > 1:  # RFC 6749 section 2.3
        raise InvalidRequestError("A client authenticates in one way, not in several.")
    method, client_id, secret = ways[0] if ways else ("none", parameters.get("client_id"), "")
    client = (yield from finding_client(here, client_id)) if client_id else None
    good = (client or _NOBODY).check_secret(secret)
    if client is not None and client.token_endpoint_auth_method == method:
        if method == "private_key_jwt":
            good = yield from _checking_assertion(here, client, secret)
        if good or method == "none":
            return client
    here.state.app.logger.info("A client could not be authenticated: %.99r, %s", client_id, method)
    # Those that are right are not counted, however many.
    yield from here.counting("client")
    raise InvalidClientError(
        "The client is not known, or did not prove that it is it.", status_code=401
    )


def _presented(parameters: Parameters) -> Iterator[tuple[str, str | None, str]]:
    """Return each way that a request has, with the name of the client and what it shows."""
    basic = request.authorization
    client_id = parameters.get("client_id")
    if basic is not None and basic.type == "basic":
        # Form-encoded before Base64: RFC 6749 section 2.3.1.
        name, secret = unquote_plus(basic.username or ""), unquote_plus(basic.password or "")
        if client_id not in (None, name):
            raise InvalidRequestError("There are two different client_ids.")
        yield "client_secret_basic", name, secret
    if (secret := parameters.get("client_secret") or "") != "":
        yield "client_secret_post", client_id, secret
    if (assertion := parameters.get("client_assertion")) is not None:
        if parameters.get("client_assertion_type") != ASSERTION:
            raise InvalidRequestError("The client_assertion_type is not known.")
        claimed = _claimed_issuer(assertion)
        if client_id not in (None, claimed):
            raise InvalidRequestError("There are two different client_ids.")
        yield "private_key_jwt", claimed, assertion


def _claimed_issuer(assertion: str) -> str | None:
    """Return who an assertion says it is from; nobody vouches for that yet."""
    try:
        claims = json.loads(extract_compact(assertion.encode()).payload)
        issuer = claims.get("iss")
    except (JoseError, ValueError, AttributeError, TypeError, RecursionError):
        return None
    return issuer if isinstance(issuer, str) else None


def _checking_assertion(here: ServerState, client: ServerClient, assertion: str) -> Steps[bool]:
    """Check an assertion (RFC 7523 section 3); it is good once."""
    try:
        claims = _read_assertion(client, assertion)
    except ValueError as error:
        here.state.app.logger.info("An assertion of %r was refused: %s", client.client_id, error)
        return False
    now, until, name = time.time(), claims.get("exp"), claims.get("jti")
    since = claims.get("nbf", 0)
    audience = claims.get("aud")
    # One audience: a token for us and for somebody else could be used here by them.
    audiences = audience if isinstance(audience, list) else [audience]
    leeway = here.state.settings.leeway
    if not (
        claims.get("iss") == claims.get("sub") == client.client_id
        and len(audiences) == 1
        and audiences[0] in (here.issuer, f"{here.base}/oauth/token")
        and isinstance(until, int | float)
        and now - leeway < until <= now + LONGEST_ASSERTION + leeway
        and isinstance(since, int | float)
        and since <= now + leeway
        and isinstance(name, str)
        and name
    ):
        here.state.app.logger.info("An assertion of %r does not fit", client.client_id)
        return False
    key = digest(f"{client.client_id}\0{name}")
    used = Record("assertion", key, client_id=client.client_id, expires_at=int(until + leeway) + 1)
    new: bool = yield Call(here.store.add, (used,))
    return new


def _read_assertion(client: ServerClient, assertion: str) -> dict[str, Any]:
    header = read_header(assertion, frozenset(ASSERTION_ALGORITHMS), "it", ValueError)
    entries = (client.jwks or {}).get("keys")
    keys = [key for key in map(import_key, entries or []) if key is not None]
    if header.get("kid") is not None:
        keys = [key for key in keys if key.kid == header["kid"]]
    if len(keys) != 1:
        raise ValueError(f"{len(keys)} of its keys could have signed it")
    return check_signature(assertion, header, keys[0], "it", ValueError).claims
