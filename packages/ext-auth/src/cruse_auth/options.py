"""How one application talks to one provider, as the code and the configuration say it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["ALGORITHMS", "ProviderOptions"]

#: What signs ID tokens that we believe: public keys only. ``none`` is no signature, and with the
#: ``HS`` family a public key could be passed off as the secret (RFC 8725 sections 2.1 and 3.1).
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
CLIENT_AUTH = (None, "client_secret_basic", "client_secret_post", "none")


@dataclass(frozen=True)
class ProviderOptions:
    """How one application talks to one provider.

    With a ``token_endpoint`` it is plain OAuth 2.0: nothing is discovered, there is no ID token,
    and who logged in is what the userinfo endpoint says. Without one it is OpenID Connect.
    """

    name: str
    #: The issuer, exactly as the provider writes it; or a function that returns it, called
    #: within a request. Of a plain provider, what identities are known by.
    issuer: str | Callable[[], str]
    client_id: str
    #: ``None`` for a public client; a function is called for each request that needs it.
    client_secret: str | Callable[[], str] | None = field(default=None, repr=False)
    scope: str = "openid profile email"
    #: What visitors read on the button.
    label: str = ""
    #: How the client authenticates; ``None`` takes what the provider's metadata offers.
    client_auth: str | None = None
    #: Further parameters of the authorization request, such as ``{"hd": "example.com"}``.
    authorize_params: Mapping[str, str] = field(default_factory=dict)
    #: Whether to ask the userinfo endpoint for more about the person.
    userinfo: bool = True
    #: Signature algorithms of ID tokens to accept, a subset of the default.
    algorithms: tuple[str, ...] = ALGORITHMS
    #: What the metadata call the issuer where it depends on the person's organization:
    #: ``{tenantid}`` stands for the ``tid`` of the ID token.
    issuer_template: str | None = None
    #: Whether the provider writes ``"true"`` where OpenID Connect has ``true``.
    booleans_as_text: bool = False
    #: The endpoints of a plain provider.
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    userinfo_endpoint: str | None = None
    #: Where a plain provider takes tokens back (RFC 7009), if it does.
    revocation_endpoint: str | None = None
    #: Where it lists the person's addresses, each with ``email``, ``primary`` and ``verified``.
    emails_endpoint: str | None = None
    #: Where in a plain provider's answer the claims are: a key, keys joined by dots, or a text
    #: with ``{keys}`` in it. ``sub`` is a must.
    claims: Mapping[str, str] = field(default_factory=dict)
    #: What the paths of its API begin with, for ``auth.api``; of several, those of the first, and
    #: the others are where else its tokens may be sent.
    api_url: str | Sequence[str] | None = None
    #: An httpx2 transport to use instead of the network, such as ``InProcess(app)``.
    transport: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if unknown := set(self.algorithms) - set(ALGORITHMS):
            raise ValueError(f"{sorted(unknown)} are not algorithms with public keys")
        if self.client_auth not in CLIENT_AUTH:
            raise ValueError(f"client_auth {self.client_auth!r} is not known")
        max_age = self.authorize_params.get("max_age", "0")
        if not (str(max_age).isascii() and str(max_age).isdigit()):
            raise ValueError(f"max_age is a text of digits, not {max_age!r}")
        if not self.plain:
            if "openid" not in self.scope.split():
                raise ValueError("the scope must contain 'openid'")
            return
        if "openid" in self.scope.split():
            raise ValueError("'openid' in the scope needs a provider with discovery, no endpoints")
        if not (self.authorization_endpoint and self.userinfo_endpoint):
            raise ValueError("a plain provider needs authorization and userinfo endpoints, too")
        if not self.claims.get("sub"):
            raise ValueError("its claims must say where 'sub' is")

    @property
    def plain(self) -> bool:
        """Whether it is plain OAuth 2.0, without ID tokens."""
        return self.token_endpoint is not None

    @property
    def form_post(self) -> bool:
        """Whether the provider sends the browser back with a form instead of a query."""
        return self.authorize_params.get("response_mode") == "form_post"

    @property
    def api_urls(self) -> tuple[str, ...]:
        """Where the provider's tokens may be sent."""
        urls = self.api_url
        return (urls,) if isinstance(urls, str) else tuple(urls or ())

    def secret(self) -> str:
        """Return the client secret as it is now; empty for a public client."""
        secret = self.client_secret
        return (secret() if callable(secret) else secret) or ""
