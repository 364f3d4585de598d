"""Where the factors of people are kept: a small protocol, and a store in memory that speaks it.

The methods of a store may be plain functions, which are called in a worker's thread, or
``async def``.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from cruse.colors import inline

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

__all__ = ["PASSKEY", "RECOVERY", "TOTP", "Factor", "FactorStore", "MemoryFactors"]

#: The kinds of factors.
TOTP, PASSKEY, RECOVERY = "totp", "passkey", "recovery"


@dataclass(frozen=True)
class Factor:
    """One thing that somebody can show. Times are whole seconds since the epoch."""

    #: Its name, of 43 characters at most. It is no secret.
    id: str
    #: Whose it is: what the user loader gets.
    user_id: str
    #: ``"totp"``, ``"passkey"`` or ``"recovery"``.
    kind: str
    #: What the person calls it.
    name: str
    created_at: int
    #: When it was used last; 0 for never.
    used_at: int = 0
    #: The last step (TOTP) or the signature counter (passkey); it never goes back.
    counter: int = 0
    #: What it is checked with, as text: a sealed secret, or a public key.
    data: str = field(default="", repr=False)


class FactorStore(Protocol):
    """What a store has to do."""

    def add(self, factor: Factor, /) -> Any:
        """Keep a new factor. Return whether its name was free."""

    def get(self, factor_id: str, /) -> Factor | Awaitable[Factor | None] | None:
        """Return a factor, or None."""

    def of_user(self, user_id: str, /) -> Any:
        """Return the list of a user's factors, the oldest first."""

    def replace(self, factor: Factor, counter: int, /) -> Any:
        """Put a factor in the place of the one of its name, if that has this ``counter`` still.

        Return whether it happened. Asking and replacing must be one step: of two requests that
        bring the same code, one may pass.
        """

    def remove(self, factor_id: str, /) -> Any:
        """Forget a factor. Return whether it was there; of two calls, one is told so."""

    def renew(self, user_id: str, kind: str, factors: Sequence[Factor], /) -> Any:
        """Put factors in the place of all of that kind that a user has; none to forget them."""

    def spend(self, name: str, seconds: int, /) -> Any:
        """Remember for some seconds that something was used. Return whether it is new."""


class MemoryFactors:
    """Keeps factors in this process, for tests.

    Args:
        clock: Tells the time in seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._factors: dict[str, Factor] = {}
        self._spent: dict[str, float] = {}

    @inline
    def add(self, factor: Factor, /) -> bool:
        """Keep a new factor. Return whether its name was free."""
        with self._lock:
            return self._factors.setdefault(factor.id, factor) is factor

    @inline
    def get(self, factor_id: str, /) -> Factor | None:
        """Return a factor, or None."""
        return self._factors.get(factor_id)

    @inline
    def of_user(self, user_id: str, /) -> list[Factor]:
        """Return the list of a user's factors, the oldest first."""
        with self._lock:
            mine = [factor for factor in self._factors.values() if factor.user_id == user_id]
        return sorted(mine, key=lambda factor: (factor.created_at, factor.id))

    @inline
    def replace(self, factor: Factor, counter: int, /) -> bool:
        """Put a factor in the place of the one of its name, if that has ``counter`` still."""
        with self._lock:
            found = self._factors.get(factor.id)
            if found is None or found.counter != counter:
                return False
            self._factors[factor.id] = factor
            return True

    @inline
    def remove(self, factor_id: str, /) -> bool:
        """Forget a factor. Return whether it was there."""
        with self._lock:
            return self._factors.pop(factor_id, None) is not None

    @inline
    def renew(self, user_id: str, kind: str, factors: Sequence[Factor], /) -> None:
        """Put factors in the place of all of that kind that a user has."""
        with self._lock:
            kept = {
                factor_id: factor
                for factor_id, factor in self._factors.items()
                if (factor.user_id, factor.kind) != (user_id, kind)
            }
            self._factors = {**kept, **{factor.id: factor for factor in factors}}

    @inline
    def spend(self, name: str, seconds: int, /) -> bool:
        """Remember for some seconds that something was used. Return whether it is new."""
        now = time.time() if self._clock is None else self._clock()
        with self._lock:
            self._spent = {each: until for each, until in self._spent.items() if until > now}
            if name in self._spent:
                return False
            self._spent[name] = now + seconds
            return True
