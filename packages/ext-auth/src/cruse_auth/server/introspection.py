"""What a token is worth (RFC 7662), and that it is worth nothing any more (RFC 7009)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cruse import make_response, request
from cruse_auth.server.authentication import authenticating
from cruse_auth.server.errors import InvalidClientError
from cruse_auth.server.parameters import Parameters
from cruse_auth.server.permissions import ACCESS, REFRESH, finding_token
from cruse_auth.steps import Call
from cruse_auth.users import is_active

if TYPE_CHECKING:
    from cruse import Response
    from cruse_auth.server.clients import ServerClient
    from cruse_auth.server.state import ServerState
    from cruse_auth.server.store import Record
    from cruse_auth.steps import Steps

__all__ = ["introspect", "revoke"]

KINDS = (ACCESS, REFRESH)


def introspect(here: ServerState) -> Steps[dict[str, Any]]:
    """Tell a client about a token of its own, and an API about one that is for it.

    Raises:
        InvalidClientError: When nobody knows who asks (401): else anybody could try tokens.
    """
    parameters = Parameters(request.form)
    parameters.check()
    client = yield from authenticating(here, parameters)
    if client.public:
        raise InvalidClientError("This takes a client that proves who it is.", status_code=401)
    found = yield from finding_token(here, parameters.need("token"), KINDS)
    if found is None or not _may_know(client, found[0]):
        return {"active": False}  # no word about why: section 2.2
    token, grant = found
    if token.user_id:
        user = yield Call(here.state.loader, (token.user_id,))
        if user is None or not is_active(user):
            return {"active": False}
    return _about(here, token, grant)


def _may_know(client: ServerClient, token: Record) -> bool:
    return token.client_id == client.client_id or token.content.get("aud") in client.serves


def _about(here: ServerState, token: Record, grant: Record | None) -> dict[str, Any]:
    if token.kind == ACCESS:
        bound = "jkt" in token.content.get("cnf", {})
        kind = "DPoP" if bound else "Bearer"
        return {"active": True, "token_type": kind, **token.content}
    return {
        "active": True,
        "iss": here.issuer,
        "sub": token.user_id,
        "client_id": token.client_id,
        "iat": token.created_at,
        "exp": token.expires_at,
        "scope": "" if grant is None else grant.content["scope"],
    }


def revoke(here: ServerState) -> Steps[Response]:
    """End a token: a refresh token with all that came of the same permission.

    One that is not known is as good as ended (section 2.2), and so is another client's, which
    must not learn that it is one.
    """
    parameters = Parameters(request.form)
    parameters.check()
    client = yield from authenticating(here, parameters)
    found = yield from finding_token(here, parameters.need("token"), KINDS)
    if found is not None and found[0].client_id == client.client_id:
        token = found[0]
        if token.kind == REFRESH:
            yield Call(here.store.purge, (token.grant, None, None))
        else:
            yield Call(here.store.remove, (ACCESS, token.id))
    answer: Response = make_response("")
    return answer
