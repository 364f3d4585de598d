"""The ID token: whose signature it has, and that all it says is about this login.

Stricter than Authlib's defaults, on purpose and without a switch: see each check.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import ClaimError, JoseError
from joserfc.jws import JWSRegistry, extract_compact

from cruse_auth.errors import LoginError

if TYPE_CHECKING:
    from cruse_auth.oidc.keys import Keys
    from cruse_auth.steps import Steps

__all__ = ["Expected", "IDTokenError", "verify"]

#: Header parameters that bring their own key, or the address of one. Ours come from the provider's
#: metadata and nowhere else (RFC 8725 section 3.10; CVE-2026-27962 in Authlib).
BRINGS_A_KEY = frozenset({"jwk", "jku", "x5u"})


class StrictDecoder(json.JSONDecoder):
    """Reads JSON without ``NaN``, which is none: a token that expires then never does."""

    def __init__(self) -> None:
        super().__init__(parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


class IDTokenError(LoginError):
    """An ID token that must not be believed."""

    message = "The sign-in service sent an answer that does not fit. Please try again."


@dataclass(frozen=True)
class Expected:
    """What the ID token of a login has to say."""

    issuer: str
    client_id: str
    nonce: str
    access_token: str
    #: Allowed signature algorithms.
    algorithms: frozenset[str]
    #: Seconds by which clocks may differ.
    leeway: int
    #: The person must have been asked since then, in seconds since the epoch.
    auth_since: int | None = None


def verify(token: str, expected: Expected, keys: Keys) -> Steps[dict[str, Any]]:
    """Return the claims of an ID token (OpenID Connect Core section 3.1.3.7).

    Args:
        token: The token, in its compact form.
        expected: What it has to say.
        keys: The provider's keys.

    Raises:
        IDTokenError: When anything about it is not as it has to be.
    """
    header = _header(token, expected)
    key = yield from keys.find(header)
    # The algorithms are named here again: the library must not fall back to its own list.
    registry = JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
    try:
        decoded = jwt.decode(token, key, registry=registry, decoder_cls=StrictDecoder)
    except (JoseError, ValueError, TypeError) as error:
        raise IDTokenError(f"the ID token's signature is not good: {error}") from error
    _check_claims(decoded.claims, decoded.header, expected)
    return decoded.claims


def _header(token: str, expected: Expected) -> dict[str, Any]:
    try:
        header = dict(extract_compact(token.encode()).headers())
    except (JoseError, ValueError, TypeError, AttributeError) as error:
        raise IDTokenError(f"the ID token cannot be read: {error}") from error
    alg = header.get("alg")
    if alg not in expected.algorithms:
        raise IDTokenError(f"the ID token is signed with {alg!r}, which is not allowed")
    if brought := BRINGS_A_KEY & header.keys():
        raise IDTokenError(f"the ID token brings its own key: {sorted(brought)}")
    if "crit" in header:  # RFC 7515 section 4.1.11: extensions that must be understood
        raise IDTokenError(f"the ID token has critical extensions {header['crit']!r}")
    if not isinstance(header.get("kid"), str | None):
        raise IDTokenError("the ID token's kid is not text")
    return header


def _check_claims(claims: dict[str, Any], header: dict[str, Any], expected: Expected) -> None:
    required = {
        "iss": {"essential": True, "value": expected.issuer},
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


def _check_auth_time(auth_time: Any, since: int, leeway: int) -> None:
    """Check that the person was asked for this login (OpenID Connect Core section 3.1.2.1)."""
    if not isinstance(auth_time, int | float) or isinstance(auth_time, bool):
        raise IDTokenError("a fresh login was asked for, but the ID token has no auth_time")
    if not since - leeway <= auth_time <= time.time() + leeway:
        raise IDTokenError("a fresh login was asked for, but the ID token's auth_time is old")
