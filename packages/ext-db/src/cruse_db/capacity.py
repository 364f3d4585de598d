"""Whether a PostgreSQL server has as many connections as the pools of an application may open."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

__all__ = ["connections_of", "too_many"]

# What the server keeps for its administrators is not for us; the second kind is there from 16 on.
_AVAILABLE = text(
    "SELECT current_setting('max_connections')::int"
    " - current_setting('superuser_reserved_connections')::int"
    " - coalesce(current_setting('reserved_connections', true), '0')::int"
)


def connections_of(engine: Engine) -> int | None:
    """Return how many connections the server of an engine has; ``None`` where it has no limit."""
    if engine.dialect.name != "postgresql":
        return None
    with engine.connect() as connection:
        return int(connection.execute(_AVAILABLE).scalar_one())


def too_many(size: int, available: int) -> str | None:
    """Return what to do when the pools may open more connections than the server has.

    Args:
        size: The connections that the pool of one process may open.
        available: Those that the server has.
    """
    # What gunicorn, uvicorn and others read. Where it is not set, at least there is one process.
    written = os.environ.get("WEB_CONCURRENCY", "")
    workers = max(int(written), 1) if written.isdecimal() else 1
    if size * workers <= available:
        return None
    return (
        f"DB_POOL_SIZE and DB_POOL_OVERFLOW allow {size} connections for each process, "
        f"{size * workers} for {workers}, and the server has {available}. Lower them to "
        f"{max(available // workers, 1)} together, or raise its max_connections."
    )
