"""What goes wrong with a database, in a line or two: no traceback, and no secret."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import click
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from cruse.cli import AppGroup
from cruse.extension import SettingsError

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from cruse_db.extension import Database

__all__ = ["DatabaseGroup"]

_NO_BATCH = (
    "SQLite changes a table by making a new one of what is there, which can't be written down "
    "without it. '--dialect postgresql' prints the SQL for PostgreSQL."
)
# What to do, by what SQLite says of a file. Others say it themselves.
_SQLITE_HINTS = {
    sqlite3.SQLITE_BUSY: "Another process is writing to it: wait for it, or end it.",
    sqlite3.SQLITE_READONLY: "The file and its folder must be writable for this user.",
    sqlite3.SQLITE_CANTOPEN: "The file or its folder is missing, or closed to this user.",
    sqlite3.SQLITE_NOTADB: "It is another kind of file, or damaged. Is the path right?",
    sqlite3.SQLITE_CORRUPT: "It is damaged. A copy from before is the way back.",
}
_POSTGRES_HINTS = (
    ("password authentication failed", "Is the password in the setting the right one?"),
    ("no password supplied", "The URL has no password."),
    ("could not translate host name", "Is the host's name right?"),
    ("failed to resolve host", "Is the host's name right?"),
    ("Connection refused", "Does the server run, and is the port right?"),
    ("No such file or directory", "Does the server run?"),
    ("timeout expired", "The server does not answer: is it up, and does a firewall let one in?"),
    ("lock timeout", "Others use the table: try again, or give '--lock-timeout' more seconds."),
)


class DatabaseCommand(click.Command):
    """A command that says what is wrong with the database, instead of where in which library."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it.

        Raises:
            click.ClickException: For what is wrong with a database or its migrations.
        """
        try:
            return super().invoke(ctx)
        except Exception as error:
            text = _explain(error)
            if text is None:
                raise
            group = None if ctx.parent is None else ctx.parent.command
            if isinstance(group, DatabaseGroup) and isinstance(error, DBAPIError | PoolTimeout):
                text = f"{group.shown(ctx.params.get('bind'))}: {text}"
            raise click.ClickException(text) from error


class DatabaseGroup(AppGroup):
    """The group of the commands of one database.

    Args:
        database: The extension.
    """

    command_class = DatabaseCommand

    def __init__(self, database: Database) -> None:
        super().__init__("db", help="Work with the database.")
        self._database = database

    def shown(self, bind: str | None) -> str:
        """Return the database that is meant, as messages name it."""
        return self._database.state.bind(bind).shown


def _explain(error: Exception) -> str | None:
    """Say what is wrong, if it is about the database, its settings or its migrations."""
    from alembic.util import CommandError

    if isinstance(error, CommandError):
        return _from_alembic(str(error))
    if isinstance(error, SettingsError):
        return str(error)
    if isinstance(error, DBAPIError):
        return _from_database(error)
    if isinstance(error, PoolTimeout):
        return "All connections are in use."
    if isinstance(error, OSError):
        return f"{error.strerror}: {error.filename}." if error.strerror else str(error)
    if isinstance(error, ModuleNotFoundError) and "database driver" in str(error):
        return str(error)
    return _from_migration(error)


def _from_alembic(said: str) -> str:
    if "batch mode" in said:
        return _NO_BATCH
    if said.startswith("Can't locate revision"):
        return f"{said}. 'cruse db history' lists those that are there."
    return said


def _from_database(error: DBAPIError) -> str:
    lines = str(error.orig).partition("\nDETAIL:")[0].splitlines()
    # libpq's own advice is indented.
    said = " ".join(line.strip() for line in lines if not line.startswith("\t")).rstrip(". ")
    text = f"{said}. {_hint(error)}".rstrip()
    frame = _migration_frame(error.__traceback__)
    if frame is None:
        return text
    return f"{_place(frame)} failed: {text} Tables and revision are as they were before it ran."


def _hint(error: DBAPIError) -> str:
    if isinstance(error.orig, sqlite3.Error):
        return _SQLITE_HINTS.get(getattr(error.orig, "sqlite_errorcode", 0) & 0xFF, "")
    said = str(error.orig)
    if "database" in said and "does not exist" in said:
        return "Create it first, with 'createdb'."
    return next((hint for part, hint in _POSTGRES_HINTS if part in said), "")


def _from_migration(error: Exception) -> str | None:
    """Say which migration can't be taken back. Other errors in one need their traceback."""
    if isinstance(error, AttributeError) and error.name in {"upgrade", "downgrade"}:
        file = getattr(error.obj, "__file__", None)
        return file and f"The migration {file} has no {error.name}(). Nothing was changed."
    frame = _migration_frame(error.__traceback__)
    if frame is not None and isinstance(error, NotImplementedError):
        why = str(error) or "it is not written"
        return f"{_place(frame)} can't be run: {why}. Nothing was changed."
    return None


def _migration_frame(traceback: TracebackType | None) -> FrameType | None:
    """Return the innermost frame that is in a migration."""
    found = None
    while traceback is not None:
        if {"revision", "down_revision"} <= traceback.tb_frame.f_globals.keys():
            found = traceback.tb_frame
        traceback = traceback.tb_next
    return found


def _place(frame: FrameType) -> str:
    return (
        f"The migration {frame.f_globals['revision']} "
        f"({frame.f_code.co_filename}, line {frame.f_lineno})"
    )
