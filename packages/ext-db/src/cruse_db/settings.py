"""The settings of cruse-db, read from the keys ``DB_*`` of the application's configuration."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the settings are read by their types
from dataclasses import dataclass, field
from typing import Any

from cruse_db.addresses import parse

__all__ = ["DatabaseSettings"]


@dataclass(frozen=True)
class DatabaseSettings:
    """Which database, and how it is talked to.

    Args:
        url: ``DB_URL``. A relative SQLite path lies in the instance folder; ``sqlite:///:memory:``
            is a database of its own that goes away with the application.
        echo: ``DB_ECHO``. Whether every statement is logged.
        pool_size: ``DB_POOL_SIZE``. Connections that are kept open.
        pool_overflow: ``DB_POOL_OVERFLOW``. Connections beyond those while all are in use. Both
            together should reach the number of the server's threads, or requests wait.
        pool_timeout: ``DB_POOL_TIMEOUT``. Seconds to wait for a connection before giving up.
        ping_after: ``DB_PING_AFTER``. Seconds a server's connection may have been idle before it
            is checked ahead of its next use.
        connect_timeout: ``DB_CONNECT_TIMEOUT``. Whole seconds to wait for a server to answer.
        busy_timeout: ``DB_BUSY_TIMEOUT``. Seconds to wait for SQLite's write lock.
        sync_on_loop: ``DB_SYNC_ON_LOOP``. Whether ``db.session`` may be used on an event loop,
            which its queries block.
        engine_options: ``DB_ENGINE_OPTIONS``. Further arguments of SQLAlchemy's
            ``create_engine``.
    """

    # Not in repr: it may hold a password.
    url: str = field(default="sqlite:///app.db", repr=False)
    echo: bool = False
    pool_size: int = 10
    pool_overflow: int = 30
    pool_timeout: float = 30.0
    ping_after: float = 30.0
    connect_timeout: int = 10
    busy_timeout: float = 5.0
    sync_on_loop: bool = False
    engine_options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        parse(self.url)  # an error now, at start, rather than in the first view
