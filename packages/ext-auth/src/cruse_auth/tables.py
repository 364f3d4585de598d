"""What the stores in the application's database share: needs cruse-db."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Table

if TYPE_CHECKING:
    from sqlalchemy import Column, CursorResult, Delete, Insert, MetaData, Update

    from cruse_db import Database

__all__ = ["change", "table_of"]


def table_of(name: str, metadata: MetaData, *columns: Column[Any]) -> Table:
    """Return a table; the known one where two extensions, or applications, use one database."""
    known = metadata.tables.get(name)
    return Table(name, metadata, *columns) if known is None else known


def change(db: Database, statement: Insert | Update | Delete) -> int:
    """Run a statement in a transaction of its own, and return how many rows it concerned."""
    with db.begin() as session:
        return cast("CursorResult[Any]", session.execute(statement)).rowcount
