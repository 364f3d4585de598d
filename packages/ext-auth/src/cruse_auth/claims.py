"""Which claims about a person come with which scope (OpenID Connect Core section 5.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["CLAIMS", "claims_within"]

CLAIMS = {
    "profile": (
        *("name", "family_name", "given_name", "middle_name", "nickname", "preferred_username"),
        *("profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale"),
        "updated_at",
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}


def claims_within(claims: Mapping[str, Any], scopes: Collection[str]) -> dict[str, Any]:
    """Return claims without those of the scopes that are not there; others stay.

    Args:
        claims: What could be told about somebody.
        scopes: What may be.
    """
    foreign = {name for scope, names in CLAIMS.items() if scope not in scopes for name in names}
    return {name: value for name, value in claims.items() if name not in foreign}
