"""Database URLs: read once, strictly, with their secret in the one place that SQLAlchemy masks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["is_temporary", "parse", "place"]

# What people and hosting companies write, and the driver it means here.
_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}


def parse(text: str) -> URL:
    """Read a database URL.

    Args:
        text: As SQLAlchemy has it: ``dialect[+driver]://user:password@host:port/database``.

    Raises:
        ValueError: When it is not a URL. Its text is not shown, because it may hold a password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError(
            "The URL could not be read. It looks like sqlite:///app.db or "
            "postgresql://user:password@host/database."
        ) from None
    if url.host is not None and "@" in url.host:
        raise ValueError(
            "The URL has more than one '@'. In a user name or password, write it as %40."
        )
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    return _hide_password(url)


def _hide_password(url: URL) -> URL:
    """Move ``?password=`` to where ``str()`` and ``repr()`` of a URL show ``***`` for it."""
    password = url.query.get("password")
    if password is None:
        return url
    if not isinstance(password, str) or url.password is not None:
        raise ValueError("The URL has more than one password.")
    return url.set(password=password).difference_update_query(["password"])


def is_temporary(url: URL) -> bool:
    """Whether a URL names SQLite's database in memory, which belongs to nobody else."""
    return url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:")


def place(url: URL, folder: str | Path) -> URL:
    """Return an SQLite URL with its relative path below ``folder``; other URLs as they are."""
    path = url.database
    if url.get_backend_name() != "sqlite" or not path or path.startswith((":", "file:")):
        return url
    return url.set(database=os.path.join(folder, path))
