"""Database URLs: read once, strictly, with their secret in the one place that SQLAlchemy masks."""

from __future__ import annotations

import os
from difflib import get_close_matches
from typing import TYPE_CHECKING

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["is_temporary", "need_usable", "parse", "place"]

# What people and hosting companies write, and the driver it means here.
_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
# What is suggested to who has misspelt one.
_KNOWN = ("sqlite", "postgresql", "mysql", "mariadb", "oracle", "mssql")


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


def need_usable(text: str, setting: str) -> None:
    """Make sure that a URL can be connected to, as far as one can tell without connecting.

    Args:
        text: The URL.
        setting: Where it stands, such as ``DB_URL``.

    Raises:
        ValueError: When it is not a URL, names no kind of database that SQLAlchemy knows, or is
            SQLite's with a host. It names the setting; a password is not shown.
    """
    try:
        url = parse(text)
    except ValueError as error:
        raise ValueError(f"{setting}: {error}") from None
    if url.get_backend_name() == "sqlite":
        _need_file(url, setting)
        return
    try:
        url.get_dialect()
    except NoSuchModuleError:
        raise ValueError(f"{setting}: {_unknown(url)}") from None


def _need_file(url: URL, setting: str) -> None:
    """With two slashes, the file's name would be a host, and the database a temporary one."""
    if url.host or url.username or url.port:
        # Without options, some of which are secret.
        written = url.set(query={}).render_as_string(hide_password=True)
        raise ValueError(
            f"{setting} is {written}, where a file's name would be that of a host. Three slashes "
            "begin a path in the instance folder, sqlite:///app.db, and four an absolute one."
        )


def _unknown(url: URL) -> str:
    kind, _, driver = url.drivername.partition("+")
    if kind in _KNOWN:
        return f"There is no driver {driver!r} for {kind}. Without it the usual one is taken."
    close = get_close_matches(kind, _KNOWN, 1)
    hint = f"Did you mean {close[0]}://?" if close else f"Known are: {', '.join(_KNOWN)}."
    return f"There is no kind of database {kind!r}. {hint}"


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
