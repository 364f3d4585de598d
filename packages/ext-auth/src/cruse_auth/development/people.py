"""Who is known to the development provider: people, and the applications they log in to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cruse_auth.claims import claims_within

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["Client", "Person"]


@dataclass(frozen=True)
class Person:
    """Somebody who can log in."""

    #: The provider's name for the person, ``sub``.
    subject: str
    #: What the person is called.
    name: str
    #: An address; it counts as verified.
    email: str | None = None
    #: Further claims, such as ``{"locale": "de"}``; they go before those from the fields above.
    claims: Mapping[str, Any] = field(default_factory=dict)

    def get_id(self) -> str:
        """Return the name of the person, as logins have it."""
        return self.subject

    def about(self, scope: str) -> dict[str, Any]:
        """Return the claims that a scope gives access to."""
        claims: dict[str, Any] = {"name": self.name, "preferred_username": self.subject}
        if self.email:
            claims |= {"email": self.email, "email_verified": True}
        return claims_within({**claims, **self.claims}, scope.split())


@dataclass(frozen=True)
class Client:
    """An application that people log in to."""

    client_id: str
    #: Empty for one that has none.
    client_secret: str = field(repr=False)
    #: Where it may have browsers sent, each exactly as it will be asked for.
    redirect_uris: Collection[str] = ()
    #: Where browsers may go after a logout.
    post_logout_redirect_uris: Collection[str] = ()
