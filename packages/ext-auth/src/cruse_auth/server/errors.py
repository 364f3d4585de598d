"""The errors of the server, and the ways in which clients and people are told.

Those that clients know by name are Authlib's (RFC 6749 section 5.2 and its followers); they are
gathered here, because Authlib has no annotations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authlib.oauth2.rfc6749.errors import (  # type: ignore[import-untyped]
    AccessDeniedError,
    InvalidClientError,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Error,
    UnauthorizedClientError,
)
from authlib.oauth2.rfc7591.errors import (  # type: ignore[import-untyped]
    InvalidClientMetadataError,
    InvalidRedirectURIError,
)
from authlib.oauth2.rfc8628.errors import (  # type: ignore[import-untyped]
    AuthorizationPendingError,
    ExpiredTokenError,
    SlowDownError,
)

from cruse import jsonify
from cruse_auth.challenges import challenge

if TYPE_CHECKING:
    from cruse import Response

__all__ = [
    "AccessDeniedError",
    "AuthorizationPendingError",
    "ConsentRequiredError",
    "ExpiredTokenError",
    "InvalidClientError",
    "InvalidClientMetadataError",
    "InvalidDPoPProofError",
    "InvalidGrantError",
    "InvalidRedirectURIError",
    "InvalidRequestError",
    "InvalidScopeError",
    "InvalidTargetError",
    "LoginRequiredError",
    "OAuth2Error",
    "PageError",
    "RequestNotSupportedError",
    "RequestURINotSupportedError",
    "SlowDownError",
    "UnauthorizedClientError",
    "UnsupportedGrantTypeError",
    "UnsupportedResponseTypeError",
    "error_answer",
]


class UnsupportedGrantTypeError(OAuth2Error):  # type: ignore[misc]
    """A grant that this server does not have. Authlib's repeats what the client sent."""

    error = "unsupported_grant_type"
    description = "This grant_type is not supported."


class UnsupportedResponseTypeError(OAuth2Error):  # type: ignore[misc]
    """Something else than a code (OAuth 2.1 has no more). Authlib's repeats what was sent."""

    error = "unsupported_response_type"
    description = "The only response_type is code."


class InvalidTargetError(OAuth2Error):  # type: ignore[misc]
    """A resource that is not known here, or not allowed (RFC 8707 section 2)."""

    error = "invalid_target"
    description = "The resource is unknown, malformed, or was not granted."


class InvalidDPoPProofError(OAuth2Error):  # type: ignore[misc]
    """No proof of a key where one has to be, or one that proves nothing (RFC 9449 section 5)."""

    error = "invalid_dpop_proof"
    description = "The DPoP proof is not good."


class LoginRequiredError(OAuth2Error):  # type: ignore[misc]
    """Nobody may be asked to log in, and it would take that (Core section 3.1.2.6)."""

    error = "login_required"
    description = "The person has to log in."


class ConsentRequiredError(OAuth2Error):  # type: ignore[misc]
    """Nobody may be asked for permission, and it would take that (Core section 3.1.2.6)."""

    error = "consent_required"
    description = "The person has to be asked."


class RequestNotSupportedError(OAuth2Error):  # type: ignore[misc]
    """A request object, which this server does not read (Core section 6)."""

    error = "request_not_supported"
    description = "Request objects are not supported."


class RequestURINotSupportedError(OAuth2Error):  # type: ignore[misc]
    """A request object by its address: reading it would let clients make us ask anybody."""

    error = "request_uri_not_supported"
    description = "Request objects are not supported."


class PageError(Exception):
    """A request that nobody can be sent back for: the person gets a page (RFC 9700 4.11.2).

    Args:
        message: What the page says.
        way_on: Where a link leads that they may take.
    """

    def __init__(self, message: str, way_on: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.way_on = way_on


def error_answer(error: OAuth2Error) -> Response:
    """Return the JSON that tells a client of an error (RFC 6749 section 5.2)."""
    answer: Response = jsonify(dict(error.get_body()))
    answer.status_code = error.status_code
    if error.status_code == 401:
        answer.headers["WWW-Authenticate"] = challenge("Basic", realm="clients")
    return answer
