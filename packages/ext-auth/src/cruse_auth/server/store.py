"""What the authorization server keeps: records of one shape, in a store with few verbs.

Clients, keys, permissions, codes and tokens are all records of some kind. Codes and tokens are
kept by their SHA-256 only, so a copy of the store is worth nothing (RFC 6819 section 5.1.4.1).

The methods of a store may be plain functions, which are called in a worker's thread, or
``async def``.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from cruse.colors import inline

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

__all__ = ["MemoryServerStore", "Record", "ServerStore", "digest", "make_handle"]


def make_handle() -> str:
    """Return a new secret that stands for a record: 43 characters, 256 random bits."""
    return secrets.token_urlsafe(32)


def digest(handle: str) -> str:
    """Return the name that the record of a secret has: its SHA-256, in 43 characters."""
    hashed = hashlib.sha256(handle.encode("utf-8", "surrogatepass")).digest()
    return urlsafe_b64encode(hashed).rstrip(b"=").decode()


@dataclass(frozen=True)
class Record:
    """One thing that the server has to remember. Times are whole seconds since the epoch."""

    #: What it is, such as ``"code"``; of 20 characters at most.
    kind: str
    #: Its name, unique among those of its kind; for codes and tokens the :func:`digest`.
    id: str
    #: The family that it belongs to, which ends as one: all that came of one permission.
    grant: str = ""
    client_id: str = ""
    #: What the user loader gets; empty where nobody is behind it.
    user_id: str = ""
    created_at: int = 0
    #: From when on it is as if it never was; 0 for never.
    expires_at: int = 0
    #: When it was used; 0 for not yet.
    used_at: int = 0
    #: Grows with each change, see :meth:`ServerStore.replace`.
    version: int = 0
    #: Everything else; it can be written as JSON.
    content: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def changed(self, **changes: Any) -> Record:
        """Return the record with other values, and the next version."""
        return replace(self, version=self.version + 1, **changes)


class ServerStore(Protocol):
    """What a store has to do. What has expired is as if it never was."""

    def add(self, record: Record, /) -> Any:
        """Keep a new record. Return whether its name was free."""

    def get(self, kind: str, name: str, /) -> Record | Awaitable[Record | None] | None:
        """Return a record, or None."""

    def find(self, kind: str, user_id: str | None, client_id: str | None, /) -> Any:
        """Return the list of records of a kind, the oldest first.

        Those of this user and this client, as far as they are given.
        """

    def replace(self, record: Record, version: int, /) -> Any:
        """Put a record in the place of the one of its name, if that has this version still.

        Return whether it happened. Asking and replacing must be one step: of many requests that
        bring the same code, one may pass.
        """

    def remove(self, kind: str, name: str, /) -> Any:
        """Forget a record. Return whether it was there; of two calls, one is told so."""

    def purge(self, grant: str | None, user_id: str | None, client_id: str | None, /) -> Any:
        """Forget all records of this family, user and client, as far as they are given.

        One is. Return how many there were.
        """


class MemoryServerStore:
    """Keeps the records in this process: for tests, and for one process that may forget.

    Args:
        clock: Tells the time in seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._records: dict[tuple[str, str], Record] = {}

    def __len__(self) -> int:
        return len(self._records)

    @inline
    def add(self, record: Record, /) -> bool:
        """Keep a new record, and drop those that have expired."""
        key = record.kind, record.id
        with self._lock:
            self._records = {key: each for key, each in self._records.items() if self._holds(each)}
            return self._records.setdefault(key, record) is record

    @inline
    def get(self, kind: str, name: str, /) -> Record | None:
        """Return a record, or None."""
        found = self._records.get((kind, name))
        return found if found is not None and self._holds(found) else None

    @inline
    def find(self, kind: str, user_id: str | None, client_id: str | None, /) -> list[Record]:
        """Return the list of records of a kind, the oldest first."""
        with self._lock:
            found = [
                record
                for record in self._records.values()
                if record.kind == kind
                and self._holds(record)
                and _is_of(record, None, user_id, client_id)
            ]
        return sorted(found, key=lambda record: (record.created_at, record.id))

    @inline
    def replace(self, record: Record, version: int, /) -> bool:
        """Put a record in the place of the one of its name, if that has this version still."""
        key = record.kind, record.id
        with self._lock:
            found = self._records.get(key)
            if found is None or found.version != version or not self._holds(found):
                return False
            self._records[key] = record
            return True

    @inline
    def remove(self, kind: str, name: str, /) -> bool:
        """Forget a record. Return whether it was there."""
        with self._lock:
            found = self._records.pop((kind, name), None)
            return found is not None and self._holds(found)

    @inline
    def purge(self, grant: str | None, user_id: str | None, client_id: str | None, /) -> int:
        """Forget all records of this family, user and client. Return how many there were."""
        with self._lock:
            gone = [
                key
                for key, record in self._records.items()
                if _is_of(record, grant, user_id, client_id)
            ]
            return sum(self._holds(self._records.pop(key)) for key in gone)

    def _holds(self, record: Record) -> bool:
        now = time.time() if self._clock is None else self._clock()
        return not record.expires_at or record.expires_at > now


def _is_of(record: Record, grant: str | None, user_id: str | None, client_id: str | None) -> bool:
    return (
        grant in (None, record.grant)
        and user_id in (None, record.user_id)
        and client_id in (None, record.client_id)
    )
