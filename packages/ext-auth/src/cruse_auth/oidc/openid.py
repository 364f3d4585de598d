"""Providers of OpenID Connect: found by discovery, believed by their ID tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cruse_auth.errors import LoginError
from cruse_auth.oidc.client import ProviderClient
from cruse_auth.oidc.discovery import MAX_ISSUERS, Discovery
from cruse_auth.oidc.identity import Identity, read_user
from cruse_auth.oidc.idtoken import Expected, IDTokenError, verify
from cruse_auth.oidc.keys import Keys

if TYPE_CHECKING:
    from cruse_auth.oidc.client import Callback
    from cruse_auth.oidc.discovery import Metadata
    from cruse_auth.oidc.transactions import Transaction
    from cruse_auth.options import ProviderOptions
    from cruse_auth.settings import AuthSettings
    from cruse_auth.steps import Steps

__all__ = ["OpenIDClient"]


class OpenIDClient(ProviderClient):
    """The OpenID Connect client of one application for one provider.

    Args:
        options: Which provider, and who we are there.
        settings: The settings of the extension.
    """

    def __init__(self, options: ProviderOptions, settings: AuthSettings) -> None:
        super().__init__(options, settings)
        self._discovery = Discovery(settings, self.insecure, options.issuer_template)
        self._keys: dict[str, Keys] = {}

    def metadata(self, issuer: str) -> Steps[Metadata]:
        """Return what the provider says of itself."""
        return self._discovery.find(issuer)

    def _nonce(self, login: Transaction) -> str:
        return login.nonce

    def _identify(
        self, metadata: Metadata, login: Transaction, callback: Callback, tokens: dict[str, Any]
    ) -> Steps[Identity]:
        claims = yield from self._verify(metadata, login, tokens)
        about = yield from self._userinfo(metadata, tokens["access_token"], claims["sub"])
        if self.options.form_post:
            about = {**read_user(callback.user), **about}
        return Identity.from_claims(
            self.options.name, claims, about, self.options.booleans_as_text
        )

    def _verify(
        self, metadata: Metadata, login: Transaction, tokens: dict[str, Any]
    ) -> Steps[dict[str, Any]]:
        token = tokens.get("id_token")
        if not isinstance(token, str):
            raise IDTokenError("the token endpoint sent no ID token, although 'openid' was asked")
        expected = Expected(
            metadata,
            client_id=self.options.client_id,
            nonce=login.nonce,
            access_token=tokens["access_token"],
            algorithms=self.algorithms(metadata),
            leeway=self.settings.leeway,
            auth_since=self._auth_since(login),
            acr=login.purpose.acr or self.options.authorize_params.get("acr_values"),
        )
        return (yield from verify(token, expected, self.keys(metadata)))

    def _auth_since(self, login: Transaction) -> int | None:
        """Return since when the person must have been asked, if that was asked for."""
        if login.purpose.fresh:
            return login.began
        max_age = self.options.authorize_params.get("max_age")
        return None if max_age is None else login.began - int(max_age)

    def algorithms(self, metadata: Metadata) -> frozenset[str]:
        """Return the signature algorithms that are believed."""
        return metadata.algorithms & frozenset(self.options.algorithms)

    def keys(self, metadata: Metadata) -> Keys:
        """Return the provider's keys."""
        jwks_uri = metadata.jwks_uri
        keys = self._keys.get(jwks_uri)
        if keys is None:
            keys = Keys(jwks_uri, self.settings)
            if len(self._keys) >= MAX_ISSUERS:
                self._keys.clear()
            self._keys[jwks_uri] = keys
        return keys

    def _userinfo(
        self, metadata: Metadata, access_token: str, subject: str
    ) -> Steps[dict[str, Any]]:
        """Ask for more about the person (OpenID Connect Core section 5.3)."""
        if not self.options.userinfo or metadata.userinfo_endpoint is None:
            return {}
        reply = yield from self._ask(metadata.userinfo_endpoint, access_token)
        claims: dict[str, Any] = reply.json()
        if claims.get("sub") != subject:  # section 5.3.2: it could be about somebody else
            raise LoginError(
                f"userinfo is about {claims.get('sub')!r}, but the ID token about {subject!r}"
            )
        return claims
