"""Creating and dropping the tables of the models, also when several processes do it at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, inspect, select

from cruse_db.sqlite import begin_writing

if TYPE_CHECKING:
    from sqlalchemy import MetaData
    from sqlalchemy.engine import Connection

__all__ = ["create_all", "drop_all"]

# The number of PostgreSQL's advisory lock; any will do that nobody else has: "cruse-db".
_LOCK = int.from_bytes(b"cruse-db")


def create_all(connection: Connection, metadata: MetaData) -> list[str]:
    """Create the tables that do not exist yet and return their names."""
    with connection.begin():
        _lock(connection)
        before = _existing(connection, metadata)
        metadata.create_all(connection)
        return sorted(_existing(connection, metadata) - before)


def drop_all(connection: Connection, metadata: MetaData) -> list[str]:
    """Drop the tables of the models and return the names of those that were there."""
    with connection.begin():
        _lock(connection)
        before = _existing(connection, metadata)
        metadata.drop_all(connection)
        return sorted(before)


def _lock(connection: Connection) -> None:
    """Let others who create or drop tables wait until this transaction ends.

    Without it, of several processes that find a table missing all but one fail to create it.
    """
    begin_writing(connection)
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def _existing(connection: Connection, metadata: MetaData) -> set[str]:
    """Return the names of the models' tables that exist."""
    inspector = inspect(connection)
    return {
        name
        for name, table in metadata.tables.items()
        if inspector.has_table(table.name, schema=table.schema)
    }
