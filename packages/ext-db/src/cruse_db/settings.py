"""The settings of cruse-db, read from the keys ``DB_*`` of the application's configuration."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the settings are read by their types
from dataclasses import dataclass, field
from typing import Any, Literal

from cruse_db.addresses import need_usable

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
        binds: ``DB_BINDS``. Further databases, URL by name, for models with ``__bind_key__``.
        replicas: ``DB_REPLICAS``. URLs of replicas of the first database, for ``db.replica()``.
        replica_delay: ``DB_REPLICA_DELAY``. Seconds for which a client that has written reads from
            the primary, because replicas lag behind.
        tenant_url: ``DB_TENANT_URL``. The URL of a tenant's own database, with ``{tenant}`` where
            its name goes; without it, tenants are schemas of the first database.
        slow_ms: ``DB_SLOW_MS``. Milliseconds from which a statement is logged as slow.
        query_log: ``DB_QUERY_LOG``. Whether ``db.queries`` holds what a request has sent;
            in debug mode it always does.
        n_plus_one: ``DB_N_PLUS_ONE``. ``"log"`` or ``"raise"`` when a relationship is loaded again
            and again, one object at a time; ``"off"`` does not look.
        migrations: ``DB_MIGRATIONS``. The folder of the migrations, from the application's root.
        encryption_keys: ``DB_ENCRYPTION_KEYS``. The keys of encrypted columns; the first encrypts.
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
    binds: Mapping[str, Any] = field(default_factory=dict, repr=False)
    replicas: tuple[str, ...] = field(default=(), repr=False)
    replica_delay: float = 2.0
    tenant_url: str | None = field(default=None, repr=False)
    slow_ms: float | None = None
    query_log: bool = False
    n_plus_one: Literal["off", "log", "raise"] = "off"
    migrations: str = "migrations"
    encryption_keys: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        # An error now, at start, rather than in the first view.
        need_usable(self.url, "DB_URL")
        for key, url in self.binds.items():
            need_usable(url, f"DB_BINDS[{key!r}]")
        for number, url in enumerate(self.replicas):
            need_usable(url, f"DB_REPLICAS[{number}]")
        if self.tenant_url is not None:
            if "{tenant}" not in self.tenant_url:
                raise ValueError("DB_TENANT_URL has no {tenant}, so all would share one database.")
            need_usable(self.tenant_url.replace("{tenant}", "name"), "DB_TENANT_URL")
