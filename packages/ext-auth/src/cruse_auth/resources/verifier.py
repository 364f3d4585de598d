"""Finds out what an access token is worth: by the issuer's keys, or by asking the issuer."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from cruse_auth.errors import ProviderError, UnknownKeyError
from cruse_auth.http import Http
from cruse_auth.oidc.discovery import Discovery
from cruse_auth.oidc.keys import Keys
from cruse_auth.oidc.signed import read_signed
from cruse_auth.resources.errors import TokenError
from cruse_auth.resources.tokens import AccessToken, check_active, check_jwt
from cruse_auth.steps import Fetch

if TYPE_CHECKING:
    from cruse_auth.oidc.discovery import Metadata
    from cruse_auth.resources.guard import ResourceOptions
    from cruse_auth.settings import AuthSettings
    from cruse_auth.steps import Steps

__all__ = ["Verifier"]


class Verifier:
    """Checks the tokens of one resource in one application; keeps the issuer's metadata and keys.

    Args:
        options: Whose tokens, and what for.
        settings: The settings of the extension.
    """

    def __init__(self, options: ResourceOptions, settings: AuthSettings) -> None:
        self.options = options
        self.settings = settings
        insecure = settings.insecure_http or options.transport is not None
        self._discovery = Discovery(settings, insecure)
        self._keys: Keys | None = None

    def http(self) -> Http:
        """Return a new HTTP client, for one request."""
        settings = self.settings
        return Http(settings.http_timeout, settings.http_max_bytes, self.options.transport)

    def metadata(self) -> Steps[Metadata]:
        """Return what the issuer says of itself; as :meth:`Discovery.find`."""
        return self._discovery.find(self.options.issuer)

    def verify(self, token: str) -> Steps[AccessToken]:
        """Return what a token says.

        Raises:
            TokenError: When it must not be believed.
            ProviderError: When the issuer could not be asked.
        """
        metadata = yield from self.metadata()
        if self.options.introspection:
            claims = yield from self._introspect(metadata, token)
        else:
            claims = yield from self._decode(metadata, token)
        return AccessToken(claims)

    def _decode(self, metadata: Metadata, token: str) -> Steps[dict[str, Any]]:
        keys = self._keys
        if keys is None or keys.url != metadata.jwks_uri:
            keys = self._keys = Keys(metadata.jwks_uri, self.settings)
        algorithms = frozenset(self.options.algorithms)
        try:
            signed = yield from read_signed(token, keys, algorithms, "the token", TokenError)
        except UnknownKeyError as error:  # anybody can make up a key id: no fault of the issuer's
            raise TokenError(error.cause) from error
        check_jwt(signed.header, signed.claims, self.options, self.settings.leeway)
        return signed.claims

    def _introspect(self, metadata: Metadata, token: str) -> Steps[dict[str, Any]]:
        """Ask the issuer, each time: a token that was revoked ends at once."""
        endpoint = metadata.introspection_endpoint
        if endpoint is None:
            raise ProviderError(f"the issuer {metadata.issuer!r} has no introspection endpoint")
        # Form-encoded before Base64: RFC 6749 section 2.3.1.
        pair = ":".join(quote(part, safe="") for part in self.options.introspection or ())
        headers = {
            "Authorization": f"Basic {b64encode(pair.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        body = urlencode({"token": token, "token_type_hint": "access_token"})
        reply = yield Fetch("POST", endpoint, headers, body)
        if reply.status != 200:
            raise ProviderError(f"{endpoint} answered with status {reply.status}")
        claims = reply.json()
        check_active(claims, self.options, self.settings.leeway)
        return {"iss": metadata.issuer, **claims}
