"""A login whose second step is missing: what the session says about it. Nobody is in yet."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cruse_auth.record import Evidence

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
    #: By what they were recognized already.
    evidence: Evidence = field(repr=False)
    #: Seconds for which the browser is to be remembered; 0 for not.
    remember_for: int

    @property
    def methods(self) -> tuple[str, ...]:
        """What was shown already (RFC 8176)."""
        return self.evidence.amr

    @classmethod
    def read(cls, session: MutableMapping[str, Any]) -> PendingLogin | None:
        """Return the one that a session holds, if it is not too old."""
        match session.get(KEY):
            case {
                "id": str(user_id),
                "at": int(at),
                "needs": [*needs],
                "by": [provider, subject, provider_sid, acr, [*amr], issuer],
                "for": int(seconds),
            } if time.time() - at < LIFETIME:
                evidence = Evidence(
                    provider, subject, provider_sid, acr, tuple(amr), issuer=issuer
                )
                return cls(user_id, at, tuple(needs), evidence, seconds)
        return None

    def write(self, session: MutableMapping[str, Any]) -> None:
        """Keep it in a session."""
        by = self.evidence
        session[KEY] = {
            "id": self.user_id,
            "at": self.at,
            "needs": list(self.needs),
            "by": [by.provider, by.subject, by.provider_sid, by.acr, list(by.amr), by.issuer],
            "for": self.remember_for,
        }
