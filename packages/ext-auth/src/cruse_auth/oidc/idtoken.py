"""The ID token: whose signature it has, and that all it says is about this login.

Stricter than Authlib's defaults, on purpose and without a switch: see each check.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from joserfc.errors import ClaimError

from cruse_auth.errors import LoginError
from cruse_auth.oidc.signed import read_signed

if TYPE_CHECKING:
    from cruse_auth.oidc.discovery import Metadata
    from cruse_auth.oidc.keys import Keys, PublicKey
    from cruse_auth.steps import Steps

__all__ = ["Expected", "IDTokenError", "verify"]


class IDTokenError(LoginError):
    """An ID token that must not be believed."""

    message = "The sign-in service sent an answer that does not fit. Please try again."


@dataclass(frozen=True)
class Expected:
    """What the ID token of a login has to say."""

    metadata: Metadata
    client_id: str
    nonce: str = field(repr=False)
    access_token: str = field(repr=False)
    #: Allowed signature algorithms.
    algorithms: frozenset[str]
    #: Seconds by which clocks may differ.
    leeway: int
    #: The person must have been asked since then, in seconds since the epoch.
    auth_since: int | None = None
    #: One of these, with blanks between them, must be its ``acr``.
    acr: str | None = None


def verify(token: str, expected: Expected, keys: Keys) -> Steps[dict[str, Any]]:
    """Return the claims of an ID token (OpenID Connect Core section 3.1.3.7).

    Args:
        token: The token, in its compact form.
        expected: What it has to say.
        keys: The provider's keys.

    Raises:
        IDTokenError: When anything about it is not as it has to be.
    """
    signed = yield from read_signed(token, keys, expected.algorithms, "the ID token", IDTokenError)
    _check_claims(signed.claims, signed.header, expected)
    _check_owner(signed.key, expected.metadata, signed.claims)
    return signed.claims


def _check_claims(claims: dict[str, Any], header: dict[str, Any], expected: Expected) -> None:
    issuer = expected.metadata.issuer_of(claims.get("tid"))
    if issuer is None:
        raise IDTokenError("the ID token's tid names no organization")
    required = {
        "iss": {"essential": True, "value": issuer},
        # Without this Authlib takes a token for somebody else when `azp` names us.
        "aud": {"essential": True, "value": expected.client_id},
        "nonce": {"essential": True, "value": expected.nonce},
    }
    login = {
        "client_id": expected.client_id,
        "nonce": expected.nonce,
        "access_token": expected.access_token,
    }
    try:
        # exp, iat, nbf, azp (when there are several audiences) and at_hash are checked in there.
        CodeIDToken(claims, header, required, login).validate(leeway=expected.leeway)
    except (ClaimError, TypeError, ValueError) as error:
        raise IDTokenError(f"the ID token's claims do not fit: {error}") from error
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise IDTokenError("the ID token's sub is not a text of up to 255 characters")
    if expected.auth_since is not None:
        _check_auth_time(claims.get("auth_time"), expected.auth_since, expected.leeway)
    # A provider may answer a wish for more with less (section 3.1.2.1); here it was no wish.
    if expected.acr is not None and claims.get("acr") not in expected.acr.split():
        raise IDTokenError(
            f"acr {expected.acr!r} was asked for, but the ID token has {claims.get('acr')!r}"
        )


def _check_owner(key: PublicKey, metadata: Metadata, claims: dict[str, Any]) -> None:
    """Check that a key signed for its own issuer, where a set has the keys of several.

    Microsoft's says of each key whose it is; those of private accounts are no organization's.
    """
    owner = key.get("issuer")
    if isinstance(owner, str) and "{tenantid}" in metadata.issuer:
        owner = owner.replace("{tenantid}", str(claims.get("tid")))
        if owner != claims["iss"]:
            raise IDTokenError(f"the ID token is signed with a key of issuer {owner!r}")


def _check_auth_time(auth_time: Any, since: int, leeway: int) -> None:
    """Check that the person was asked for this login (OpenID Connect Core section 3.1.2.1)."""
    if not isinstance(auth_time, int | float) or isinstance(auth_time, bool):
        raise IDTokenError("a fresh login was asked for, but the ID token has no auth_time")
    if not since - leeway <= auth_time <= time.time() + leeway:
        raise IDTokenError("a fresh login was asked for, but the ID token's auth_time is old")
