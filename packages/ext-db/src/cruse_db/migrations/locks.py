"""One process at a time changes the tables, and what it does is done whole or not at all."""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from cruse_db.conflicts import is_conflict
from cruse_db.sqlite import begin_writing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection

    from cruse_db.migrations.folders import Job

__all__ = ["held"]

# The number of PostgreSQL's advisory lock: "cruse-mi".
_LOCK = int.from_bytes(b"cruse-mi")
_STEP = 0.2  # seconds between tries for it
_PATIENCE = 600.0  # seconds: another process may be in the middle of a long step
_WAITING = "Another process is changing the database: waiting for it, up to ten minutes."


@contextmanager
def held(connection: Connection, job: Job) -> Iterator[None]:
    """Let others wait until the block ends.

    Args:
        connection: A connection that is in no transaction.
        job: What is to be done.
    """
    if connection.dialect.name == "postgresql":
        with _postgres(connection, job):
            yield
    elif connection.dialect.name == "sqlite":
        with _sqlite(connection, job):
            yield
    else:
        yield


@contextmanager
def _postgres(connection: Connection, job: Job) -> Iterator[None]:
    # Tried again and again rather than waited for: who waits holds a snapshot, and CREATE INDEX
    # CONCURRENTLY in the process that has the lock would wait for that one.
    end = time.monotonic() + _PATIENCE
    take = text("SELECT pg_try_advisory_lock(:number)")
    told = False
    while not connection.scalar(take, {"number": _LOCK}):
        connection.commit()
        if not told:
            job.say(_WAITING)
            told = True
        if time.monotonic() > end:
            raise CommandError("Another process has been changing the tables for ten minutes.")
        time.sleep(_STEP)
    # Who waits for a busy table makes everybody else wait behind.
    milliseconds = int(job.lock_timeout * 1000)
    connection.exec_driver_sql(f"SET lock_timeout = {milliseconds}")
    connection.commit()
    try:
        yield
    finally:
        if not connection.invalidated:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": _LOCK})
            connection.exec_driver_sql("RESET lock_timeout")
            connection.exec_driver_sql("RESET search_path")
            connection.commit()


@contextmanager
def _sqlite(connection: Connection, job: Job) -> Iterator[None]:
    # SQLite changes a table by copying it and dropping the old one, and that, with foreign keys,
    # deletes what refers to it. They can be switched off only outside of a transaction.
    busy = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    try:
        _begin_on_file(connection, job)
        if job.backup:
            _copy(connection, job)
        yield
        _check_references(connection)
        connection.commit()
    finally:
        connection.rollback()
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {busy}")
        connection.exec_driver_sql("PRAGMA foreign_keys = ON")


def _begin_on_file(connection: Connection, job: Job) -> None:
    """Take the write lock with a long patience, and say so when it is needed."""
    try:
        begin_writing(connection)
    except OperationalError as error:
        if not is_conflict(error):
            raise
        job.say(_WAITING)
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(_PATIENCE * 1000)}")
        begin_writing(connection)


def _check_references(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        pairs = sorted({f"{row[0]} to {row[2]}" for row in broken})
        raise CommandError(
            f"{len(broken)} rows would refer to rows that are not there: {', '.join(pairs)}. "
            "Nothing was changed."
        )


def _copy(connection: Connection, job: Job) -> None:
    path = job.engines.url.database
    if not path or path.startswith("file:"):
        return
    target = f"{path}.backup"
    source, copy = sqlite3.connect(path), sqlite3.connect(target)
    try:
        source.backup(copy)
    finally:
        source.close()
        copy.close()
    job.say(f"The database as it was is in {target}.")
