"""Where logins are recorded on the server: a small protocol, and a store that speaks it.

The session says which login it belongs to; the record here says that this login still holds. So a
copied cookie is worth nothing once somebody has logged out, here or from another device.

The methods of a store may be plain functions, which are called in a worker's thread, or
``async def``.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from cruse.colors import inline

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["MemoryStore", "SessionRecord", "SessionStore"]


@dataclass(frozen=True)
class SessionRecord:
    """One login of one browser. Times are whole seconds since the epoch."""

    #: Its name. It is no secret: by itself it lets nobody in.
    sid: str
    #: Whose it is: what the user loader gets.
    user_id: str
    #: When the person logged in.
    created_at: int
    #: When the current session began: at the login, or when the browser was remembered.
    at: int
    #: When it was used last, to a minute or so.
    seen_at: int
    #: From when on it is as if it never was.
    expires_at: int
    #: The provider it came through; ``None`` when the application did it by itself.
    provider: str | None = None
    #: What that calls itself.
    issuer: str | None = None
    #: The provider's name for the person, and for their session there.
    subject: str | None = field(default=None, repr=False)
    provider_sid: str | None = field(default=None, repr=False)
    #: How sure the login is (``acr``), and by what methods it was made (``amr``, RFC 8176).
    acr: str | None = None
    amr: tuple[str, ...] = ()
    #: The address that the login came from.
    address: str | None = None
    #: What the browser calls itself.
    user_agent: str = ""
    #: Until when the browser is remembered; 0 when it is not.
    remember_until: int = 0
    #: The hash of what the remember cookie must hold now, and of what it held before.
    validator: str | None = field(default=None, repr=False)
    previous: str | None = field(default=None, repr=False)


class SessionStore(Protocol):
    """What a store has to do. What has expired is as if it never was."""

    def add(self, record: SessionRecord, /) -> Any:
        """Keep a new record."""

    def get(self, sid: str, /) -> SessionRecord | Awaitable[SessionRecord | None] | None:
        """Return a record, or None."""

    def replace(self, record: SessionRecord, validator: str | None, /) -> Any:
        """Put a record in the place of the one of its name, if that has ``validator`` still.

        Return whether it happened. Asking and replacing must be one step: of two requests that
        bring the same remember cookie, one gets the new one.
        """

    def touch(self, sid: str, seen_at: int, /) -> Any:
        """Note when a record was used last, if it is there."""

    def remove(self, sid: str, /) -> Any:
        """Forget a record. Return whether it was there."""

    def of_user(self, user_id: str, /) -> Any:
        """Return the list of a user's records, the one used last first."""

    def remove_user(self, user_id: str, keep: str | None, /) -> Any:
        """Forget all records of a user but the one named ``keep``. Return how many."""

    def of_provider(self, provider: str, subject: str | None, sid: str | None, /) -> Any:
        """Return the list of records that came through a provider.

        Those with this ``subject`` and this ``provider_sid``, as far as they are given; one is.
        """


class MemoryStore:
    """Keeps the records in this process: for tests, and for one process that may forget.

    Args:
        clock: Tells the time in seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._records: dict[str, SessionRecord] = {}

    def __len__(self) -> int:
        return len(self._records)

    @inline
    def add(self, record: SessionRecord, /) -> None:
        """Keep a new record, and drop those that have expired."""
        with self._lock:
            for sid in [sid for sid in self._records if self._find(sid) is None]:
                del self._records[sid]
            self._records[record.sid] = record

    @inline
    def get(self, sid: str, /) -> SessionRecord | None:
        """Return a record, or None."""
        with self._lock:
            return self._find(sid)

    @inline
    def replace(self, record: SessionRecord, validator: str | None, /) -> bool:
        """Put a record in the place of the one of its name, if that has ``validator`` still."""
        with self._lock:
            found = self._find(record.sid)
            if found is None or found.validator != validator:
                return False
            self._records[record.sid] = record
            return True

    @inline
    def touch(self, sid: str, seen_at: int, /) -> None:
        """Note when a record was used last."""
        with self._lock:
            found = self._find(sid)
            if found is not None:
                self._records[sid] = replace(found, seen_at=seen_at)

    @inline
    def remove(self, sid: str, /) -> bool:
        """Forget a record. Return whether it was there."""
        with self._lock:
            found = self._find(sid)
            self._records.pop(sid, None)
            return found is not None

    @inline
    def of_user(self, user_id: str, /) -> list[SessionRecord]:
        """Return the list of a user's records, the one used last first."""
        with self._lock:
            return sorted(self._of(user_id), key=lambda record: record.seen_at, reverse=True)

    @inline
    def remove_user(self, user_id: str, keep: str | None, /) -> int:
        """Forget all records of a user but the one named ``keep``. Return how many."""
        with self._lock:
            gone = [record.sid for record in self._of(user_id) if record.sid != keep]
            for sid in gone:
                del self._records[sid]
            return len(gone)

    @inline
    def of_provider(
        self, provider: str, subject: str | None, sid: str | None, /
    ) -> list[SessionRecord]:
        """Return the list of records that came through a provider."""
        with self._lock:
            return [
                record
                for record in self._records.values()
                if record.provider == provider
                and subject in (None, record.subject)
                and sid in (None, record.provider_sid)
                and self._find(record.sid) is not None
            ]

    def _find(self, sid: str) -> SessionRecord | None:
        found = self._records.get(sid)
        now = time.time() if self._clock is None else self._clock()
        return None if found is None or found.expires_at <= now else found

    def _of(self, user_id: str) -> list[SessionRecord]:
        mine = [record for record in self._records.values() if record.user_id == user_id]
        return [record for record in mine if self._find(record.sid) is not None]
