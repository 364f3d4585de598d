"""Logout tokens: a provider tells, from server to server, that somebody has logged out there.

OpenID Connect Back-Channel Logout 1.0.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from cruse_auth.errors import LoginError
from cruse_auth.oidc.signed import read_signed

if TYPE_CHECKING:
    from cruse_auth.oidc.openid import OpenIDClient
    from cruse_auth.steps import Steps

__all__ = ["EVENT", "LIFETIME", "LogoutToken", "LogoutTokenError", "read_logout_token"]

EVENT = "http://schemas.openid.net/event/backchannel-logout"
#: What the header may call it: section 2.4 recommends the first; many providers say just JWT.
TYPES = ("logout+jwt", "application/logout+jwt", "jwt", "")
#: Seconds for which a token is taken, whatever its ``exp``; used ones are remembered that long.
LIFETIME = 600
#: The longest token that is looked at, in characters.
LONGEST = 8000


class LogoutTokenError(LoginError):
    """A logout token that must not be believed."""


@dataclass(frozen=True)
class LogoutToken:
    """Who has logged out: a person everywhere, or in one session; at least one is given."""

    issuer: str
    subject: str | None
    sid: str | None
    #: When, in seconds since the epoch.
    issued_at: float
    #: The token's name.
    jti: str


def read_logout_token(token: str, client: OpenIDClient) -> Steps[LogoutToken]:
    """Return what a logout token says (section 2.6).

    Args:
        token: The token, in its compact form.
        client: That of the provider which sent it, or so it seems.

    Raises:
        LogoutTokenError: When anything about it is not as it has to be.
        ProviderError: When the provider's keys can't be had.
    """
    if len(token) > LONGEST:
        raise LogoutTokenError("the logout token is too long")
    metadata = yield from client.metadata(client.issuer)
    signed = yield from read_signed(
        token,
        client.keys(metadata),
        client.algorithms(metadata),
        "the logout token",
        LogoutTokenError,
    )
    kind = signed.header.get("typ", "")
    if not isinstance(kind, str) or kind.lower() not in TYPES:
        raise LogoutTokenError(f"the logout token is a {kind!r}")
    claims = signed.claims
    issuer = _text(claims, "iss") or ""
    if not metadata.is_issuer(issuer):
        raise LogoutTokenError(f"the logout token is of issuer {claims.get('iss')!r}")
    audience = claims.get("aud")
    if client.options.client_id not in (audience if isinstance(audience, list) else [audience]):
        raise LogoutTokenError(f"the logout token is for {audience!r}")
    _check_event(claims)
    issued_at = _check_times(claims, client.settings.leeway)
    subject, sid, jti = (_text(claims, name) for name in ("sub", "sid", "jti"))
    if jti is None or (subject is None and sid is None):
        raise LogoutTokenError("the logout token lacks jti, or both sub and sid")
    return LogoutToken(issuer, subject, sid, issued_at, jti)


def _check_event(claims: dict[str, Any]) -> None:
    """Check that it is one: an ID token has a nonce and no event."""
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise LogoutTokenError("the logout token has no logout event")
    if "nonce" in claims:
        raise LogoutTokenError("the logout token has a nonce: it is an ID token")


def _check_times(claims: dict[str, Any], leeway: int) -> float:
    now, issued_at, expires_at = time.time(), claims.get("iat"), claims.get("exp")
    if not _is_number(issued_at) or not _is_number(expires_at):
        raise LogoutTokenError("the logout token lacks iat or exp")
    if not now - LIFETIME - leeway < issued_at <= now + leeway or expires_at <= now - leeway:
        raise LogoutTokenError("the logout token is old, or from the future")
    return float(issued_at)


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(claims: dict[str, Any], name: str) -> str | None:
    """Return a claim that is text.

    Raises:
        LogoutTokenError: When it is there and is none: who is meant must not be guessed.
    """
    value = claims.get(name)
    if value is not None and not (isinstance(value, str) and 0 < len(value) <= 255):
        raise LogoutTokenError(f"the logout token's {name} is not a text of up to 255 characters")
    return value
