"""Who is known to the development provider: people, and the applications they log in to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

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
    client_secret: str = field(repr=False)
    #: Where it may have browsers sent, each exactly as it will be asked for.
    redirect_uris: Collection[str] = ()
    #: Where browsers may go after a logout.
    post_logout_redirect_uris: Collection[str] = ()
    #: Whether every address of the provider's own origin is allowed, too: it is mounted there.
    same_origin: bool = False

    def may_go_to(self, url: str, registered: Collection[str], issuer: str) -> bool:
        """Whether a browser may be sent to a URL."""
        if url in registered:
            return True
        try:
            ours, asked = urlsplit(issuer), urlsplit(url)
        except ValueError:
            return False
        same = (asked.scheme, asked.netloc) == (ours.scheme, ours.netloc)
        return self.same_origin and same and "\\" not in url and not asked.fragment
