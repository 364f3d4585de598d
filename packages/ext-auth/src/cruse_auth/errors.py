"""Why a login failed: the cause for the log, and for the visitor no more than they need."""

from __future__ import annotations

__all__ = ["LoginDeniedError", "LoginError", "ProviderError", "UnknownKeyError"]


class LoginError(Exception):
    """A login that cannot go on.

    Args:
        cause: What happened, for the log. Visitors never see it.
    """

    #: The status of the answer to the visitor.
    status = 400
    #: The visitor's words.
    message = (
        "This sign-in could not be finished. It may have taken too long, or it was started in"
        " another browser or window."
    )

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class ProviderError(LoginError):
    """The provider could not be reached, or what it answered makes no sense."""

    status = 502
    message = "The sign-in service did not answer as expected. Please try again in a moment."


class UnknownKeyError(ProviderError):
    """No key of the provider fits a token."""


class LoginDeniedError(LoginError):
    """The person, the provider or the application said no."""

    status = 403
    message = "You were not signed in."
