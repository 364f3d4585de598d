"""The token endpoint (RFC 6749 section 3.2): who asks, for what, and what they get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cruse import request
from cruse_auth.server.authentication import authenticating
from cruse_auth.server.binding import binding
from cruse_auth.server.errors import UnauthorizedClientError, UnsupportedGrantTypeError
from cruse_auth.server.grants import grants_of
from cruse_auth.server.parameters import Parameters
from cruse_auth.server.tokens import TokenRequest

if TYPE_CHECKING:
    from cruse_auth.server.state import ServerState
    from cruse_auth.steps import Steps

__all__ = ["token"]


def token(here: ServerState) -> Steps[dict[str, Any]]:
    """Hand out tokens.

    Raises:
        OAuth2Error: When there are none for this request.
    """
    # Of the form alone: what is in an address ends up in logs (OAuth 2.1 section 2.4.1).
    parameters = Parameters(request.form)
    parameters.check()
    client = yield from authenticating(here, parameters)
    name = parameters.need("grant_type")
    grant = grants_of(here.options).get(name)
    if grant is None:
        raise UnsupportedGrantTypeError
    if name not in client.grant_types:
        raise UnauthorizedClientError("This client may not use this grant_type.")
    bound_to = yield from binding(here, client, "/oauth/token")
    return (yield from grant.redeem(TokenRequest(here, client, parameters, bound_to)))
