"""What an access token says, and that it was issued for us: RFC 9068 (JWT) and RFC 7662."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cruse_auth.resources.errors import TokenError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cruse_auth.resources.guard import ResourceOptions

__all__ = ["AccessToken", "check_active", "check_jwt"]


@dataclass(frozen=True)
class AccessToken:
    """An access token that is good, as views get it."""

    #: Everything that it says, or that the provider said of it.
    claims: Mapping[str, Any]

    @property
    def subject(self) -> str:
        """Whom it stands for: unique at the issuer. For a client by itself, the client."""
        subject: str = self.claims["sub"]
        return subject

    @property
    def issuer(self) -> str:
        """Who issued it."""
        issuer: str = self.claims["iss"]
        return issuer

    @property
    def client_id(self) -> str | None:
        """Which client it was issued to, if it says so."""
        client = self.claims.get("client_id") or self.claims.get("azp")
        return client if isinstance(client, str) else None

    @property
    def scopes(self) -> frozenset[str]:
        """What it allows: ``scope`` (RFC 9068 section 2.2.3), or some providers' ``scp``."""
        value = self.claims.get("scope", self.claims.get("scp"))
        if isinstance(value, str):
            return frozenset(value.split())
        if isinstance(value, list):
            return frozenset(scope for scope in value if isinstance(scope, str))
        return frozenset()


def check_jwt(
    header: Mapping[str, Any], claims: Mapping[str, Any], options: ResourceOptions, leeway: float
) -> None:
    """Check the claims of a token whose signature is good (RFC 9068 section 4).

    Raises:
        TokenError: When it is none of ours, or not now.
    """
    typ = str(header.get("typ")).lower().removeprefix("application/")
    if typ not in options.types:  # else an ID token, which every client has, would do
        raise TokenError(f"the token is of type {header.get('typ')!r}, not of {options.types}")
    if claims.get("iss") != options.issuer:
        raise TokenError(f"the token was issued by {claims.get('iss')!r}")
    if not isinstance(claims.get("exp"), int | float):
        raise TokenError("the token has no exp")
    _check_common(claims, options, leeway)


def check_active(claims: Mapping[str, Any], options: ResourceOptions, leeway: float) -> None:
    """Check what a provider says of a token (RFC 7662 section 2.2).

    Raises:
        TokenError: When it is not active, or none of ours.
    """
    if claims.get("active") is not True:
        raise TokenError("the provider says that the token is not active")
    if claims.get("iss", options.issuer) != options.issuer:
        raise TokenError(f"the token was issued by {claims.get('iss')!r}")
    _check_common(claims, options, leeway)


def _check_common(claims: Mapping[str, Any], options: ResourceOptions, leeway: float) -> None:
    audience = claims.get("aud")
    if options.audience not in (audience if isinstance(audience, list) else [audience]):
        raise TokenError(f"the token is for {audience!r}, not for {options.audience!r}")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise TokenError("the token has no sub")
    if (
        "cnf" in claims and options.dpop is None
    ):  # RFC 7800: whoever sends it has to prove more than that they have it
        raise TokenError("the token is bound to a key, and sent as a plain bearer token")
    _check_times(claims, time.time(), leeway)


def _check_times(claims: Mapping[str, Any], now: float, leeway: float) -> None:
    for claim in ("exp", "nbf", "iat"):
        at = claims.get(claim)
        if at is None:
            continue
        if not isinstance(at, int | float) or isinstance(at, bool):
            raise TokenError(f"the token's {claim} is not a number")
        if now >= at + leeway if claim == "exp" else now < at - leeway:
            raise TokenError(f"the token's {claim} is {at}, and now it is {now:.0f}")
