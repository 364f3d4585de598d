"""A login whose second step is missing: what the session says about it. Nobody is in yet."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import MutableMapping

__all__ = ["LoginStep", "PendingLogin"]

#: The key of the session for it.
KEY = "_auth_pending"
#: Seconds for the second step.
LIFETIME = 600


@dataclass(frozen=True)
class LoginStep:
    """How far a login is; true in an ``if`` when somebody is logged in."""

    logged_in: bool
    #: The kinds of factors of which one has to be shown, such as ``"totp"`` and ``"recovery"``.
    needs: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.logged_in


@dataclass(frozen=True)
class PendingLogin:
    """A login that has begun."""

    user_id: str
    #: When, in seconds since the epoch.
    at: int
    #: The kinds of factors of which one has to be shown.
    needs: tuple[str, ...]
    #: What was shown already (RFC 8176).
    methods: tuple[str, ...]
    #: Seconds for which the browser is to be remembered; 0 for not.
    remember_for: int

    @classmethod
    def read(cls, session: MutableMapping[str, Any]) -> PendingLogin | None:
        """Return the one that a session holds, if it is not too old."""
        match session.get(KEY):
            case {
                "id": str(user_id),
                "at": int(at),
                "needs": [*needs],
                "amr": [*methods],
                "for": int(seconds),
            } if time.time() - at < LIFETIME:
                return cls(user_id, at, tuple(needs), tuple(methods), seconds)
        return None

    def write(self, session: MutableMapping[str, Any]) -> None:
        """Keep it in a session."""
        session[KEY] = {
            "id": self.user_id,
            "at": self.at,
            "needs": list(self.needs),
            "amr": list(self.methods),
            "for": self.remember_for,
        }
