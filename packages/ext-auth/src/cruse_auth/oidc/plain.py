"""Providers of plain OAuth 2.0: no ID token, the access token is shown to a userinfo endpoint.

Such a token is nobody's proof when it comes from a browser. Here it comes from the provider's
token endpoint, for a code that was bound to this login by its state and PKCE.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cruse_auth.errors import ProviderError
from cruse_auth.oidc.client import ProviderClient
from cruse_auth.oidc.discovery import Metadata, check_url
from cruse_auth.oidc.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cruse_auth.oidc.client import Callback
    from cruse_auth.oidc.transactions import Transaction
    from cruse_auth.steps import Steps

__all__ = ["OAuth2Client", "map_claims", "primary_email"]

#: The longest list of addresses that is looked through.
MOST_ADDRESSES = 100

_PLACEHOLDER = re.compile(r"\{(\w+)\}", re.ASCII)


class OAuth2Client(ProviderClient):
    """The client of one application for one provider of plain OAuth 2.0."""

    def metadata(self, issuer: str) -> Steps[Metadata]:
        """Return the endpoints that the options name."""
        yield from ()
        options = self.options

        def checked(name: str) -> str:
            url: str = getattr(options, name)
            check_url(url, name, self.insecure)
            return url

        return Metadata(
            issuer,
            checked("authorization_endpoint"),
            checked("token_endpoint"),
            userinfo_endpoint=checked("userinfo_endpoint"),
            revocation_endpoint=(
                checked("revocation_endpoint") if options.revocation_endpoint else None
            ),
        )

    def _nonce(self, login: Transaction) -> None:
        return None

    def _identify(
        self, metadata: Metadata, login: Transaction, callback: Callback, tokens: dict[str, Any]
    ) -> Steps[Identity]:
        options, access_token = self.options, tokens["access_token"]
        reply = yield from self._ask(str(metadata.userinfo_endpoint), access_token)
        answer = reply.json()
        claims = {"iss": metadata.issuer, **map_claims(answer, options.claims)}
        if options.emails_endpoint is not None:
            check_url(options.emails_endpoint, "emails_endpoint", self.insecure)
            reply = yield from self._ask(options.emails_endpoint, access_token)
            claims |= primary_email(reply.json_list())
        # Last: whatever the provider's own fields are called, they are no claims.
        return Identity.from_claims(options.name, claims, {"userinfo": answer})


def map_claims(answer: Mapping[str, Any], places: Mapping[str, str]) -> dict[str, Any]:
    """Return the claims that an answer holds.

    Args:
        answer: The JSON object of a userinfo endpoint.
        places: Where each claim is, see :attr:`~cruse_auth.options.ProviderOptions.claims`.

    Raises:
        ProviderError: When there is no usable ``sub``.
    """
    claims = {name: _find(answer, place) for name, place in places.items()}
    subject = claims.get("sub")
    if isinstance(subject, int) and not isinstance(subject, bool):
        subject = claims["sub"] = str(subject)
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise ProviderError(f"the userinfo endpoint names nobody at {places.get('sub')!r}")
    return {name: value for name, value in claims.items() if value is not None}


def _find(answer: Mapping[str, Any], place: str) -> Any:
    keys = _PLACEHOLDER.findall(place)
    if keys:
        values = {key: answer.get(key) for key in keys}
        if not all(isinstance(value, str | int) and value != "" for value in values.values()):
            return None
        return _PLACEHOLDER.sub(lambda match: str(values[match[1]]), place)
    value: Any = answer
    for key in place.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def primary_email(addresses: list[Any]) -> dict[str, Any]:
    """Return the claims about the primary one of a list of addresses, in GitHub's form."""
    for entry in addresses[:MOST_ADDRESSES]:
        if isinstance(entry, dict) and entry.get("primary") is True:
            return {"email": entry.get("email"), "email_verified": entry.get("verified") is True}
    return {}
