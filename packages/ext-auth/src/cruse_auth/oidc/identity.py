"""Who a provider says that somebody is."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cruse_auth.errors import ProviderError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Identity", "read_user"]

#: Claims of the ID token that are about the login and not about the person. Userinfo can't change
#: them.
PROTOCOL_CLAIMS = frozenset(
    {
        *("iss", "sub", "aud", "azp", "exp", "iat", "nbf", "jti", "sid"),
        *("nonce", "auth_time", "acr", "amr", "at_hash", "c_hash"),
    }
)


@dataclass(frozen=True)
class Identity:
    """A person, as a provider knows them. All of it was checked to come from that provider."""

    #: The name of the provider in this application.
    provider: str
    #: The provider's own name of itself.
    issuer: str
    #: The provider's name for the person. Never given to somebody else.
    subject: str
    #: Everything the provider said, from the ID token and its userinfo endpoint.
    claims: Mapping[str, Any] = field(repr=False)

    @classmethod
    def from_claims(
        cls,
        provider: str,
        token: Mapping[str, Any],
        userinfo: Mapping[str, Any],
        booleans_as_text: bool = False,
    ) -> Identity:
        """Join what the ID token and the userinfo endpoint say.

        Args:
            provider: The provider's name.
            token: The claims of the ID token.
            userinfo: The answer of the userinfo endpoint.
            booleans_as_text: Whether ``"true"`` is ``True`` there.

        Raises:
            ProviderError: When the subject is no text that could be written anywhere, or claims
                are nested very deeply.
        """
        about = {key: value for key, value in userinfo.items() if key not in PROTOCOL_CLAIMS}
        claims = _readable({**token, **about})
        if claims.get("email") != token.get("email") and "email_verified" not in about:
            claims.pop("email_verified", None)  # what was verified is another address
        if booleans_as_text and claims.get("email_verified") == "true":
            claims["email_verified"] = True
        if claims["sub"] != token["sub"]:
            raise ProviderError(f"the subject {token['sub']!r} has half a character in it")
        return cls(provider, token["iss"], token["sub"], claims)

    @property
    def key(self) -> tuple[str, str]:
        """Issuer and subject: the only name of a person that is theirs for ever.

        An e-mail address is not: it may be given to another person, and a provider may let people
        write into it what they like.
        """
        return self.issuer, self.subject

    def _text(self, claim: str) -> str | None:
        value = self.claims.get(claim)
        return value if isinstance(value, str) and value else None

    @property
    def name(self) -> str | None:
        """What the person is called, for showing."""
        return self._text("name") or self._text("preferred_username") or self._text("nickname")

    @property
    def username(self) -> str | None:
        """The short name that the person goes by at the provider; neither unique nor stable."""
        return self._text("preferred_username") or self._text("nickname")

    @property
    def email(self) -> str | None:
        """An e-mail address, see :attr:`email_verified`."""
        return self._text("email")

    @property
    def email_verified(self) -> bool:
        """Whether the provider says that the address is the person's."""
        return self.claims.get("email_verified") is True

    @property
    def picture(self) -> str | None:
        """The URL of a picture."""
        return self._text("picture")


def _readable(claims: dict[str, Any]) -> dict[str, Any]:
    """Return claims without halves of characters: JSON can hold them, no page and no database."""
    try:
        text = json.dumps(claims, ensure_ascii=False)
        readable: dict[str, Any] = json.loads(text.encode(errors="replace"))
    except RecursionError as error:
        raise ProviderError("the claims are nested too deeply") from error
    return readable


def read_user(text: str | None) -> dict[str, Any]:
    """Return the claims in what Apple posts about a person, once: what they want to be called.

    It is not signed, so the address in it is left alone: that of the ID token is.
    """
    try:
        user = json.loads(text or "null")
    except (ValueError, RecursionError):
        return {}
    name = user.get("name") if isinstance(user, dict) else None
    if not isinstance(name, dict):
        return {}
    parts = {"given_name": name.get("firstName"), "family_name": name.get("lastName")}
    claims = {key: part for key, part in parts.items() if isinstance(part, str) and part}
    return {**claims, "name": " ".join(claims.values())} if claims else {}
