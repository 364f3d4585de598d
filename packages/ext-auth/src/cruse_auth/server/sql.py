"""Keeps what the authorization server remembers in the application's database: needs cruse-db."""

from __future__ import annotations

import time
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from sqlalchemy import JSON, BigInteger, Column, String, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from cruse_auth.server.store import Record
from cruse_auth.tables import change, table_of

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, MetaData, Table

    from cruse_db import Database

__all__ = ["SQLServerStore"]

_COLUMNS = tuple(field.name for field in fields(Record))


class SQLServerStore:
    """Keeps the records of the authorization server in a table.

    The table is one of the database's: ``db.create_all()`` makes it, ``cruse db migrate`` finds
    it. Each change is a short transaction of its own. On SQLite, which lets one connection write
    at a time, commit before you change clients or keys.

    Args:
        db: The database.
        table: The table's name.
    """

    def __init__(self, db: Database, table: str = "auth_server") -> None:
        self.db = db
        #: The table.
        self.table = _make_table(table, db.metadata)

    def add(self, record: Record, /) -> bool:
        """Keep a new record, and drop those that have expired."""
        until = self.table.c.expires_at
        expired = and_(until > 0, until <= int(time.time()))
        try:
            with self.db.begin() as session:
                session.execute(delete(self.table).where(expired))
                session.execute(insert(self.table).values(asdict(record)))
        except IntegrityError:
            return False
        return True

    def get(self, kind: str, name: str, /) -> Record | None:
        """Return a record, or None."""
        found = self._select(self._named(kind, name))
        return found[0] if found else None

    def find(self, kind: str, user_id: str | None, client_id: str | None, /) -> list[Record]:
        """Return the list of records of a kind, the oldest first."""
        return self._select(and_(self.table.c.kind == kind, self._of(None, user_id, client_id)))

    def replace(self, record: Record, version: int, /) -> bool:
        """Put a record in the place of the one of its name, if that has this version still."""
        same = self.table.c.version == version
        where = self._valid(and_(self._named(record.kind, record.id), same))
        return change(self.db, update(self.table).where(where).values(asdict(record))) == 1

    def remove(self, kind: str, name: str, /) -> bool:
        """Forget a record. Return whether it was there."""
        where = self._valid(self._named(kind, name))
        return change(self.db, delete(self.table).where(where)) == 1

    def purge(self, grant: str | None, user_id: str | None, client_id: str | None, /) -> int:
        """Forget all records of this family, user and client. Return how many there were."""
        where = self._valid(self._of(grant, user_id, client_id))
        return change(self.db, delete(self.table).where(where))

    def _named(self, kind: str, name: str) -> ColumnElement[bool]:
        return and_(self.table.c.kind == kind, self.table.c.id == name)

    def _of(
        self, grant: str | None, user_id: str | None, client_id: str | None
    ) -> ColumnElement[bool]:
        columns = self.table.c
        wanted = (columns.grant, grant), (columns.user_id, user_id), (columns.client_id, client_id)
        return and_(True, *(column == value for column, value in wanted if value is not None))

    def _valid(self, where: ColumnElement[bool]) -> ColumnElement[bool]:
        until = self.table.c.expires_at
        return and_(where, or_(until == 0, until > int(time.time())))

    def _select(self, where: ColumnElement[bool]) -> list[Record]:
        table = self.table
        statement = select(*(table.c[name] for name in _COLUMNS)).where(self._valid(where))
        with self.db.new_session() as session:
            rows = session.execute(statement.order_by(table.c.created_at, table.c.id))
            return [Record(*row) for row in rows]


def _make_table(name: str, metadata: MetaData) -> Table:
    return table_of(
        name,
        metadata,
        Column("kind", String(20), primary_key=True),
        Column("id", String(255), primary_key=True),
        Column("grant", String(64), nullable=False, index=True),
        Column("client_id", String(255), nullable=False, index=True),
        Column("user_id", String(255), nullable=False, index=True),
        Column("created_at", BigInteger, nullable=False),
        Column("expires_at", BigInteger, nullable=False, index=True),
        Column("used_at", BigInteger, nullable=False),
        Column("version", BigInteger, nullable=False),
        Column("content", JSON, nullable=False),
    )
