"""What the server says of itself: RFC 8414 and OpenID Connect Discovery, in one document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cruse import jsonify
from cruse_auth.claims import CLAIMS
from cruse_auth.server.authentication import ASSERTION_ALGORITHMS
from cruse_auth.server.binding import PROOF_ALGORITHMS
from cruse_auth.server.clients import AUTH_METHODS
from cruse_auth.server.grants import grants_of
from cruse_auth.server.keys import ALGORITHM

if TYPE_CHECKING:
    from cruse import Response
    from cruse_auth.server.state import ServerState
    from cruse_auth.steps import Steps

__all__ = ["jwks", "metadata"]

#: Seconds for which clients may keep these two.
MAX_AGE = 300


def metadata(here: ServerState) -> Steps[Response]:
    """Say what there is, and where."""
    yield from ()
    return _kept(_document(here))


def _document(here: ServerState) -> dict[str, Any]:
    from cruse_auth.server.endpoints import endpoints_of

    options = here.options
    scopes = options.all_scopes
    claims = [claim for scope, names in CLAIMS.items() if scope in scopes for claim in names]
    confidential = [method for method in AUTH_METHODS if method != "none"]
    return {
        "issuer": here.issuer,
        **{
            endpoint.metadata: f"{here.base}{endpoint.path}"
            for endpoint in endpoints_of(options)
            if endpoint.metadata
        },
        "scopes_supported": list(scopes),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(grants_of(options)),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "revocation_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": list(PROOF_ALGORITHMS),
        "require_pushed_authorization_requests": options.par == "required",
        "claims_supported": [
            *("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid"),
            *claims,
        ],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "authorization_response_iss_parameter_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


def jwks(here: ServerState) -> Steps[Response]:
    """Show the public keys (RFC 7517)."""
    return _kept((yield from here.keys.public()))


def _kept(document: dict[str, Any]) -> Response:
    answer: Response = jsonify(document)
    answer.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
    return answer
