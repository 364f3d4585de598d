"""What an application says of its authorization server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cruse_auth.errors import ProviderError
from cruse_auth.oidc.discovery import check_url
from cruse_auth.resources.guard import SCOPE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cruse_auth.server.store import ServerStore

__all__ = ["OFFLINE", "SCOPES", "ServerOptions"]

#: The scope of what goes on when the login in which it was allowed has ended.
OFFLINE = "offline_access"
#: What can be asked for everywhere, and what people are told that it is.
SCOPES = {
    "openid": "Know that it is you",
    "profile": "Read your name and profile",
    "email": "Read your e-mail address",
    OFFLINE: "Keep this access while you are away",
}
#: Seconds for which an ID token is good: it is read once, at the login.
ID_TOKEN_LIFETIME = 600


@dataclass(frozen=True)
class ServerOptions:
    """What an application says of its authorization server.

    Raises:
        ValueError: When it makes no sense; it says why.
    """

    #: What it calls itself: its address, ``https`` and without a query. Where that goes by the
    #: host that was asked, a function for it, called in each request; needs ``url_prefix``.
    issuer: str | Callable[[], str]
    #: Keeps clients, keys, permissions and tokens.
    store: ServerStore = field(repr=False)
    #: What may be asked for, beside :data:`SCOPES`, and what people are told that it is.
    scopes: Mapping[str, str] = field(default_factory=dict)
    #: The APIs that tokens can be for, each by its URL (RFC 8707).
    resources: Sequence[str] = ()
    #: What its paths start with in this application: the path of the issuer unless given; ``""``
    #: where the application itself is mounted there.
    url_prefix: str | None = None
    #: Whether devices without a browser can be connected (RFC 8628); needs ``cruse-auth[limits]``.
    device: bool = False
    #: Who may register clients over the network (RFC 7591): ``"closed"`` for nobody, ``"token"``
    #: for who has one of ``server.clients.invite()``, ``"open"`` for everybody, as far as
    #: ``auth.limits`` lets them.
    registration: str = "closed"
    #: Whether tokens have to be bound to a key of the client (RFC 9449): ``"optional"``, as each
    #: client likes, or ``"required"``.
    dpop: str = "optional"
    #: Whether clients have to push what they ask for, before they send the browser (RFC 9126):
    #: ``"optional"`` or ``"required"``.
    par: str = "optional"
    #: Seconds for which they are good: a code, an access token, a refresh token that nobody uses,
    #: and a permission however much it is used.
    code_lifetime: int = 60
    access_lifetime: int = 900
    refresh_lifetime: int = 14 * 86400
    grant_lifetime: int = 90 * 86400

    def __post_init__(self) -> None:
        if isinstance(self.issuer, str):
            _check_issuer(self.issuer)
        elif self.url_prefix is None:
            raise ValueError("An issuer that is a function needs a url_prefix.")
        if self.registration not in ("closed", "token", "open"):
            raise ValueError("registration is 'closed', 'token' or 'open'.")
        for name in ("dpop", "par"):
            if getattr(self, name) not in ("optional", "required"):
                raise ValueError(f"{name} is 'optional' or 'required'.")
        for scope in self.scopes:
            if not SCOPE.fullmatch(scope):
                raise ValueError(f"{scope!r} is not the name of a scope.")
        for resource in self.resources:
            if not urlsplit(resource).scheme or "#" in resource:
                raise ValueError(f"The resource {resource!r} is no absolute URL without fragment.")

    @property
    def all_scopes(self) -> dict[str, str]:
        """Everything that can be asked for, and what people are told that it is."""
        return {**SCOPES, **self.scopes}

    @property
    def needs_limits(self) -> bool:
        """Whether there is something that everybody may try, so that it has to be counted."""
        return self.device or self.registration == "open"

    @property
    def prefix(self) -> str:
        """What the paths of its endpoints start with in this application."""
        prefix = self.issuer_path if self.url_prefix is None else self.url_prefix
        return prefix.rstrip("/")

    @property
    def issuer_path(self) -> str:
        """The path of the issuer, without a slash at its end."""
        issuer = self.issuer if isinstance(self.issuer, str) else self.url_prefix or ""
        return urlsplit(issuer).path.rstrip("/")

    @property
    def longest_signed(self) -> int:
        """Seconds after which nothing is good any more that was signed now."""
        return max(self.access_lifetime, ID_TOKEN_LIFETIME)


def _check_issuer(issuer: str) -> None:
    try:
        check_url(issuer, "the issuer", insecure_http=False)
    except ProviderError as error:
        raise ValueError(error.cause) from None
    parts = urlsplit(issuer)
    if parts.query or parts.fragment or "?" in issuer or "#" in issuer:
        raise ValueError("The issuer has no query and no fragment (RFC 8414 section 2).")
