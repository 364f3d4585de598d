"""Where tokens of providers are kept: a small protocol, and a store that speaks it.

A store never sees a token: what it gets is encrypted.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from cruse.colors import inline

if TYPE_CHECKING:
    from collections.abc import Awaitable

__all__ = ["MemoryTokenStore", "StoredTokens", "TokenStore"]


@dataclass(frozen=True)
class StoredTokens:
    """What one provider gave for one user."""

    user_id: str
    #: The name of the provider in this application.
    provider: str
    #: Another text after every change, up to 32 characters.
    version: str
    #: The tokens, encrypted.
    sealed: str = field(repr=False)
    #: Until when somebody is renewing them, in seconds since the epoch; 0 for nobody.
    busy_until: int = 0


class TokenStore(Protocol):
    """What a store has to do; its methods may be plain, or ``async def``."""

    def get(
        self, user_id: str, provider: str, /
    ) -> StoredTokens | Awaitable[StoredTokens | None] | None:
        """Return what is kept, or None."""

    def put(self, tokens: StoredTokens, /) -> Any:
        """Keep tokens, in place of what was there."""

    def replace(self, tokens: StoredTokens, version: str, /) -> Any:
        """Keep tokens in place of those of this version, if they are there still.

        Return whether it happened. Asking and replacing must be one step: of many processes that
        want to renew tokens, one does.
        """

    def remove(self, user_id: str, provider: str | None, version: str | None, /) -> Any:
        """Forget what is kept for a user, of one provider or of all. Return how many there were.

        With a version, only what has it still.
        """


class MemoryTokenStore:
    """Keeps tokens in this process: for tests, and for one process that may forget."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], StoredTokens] = {}

    @inline
    def get(self, user_id: str, provider: str, /) -> StoredTokens | None:
        """Return what is kept, or None."""
        return self._kept.get((user_id, provider))

    @inline
    def put(self, tokens: StoredTokens, /) -> None:
        """Keep tokens, in place of what was there."""
        with self._lock:
            self._kept[tokens.user_id, tokens.provider] = tokens

    @inline
    def replace(self, tokens: StoredTokens, version: str, /) -> bool:
        """Keep tokens in place of those of this version, if they are there still."""
        key = tokens.user_id, tokens.provider
        with self._lock:
            found = self._kept.get(key)
            if found is None or found.version != version:
                return False
            self._kept[key] = tokens
            return True

    @inline
    def remove(self, user_id: str, provider: str | None, version: str | None, /) -> int:
        """Forget what is kept for a user. Return how many there were."""
        with self._lock:
            gone = [
                key
                for key, kept in self._kept.items()
                if key[0] == user_id
                and provider in (None, key[1])
                and version in (None, kept.version)
            ]
            for key in gone:
                del self._kept[key]
            return len(gone)
