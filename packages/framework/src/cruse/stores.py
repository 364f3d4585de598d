"""Where server-side sessions are kept: a small protocol, and two stores that speak it.

A store knows keys and texts, nothing of requests. Its methods may be plain functions (called in a
worker's thread where they would block an event loop), plain functions marked with
:func:`cruse.inline` (called where they are needed), or ``async def``.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from cruse.colors import inline

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["MemoryStore", "RedisStore", "SessionStore", "make_store"]

METHODS = ("get", "set", "touch", "delete")
TIMEOUT = 2.0  # seconds for connecting, and for an answer, unless the URL says otherwise


class SessionStore(Protocol):
    """What a store has to do. Lifetimes are whole seconds; what is over is as if it never was."""

    def get(self, key: str, /) -> str | bytes | Awaitable[str | bytes | None] | None:
        """Return the text of a key, or None."""

    def set(self, key: str, text: str, lifetime: int, replace: bool, /) -> Any:
        """Keep a text; with ``replace`` only if the key is there still. Return whether it is kept.

        Asking and keeping must be one step: a session that another request has ended meanwhile
        would come to life again.
        """

    def touch(self, key: str, lifetime: int, /) -> Any:
        """Begin the lifetime of a key anew. Return whether it is there."""

    def delete(self, key: str, /) -> Any:
        """Forget a key, if it is there."""


class MemoryStore:
    """Keeps sessions in this process: for development, for tests, and for one process.

    Args:
        limit: The most sessions; beyond it the one that was used longest ago goes.
        clock: Tells the time in seconds.
    """

    def __init__(self, limit: int = 100_000, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self.clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, str]] = {}  # the one used longest ago is first

    def __len__(self) -> int:
        return len(self._kept)

    @inline
    def get(self, key: str, /) -> str | None:
        """Return the text of a key, or None."""
        with self._lock:
            found = self._find(key)
            return None if found is None else found[1]

    @inline
    def set(self, key: str, text: str, lifetime: int, replace: bool, /) -> bool:
        """Keep a text; with ``replace`` only if the key is there still."""
        with self._lock:
            if replace and self._find(key) is None:
                return False
            self._keep(key, text, lifetime)
            while len(self._kept) > self.limit:
                del self._kept[next(iter(self._kept))]
            return True

    @inline
    def touch(self, key: str, lifetime: int, /) -> bool:
        """Begin the lifetime of a key anew."""
        with self._lock:
            found = self._find(key)
            if found is None:
                return False
            self._keep(key, found[1], lifetime)
            return True

    @inline
    def delete(self, key: str, /) -> None:
        """Forget a key."""
        with self._lock:
            self._kept.pop(key, None)

    def _find(self, key: str) -> tuple[float, str] | None:
        found = self._kept.get(key)
        if found is not None and found[0] <= self.clock():
            found = None
            del self._kept[key]
        return found

    def _keep(self, key: str, text: str, lifetime: int) -> None:
        self._kept.pop(key, None)  # to the end of the line
        self._kept[key] = (self.clock() + lifetime, text)


class RedisStore:
    """Keeps sessions in Redis, or in a server that speaks its protocol, such as Valkey.

    One client serves all threads and, through them, event loops; a forked process connects anew.

    Args:
        server: A URL (``redis://``, ``rediss://`` for TLS, ``unix://``), whose query may have
            options of the client such as ``socket_timeout=5`` (seconds); or a ``redis.Redis``.
    """

    def __init__(self, server: Any) -> None:
        self.client = _connect(server) if isinstance(server, str) else server

    def get(self, key: str, /) -> str | bytes | None:
        """Return the text of a key, or None."""
        found: str | bytes | None = self.client.get(key)
        return found

    def set(self, key: str, text: str, lifetime: int, replace: bool, /) -> bool:
        """Keep a text; with ``replace`` only if the key is there still."""
        return bool(self.client.set(key, text, ex=lifetime, xx=replace))

    def touch(self, key: str, lifetime: int, /) -> bool:
        """Begin the lifetime of a key anew."""
        return bool(self.client.expire(key, lifetime))

    def delete(self, key: str, /) -> None:
        """Forget a key."""
        self.client.delete(key)

    def close(self) -> None:
        """Close the connections; the next use opens new ones."""
        self.client.close()


def _connect(url: str) -> Any:
    try:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError:
        raise RuntimeError(
            "SESSION_STORE names a Redis server, but the Python package 'redis' is not installed."
            " Install it with: pip install 'cruse[redis]'"
        ) from None
    # One more try, at once, is for a connection that the server closed when it was restarted. By
    # itself the client would wait for seconds between its tries, in the middle of a request.
    return Redis.from_url(
        url,
        retry=Retry(NoBackoff(), 1),
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
    )


def make_store(setting: Any) -> Any:
    """Return the store that the setting ``SESSION_STORE`` means.

    Args:
        setting: ``"memory"``, the URL of a Redis server, or a store.

    Raises:
        ValueError: When it is neither.
    """
    if setting == "memory":
        return MemoryStore()
    if isinstance(setting, str) and setting.startswith(("redis://", "rediss://", "unix://")):
        return RedisStore(setting)
    if all(callable(getattr(setting, method, None)) for method in METHODS):
        return setting
    raise ValueError(
        "The setting 'SESSION_STORE' must be None (the session is in the cookie), 'memory', the"
        " URL of a Redis server ('redis://localhost:6379/0'), or an object with the methods"
        f" {', '.join(METHODS)}, not one of type {type(setting).__name__!r}."
    )
