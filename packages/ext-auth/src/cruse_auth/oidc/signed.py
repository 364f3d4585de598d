"""Signed tokens (JWS, RFC 7515): believed only with the signature of a key that we looked up.

One way for ID tokens and access tokens. What the claims have to say is for the callers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry, extract_compact

if TYPE_CHECKING:
    from collections.abc import Callable

    from cruse_auth.oidc.keys import Keys, PublicKey
    from cruse_auth.steps import Steps

__all__ = [
    "BRINGS_A_KEY",
    "Signed",
    "StrictDecoder",
    "check_signature",
    "read_header",
    "read_signed",
]

#: Header parameters that bring their own key, or the address of one. Ours come from the provider's
#: metadata and nowhere else (RFC 8725 section 3.10; CVE-2026-27962 in Authlib).
BRINGS_A_KEY = frozenset({"jwk", "jku", "x5u"})


class StrictDecoder(json.JSONDecoder):
    """Reads JSON without ``NaN``, which is none: a token that expires then never does."""

    def __init__(self) -> None:
        super().__init__(parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


@dataclass(frozen=True)
class Signed:
    """A token whose signature is good."""

    header: dict[str, Any]
    claims: dict[str, Any]
    key: PublicKey


def read_signed(
    token: str,
    keys: Keys,
    algorithms: frozenset[str],
    what: str,
    refuse: Callable[[str], Exception],
) -> Steps[Signed]:
    """Return header and claims of a token whose signature is good.

    Args:
        token: The token, in its compact form.
        keys: The keys that may have signed it.
        algorithms: The allowed signature algorithms.
        what: What it is called in error messages.
        refuse: Makes the error for a token that must not be believed, of its cause.
    """
    header = read_header(token, algorithms, what, refuse)
    if brought := BRINGS_A_KEY & header.keys():
        raise refuse(f"{what} brings its own key: {sorted(brought)}")
    key = yield from keys.find(header)
    return check_signature(token, header, key, what, refuse)


def read_header(
    token: str, algorithms: frozenset[str], what: str, refuse: Callable[[str], Exception]
) -> dict[str, Any]:
    """Return the header of a token, which nobody vouches for yet; as :func:`read_signed`."""
    try:
        header = dict(extract_compact(token.encode()).headers())
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise refuse(f"{what} cannot be read: {error}") from error
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in algorithms:
        raise refuse(f"{what} is signed with {alg!r}, which is not allowed")
    if "crit" in header:  # RFC 7515 section 4.1.11: extensions that must be understood
        raise refuse(f"{what} has critical extensions {header['crit']!r}")
    if not isinstance(header.get("kid"), str | None):
        raise refuse(f"{what}'s kid is not text")
    return header


def check_signature(
    token: str,
    header: dict[str, Any],
    key: PublicKey,
    what: str,
    refuse: Callable[[str], Exception],
) -> Signed:
    """Return header and claims of a token that a key signed; as :func:`read_signed`."""
    # The algorithms are named here again: the library must not fall back to its own list.
    registry = JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
    try:
        decoded = jwt.decode(token, key, registry=registry, decoder_cls=StrictDecoder)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise refuse(f"{what}'s signature is not good: {error}") from error
    return Signed(decoded.header, decoded.claims, key)
