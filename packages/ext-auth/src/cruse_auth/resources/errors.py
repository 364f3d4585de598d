"""The answers for requests without a token that is good enough (RFC 6750 section 3)."""

from __future__ import annotations

from typing import Any

from werkzeug.exceptions import HTTPException

from cruse import current_app
from cruse_auth.challenges import challenge

__all__ = ["BearerError", "ProofError", "TokenError"]


class TokenError(Exception):
    """An access token that must not be believed.

    Args:
        cause: What is wrong with it, for the log. Clients never see it.
    """

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class ProofError(TokenError):
    """A DPoP proof that does not prove what it should (RFC 9449)."""


class BearerError(HTTPException):
    """A 401, 403 or 503 as JSON, with the challenge that tells clients what to do.

    Register an error handler for it to answer in another form.

    Args:
        status: 401 without a token or with a bad one, 403 with one that allows too little, 503
            when nobody could tell what it is worth.
        error: The error code (RFC 6750 section 3.1); ``None`` when there were no credentials.
        description: What happened, in words for the client's developers.
        challenge: The parameters of the ``WWW-Authenticate`` field.
        scheme: ``Bearer`` or ``DPoP``.
    """

    def __init__(
        self,
        status: int,
        error: str | None,
        description: str,
        challenge: dict[str, str],
        scheme: str = "Bearer",
    ) -> None:
        super().__init__(description)
        self.code = status
        self.error = error
        self.challenge = challenge
        self.scheme = scheme

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Return the header fields, with the challenge."""
        headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
        if self.code == 503:
            return headers
        parameters = dict(self.challenge)
        if self.error is not None:  # none without credentials: RFC 6750 section 3.1
            parameters.update(error=self.error, error_description=self.description or "")
        return [*headers, ("WWW-Authenticate", challenge(self.scheme, **parameters))]

    def get_body(self, *args: Any, **kwargs: Any) -> str:
        """Return the error as JSON."""
        body = {
            "error": self.error or "token_required",
            "error_description": self.description,
        }
        return current_app.json.dumps(body)
