"""One provider as one application talks to it: how a login begins, ends, and is undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cruse_auth.errors import LoginDeniedError, LoginError, ProviderError
from cruse_auth.http import Http
from cruse_auth.oidc.discovery import MAX_ISSUERS, Discovery
from cruse_auth.oidc.identity import Identity
from cruse_auth.oidc.idtoken import Expected, IDTokenError, verify
from cruse_auth.oidc.keys import Keys
from cruse_auth.oidc.protocol import add_parameters, authorization_url, token_request
from cruse_auth.steps import Fetch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cruse_auth.oidc.discovery import Metadata
    from cruse_auth.oidc.transactions import Transaction
    from cruse_auth.providers import ProviderOptions
    from cruse_auth.settings import AuthSettings
    from cruse_auth.steps import Steps

__all__ = ["Callback", "OpenIDClient"]


@dataclass(frozen=True)
class Callback:
    """The parameters with which the provider sent the browser back (RFC 6749 section 4.1.2)."""

    code: str | None
    issuer: str | None
    error: str | None
    error_description: str | None

    @classmethod
    def read(cls, args: Mapping[str, str]) -> Callback:
        """Return the parameters of a query."""
        return cls(*(args.get(key) for key in ("code", "iss", "error", "error_description")))


class OpenIDClient:
    """The OpenID Connect client of one application for one provider.

    Args:
        options: Which provider, and who we are there.
        settings: The settings of the extension.
    """

    def __init__(self, options: ProviderOptions, settings: AuthSettings) -> None:
        self.options = options
        self.settings = settings
        # In this process nobody listens in.
        insecure = settings.insecure_http or options.transport is not None
        self._discovery = Discovery(settings.metadata_lifetime, insecure)
        self._keys: dict[str, Keys] = {}

    @property
    def issuer(self) -> str:
        """The issuer, for the current request."""
        issuer = self.options.issuer
        return issuer if isinstance(issuer, str) else issuer()

    def http(self) -> Http:
        """Return a new HTTP client, for one login."""
        settings = self.settings
        return Http(settings.http_timeout, settings.http_max_bytes, self.options.transport)

    def authorization_url(self, login: Transaction) -> Steps[str]:
        """Return where to send the browser to log in.

        Raises:
            ProviderError: When the provider's metadata can't be had.
        """
        metadata = yield from self._discovery.find(login.issuer)
        # Even where the provider still knows the person, for a login that must be fresh.
        parameters = {"prompt": "login", "max_age": "0"} if login.fresh else {}
        return authorization_url(
            metadata.authorization_endpoint,
            self.options,
            redirect_uri=login.redirect_uri,
            state=login.state,
            nonce=login.nonce,
            code_verifier=login.code_verifier,
            parameters=parameters,
        )

    def identify(self, login: Transaction, callback: Callback) -> Steps[Identity]:
        """Return who logged in.

        Args:
            login: The login; its state was checked to be this browser's.
            callback: What the provider sent back.

        Raises:
            LoginError: When anything is not as it has to be.
        """
        metadata = yield from self._discovery.find(login.issuer)
        self._check_issuer(callback, metadata)
        if callback.error is not None:
            text = f"{callback.error!r}: {callback.error_description!r}"
            raise LoginDeniedError(f"the provider refused with {text}")
        if not callback.code:
            raise LoginError("the callback has neither a code nor an error")
        tokens = yield from self._exchange(metadata, login, callback.code)
        claims = yield from self._verify(metadata, login, tokens)
        userinfo = yield from self._userinfo(metadata, tokens["access_token"], claims["sub"])
        return Identity.from_claims(self.options.name, claims, userinfo)

    def logout_url(self, post_logout_redirect_uri: str) -> Steps[str | None]:
        """Return where to send the browser to log out at the provider too, if it can do that.

        OpenID Connect RP-Initiated Logout 1.0, by our client id: an ID token as a hint would have
        to be kept for the whole session.
        """
        metadata = yield from self._discovery.find(self.issuer)
        if metadata.end_session_endpoint is None:
            return None
        return add_parameters(
            metadata.end_session_endpoint,
            {
                "client_id": self.options.client_id,
                "post_logout_redirect_uri": post_logout_redirect_uri,
            },
        )

    @staticmethod
    def _check_issuer(callback: Callback, metadata: Metadata) -> None:
        """Refuse an answer of another provider, before its code goes anywhere (RFC 9207)."""
        if callback.issuer is None and not metadata.names_itself:
            return
        if callback.issuer != metadata.issuer:
            raise LoginError(
                f"the answer is that of issuer {callback.issuer!r}, not of {metadata.issuer!r}"
            )

    def _exchange(
        self, metadata: Metadata, login: Transaction, code: str
    ) -> Steps[dict[str, Any]]:
        """Turn the code into tokens."""
        reply = yield token_request(
            metadata.token_endpoint,
            self.options,
            self._client_auth(metadata),
            code=code,
            code_verifier=login.code_verifier,
            redirect_uri=login.redirect_uri,
        )
        tokens: dict[str, Any] = reply.json()
        if reply.status != 200 or "error" in tokens:
            said = f"{tokens.get('error')!r}: {tokens.get('error_description')!r}"
            raise LoginError(f"the token endpoint refused (status {reply.status}) with {said}")
        if str(tokens.get("token_type")).lower() != "bearer":
            raise ProviderError(f"the access token is of type {tokens.get('token_type')!r}")
        access_token = tokens.get("access_token")
        if not isinstance(access_token, str) or not _is_token(access_token):
            raise ProviderError("the token endpoint sent no access token")
        return tokens

    def _client_auth(self, metadata: Metadata) -> str:
        if self.options.client_auth is not None:
            return self.options.client_auth
        if self.options.client_secret is None:
            return "none"
        offered = metadata.client_auth_methods
        if "client_secret_basic" not in offered and "client_secret_post" in offered:
            return "client_secret_post"
        return "client_secret_basic"

    def _verify(
        self, metadata: Metadata, login: Transaction, tokens: dict[str, Any]
    ) -> Steps[dict[str, Any]]:
        token = tokens.get("id_token")
        if not isinstance(token, str):
            raise IDTokenError("the token endpoint sent no ID token, although 'openid' was asked")
        expected = Expected(
            issuer=metadata.issuer,
            client_id=self.options.client_id,
            nonce=login.nonce,
            access_token=tokens["access_token"],
            algorithms=metadata.algorithms & frozenset(self.options.algorithms),
            leeway=self.settings.leeway,
            auth_since=login.began if login.fresh else None,
        )
        return (yield from verify(token, expected, self._keys_of(metadata)))

    def _keys_of(self, metadata: Metadata) -> Keys:
        keys = self._keys.get(metadata.jwks_uri)
        if keys is None:
            settings = self.settings
            keys = Keys(metadata.jwks_uri, settings.metadata_lifetime, settings.jwks_cooldown)
            if len(self._keys) >= MAX_ISSUERS:
                self._keys.clear()
            self._keys[metadata.jwks_uri] = keys
        return keys

    def _userinfo(
        self, metadata: Metadata, access_token: str, subject: str
    ) -> Steps[dict[str, Any]]:
        """Ask for more about the person (OpenID Connect Core section 5.3)."""
        if not self.options.userinfo or metadata.userinfo_endpoint is None:
            return {}
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        reply = yield Fetch("GET", metadata.userinfo_endpoint, headers)
        if reply.status != 200:
            raise ProviderError(f"the userinfo endpoint answered with status {reply.status}")
        claims: dict[str, Any] = reply.json()
        if claims.get("sub") != subject:  # section 5.3.2: it could be about somebody else
            raise LoginError(
                f"userinfo is about {claims.get('sub')!r}, but the ID token about {subject!r}"
            )
        return claims


def _is_token(value: str) -> bool:
    """Whether a text can be sent as a bearer token: visible ASCII (RFC 6749 appendix A.12)."""
    return bool(value) and all("!" <= character <= "~" for character in value)
