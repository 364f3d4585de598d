"""What a view demands of its callers: how they were found, how recently, and which rights."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import Forbidden

from cruse import current_app
from cruse_auth.challenges import challenge

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["BEARER", "WAYS", "Demand", "InsufficientScope"]

#: How a user is found unless a view says otherwise; "bearer" is asked for.
WAYS = ("session", "request")
#: By an access token of a resource.
BEARER = "bearer"


class InsufficientScope(Forbidden):
    """The 403 for credentials whose scope is too small (RFC 6750, section 3.1).

    Args:
        realm: The realm of the challenge.
        scopes: What the view needs.
    """

    def __init__(self, realm: str, scopes: tuple[str, ...]) -> None:
        super().__init__("The credentials do not cover this.")
        self.realm = realm
        self.scope = " ".join(scopes)

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Return the header fields, with the challenge."""
        value = challenge("Bearer", realm=self.realm, error="insufficient_scope", scope=self.scope)
        return [("Content-Type", "application/json"), ("WWW-Authenticate", value)]

    def get_body(self, *args: Any, **kwargs: Any) -> str:
        """Return the error as JSON."""
        return current_app.json.dumps(
            {
                "error": "insufficient_scope",
                "error_description": self.description,
                "scope": self.scope,
            }
        )


@dataclass(frozen=True)
class Demand:
    """What a view demands."""

    ways: tuple[str, ...] = WAYS
    #: Whether ``AUTH_FRESH_LIFETIME`` counts.
    fresh: bool = False
    #: The most seconds since the login.
    within: float | None = None
    #: How sure the login must be: values of ``acr`` of which one will do.
    acr: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    any_role: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, ways: tuple[str, ...], within: timedelta | float | None, **rights: Iterable[str] | str
    ) -> Demand:
        """Return the demand that the arguments of ``auth_required`` describe.

        Raises:
            ValueError: For a way that does not exist.
            TypeError: When the decorator is used without its parentheses.
        """
        for way in ways:
            if callable(way):
                raise TypeError("Write the decorator with parentheses: '@auth_required()'.")
            if way not in (*WAYS, BEARER):
                known = ", ".join((*WAYS, BEARER))
                raise ValueError(f"The ways to be found are {known}, not {way!r}.")
        if isinstance(within, timedelta):
            within = within.total_seconds()
        given: dict[str, Any] = {
            what: (names,) if isinstance(names, str) else tuple(names)
            for what, names in rights.items()
        }
        return cls(ways or WAYS, within=within, **given)

    def check_rights(self, user: Any, way: str | None, realm: str) -> None:
        """Check that a user has the rights.

        Scopes limit credentials that somebody was given, so they are not asked of a session. Those
        of an access token were checked with it.

        Raises:
            Forbidden: When one is missing (403).
        """
        if way == "request" and not names_of(user, "scopes").issuperset(self.scopes):
            raise InsufficientScope(realm, self.scopes)
        if self.roles or self.any_role:
            roles = names_of(user, "roles")
            if not roles.issuperset(self.roles):
                raise Forbidden
            if self.any_role and roles.isdisjoint(self.any_role):
                raise Forbidden
        if self.permissions and not names_of(user, "permissions").issuperset(self.permissions):
            raise Forbidden


def names_of(user: Any, what: str) -> set[str]:
    """Return the names of a user's roles, permissions or scopes.

    The attribute may be a collection of texts or of objects with a ``name``, one text with blanks
    between the names as OAuth writes scopes, or a method that returns one of these.
    """
    value = getattr(user, what, None)
    if callable(value):
        value = value()
    if isinstance(value, str):
        value = value.split()
    return {
        each if isinstance(each, str) else str(getattr(each, "name", each)) for each in value or ()
    }
