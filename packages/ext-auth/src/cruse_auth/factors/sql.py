"""Keeps the factors of people in the application's database: needs cruse-db."""

from __future__ import annotations

import time
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, String, Text, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from cruse_auth.factors.store import Factor
from cruse_auth.tables import change, table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Delete, Insert, MetaData, Table

    from cruse_db import Database

__all__ = ["SQLFactors"]

_COLUMNS = tuple(field.name for field in fields(Factor))


class SQLFactors:
    """Keeps factors in a table, and what was used once in another one.

    The tables are the database's: ``db.create_all()`` makes them, ``cruse db migrate`` finds them.
    Each change is a short transaction of its own. On SQLite, which lets one connection write at a
    time, commit before you change or use factors.

    Args:
        db: The database.
        table: The table's name; that of the other one ends with ``_spent``.
    """

    def __init__(self, db: Database, table: str = "auth_factors") -> None:
        self.db = db
        #: The table of the factors.
        self.table = _factors_table(table, db.metadata)
        #: The table of what was used once.
        self.spent = _spent_table(f"{table}_spent", db.metadata)

    def add(self, factor: Factor, /) -> bool:
        """Keep a new factor. Return whether its name was free."""
        return self._insert(insert(self.table).values(asdict(factor)))

    def get(self, factor_id: str, /) -> Factor | None:
        """Return a factor, or None."""
        found = self._select(self.table.c.id == factor_id)
        return found[0] if found else None

    def of_user(self, user_id: str, /) -> list[Factor]:
        """Return the list of a user's factors, the oldest first."""
        return self._select(self.table.c.user_id == user_id)

    def replace(self, factor: Factor, counter: int, /) -> bool:
        """Put a factor in the place of the one of its name, if that has ``counter`` still."""
        table = self.table
        same = update(table).where(table.c.id == factor.id, table.c.counter == counter)
        return change(self.db, same.values(asdict(factor))) == 1

    def remove(self, factor_id: str, /) -> bool:
        """Forget a factor. Return whether it was there."""
        return change(self.db, delete(self.table).where(self.table.c.id == factor_id)) == 1

    def renew(self, user_id: str, kind: str, factors: Sequence[Factor], /) -> None:
        """Put factors in the place of all of that kind that a user has."""
        table = self.table
        with self.db.begin() as session:
            session.execute(delete(table).where(table.c.user_id == user_id, table.c.kind == kind))
            if factors:
                session.execute(insert(table), [asdict(factor) for factor in factors])

    def spend(self, name: str, seconds: int, /) -> bool:
        """Remember for some seconds that something was used. Return whether it is new."""
        now = int(time.time())
        return self._insert(
            delete(self.spent).where(self.spent.c.expires_at <= now),
            insert(self.spent).values(name=name, expires_at=now + seconds),
        )

    def _select(self, where: Any) -> list[Factor]:
        statement = select(*(self.table.c[name] for name in _COLUMNS)).where(where)
        with self.db.new_session() as session:
            rows = session.execute(statement.order_by(self.table.c.created_at, self.table.c.id))
            return [Factor(*row) for row in rows]

    def _insert(self, *statements: Insert | Delete) -> bool:
        try:
            with self.db.begin() as session:
                for statement in statements:
                    session.execute(statement)
        except IntegrityError:
            return False
        return True


def _factors_table(name: str, metadata: MetaData) -> Table:
    return table_of(
        name,
        metadata,
        Column("id", String(64), primary_key=True),
        Column("user_id", String(255), nullable=False, index=True),
        Column("kind", String(20), nullable=False),
        Column("name", String(255), nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("used_at", BigInteger, nullable=False),
        Column("counter", BigInteger, nullable=False),
        Column("data", Text, nullable=False),
    )


def _spent_table(name: str, metadata: MetaData) -> Table:
    return table_of(
        name,
        metadata,
        Column("name", String(64), primary_key=True),
        Column("expires_at", BigInteger, nullable=False, index=True),
    )
