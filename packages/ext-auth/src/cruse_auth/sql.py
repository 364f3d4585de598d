"""Keeps records of logins, and tokens, in the application's database: needs cruse-db."""

from __future__ import annotations

import time
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    String,
    Text,
    and_,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from cruse_auth.stores import SessionRecord
from cruse_auth.tables import change, table_of
from cruse_auth.tokens import StoredTokens

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Delete, MetaData, Table, Update

    from cruse_db import Database

__all__ = ["SQLStore", "SQLTokenStore"]

_COLUMNS = tuple(field.name for field in fields(SessionRecord))


class SQLStore:
    """Keeps the records of logins in a table.

    The table is one of the database's: ``db.create_all()`` makes it, ``cruse db migrate`` finds
    it. Each change is a short transaction of its own, so a login holds although the view fails
    later. On SQLite, which lets one connection write at a time, commit before you log in.

    Args:
        db: The database.
        table: The table's name.
    """

    def __init__(self, db: Database, table: str = "auth_sessions") -> None:
        self.db = db
        #: The table.
        self.table = _make_table(table, db.metadata)

    def add(self, record: SessionRecord, /) -> None:
        """Keep a new record, and drop those that have expired."""
        expired = self.table.c.expires_at <= int(time.time())
        with self.db.begin() as session:
            session.execute(delete(self.table).where(expired))
            session.execute(insert(self.table).values(asdict(record)))

    def get(self, sid: str, /) -> SessionRecord | None:
        """Return a record, or None."""
        found = self._select(self.table.c.sid == sid)
        return found[0] if found else None

    def replace(self, record: SessionRecord, validator: str | None, /) -> bool:
        """Put a record in the place of the one of its name, if that has ``validator`` still."""
        same = self.table.c.validator.is_not_distinct_from(validator)
        where = self._valid(and_(self.table.c.sid == record.sid, same))
        return self._change(update(self.table).where(where).values(asdict(record))) == 1

    def touch(self, sid: str, seen_at: int, /) -> None:
        """Note when a record was used last."""
        where = self.table.c.sid == sid
        self._change(update(self.table).where(where).values(seen_at=seen_at))

    def remove(self, sid: str, /) -> bool:
        """Forget a record. Return whether it was there."""
        return self._change(delete(self.table).where(self._valid(self.table.c.sid == sid))) == 1

    def of_user(self, user_id: str, /) -> list[SessionRecord]:
        """Return the list of a user's records, the one used last first."""
        return self._select(self.table.c.user_id == user_id)

    def remove_user(self, user_id: str, keep: str | None, /) -> int:
        """Forget all records of a user but the one named ``keep``. Return how many."""
        where = self.table.c.user_id == user_id
        if keep is not None:
            where = and_(where, self.table.c.sid != keep)
        return self._change(delete(self.table).where(self._valid(where)))

    def of_provider(
        self, provider: str, subject: str | None, sid: str | None, /
    ) -> list[SessionRecord]:
        """Return the list of records that came through a provider."""
        where = self.table.c.provider == provider
        for column, value in ((self.table.c.subject, subject), (self.table.c.provider_sid, sid)):
            if value is not None:
                where = and_(where, column == value)
        return self._select(where)

    def _valid(self, where: ColumnElement[bool]) -> ColumnElement[bool]:
        return and_(where, self.table.c.expires_at > int(time.time()))

    def _select(self, where: ColumnElement[bool]) -> list[SessionRecord]:
        columns = [self.table.c[name] for name in _COLUMNS]
        statement = select(*columns).where(self._valid(where))
        with self.db.new_session() as session:
            rows = session.execute(statement.order_by(self.table.c.seen_at.desc())).all()
        return [SessionRecord(**{**row._asdict(), "amr": tuple(row.amr or ())}) for row in rows]

    def _change(self, statement: Update | Delete) -> int:
        return change(self.db, statement)


class SQLTokenStore:
    """Keeps tokens of providers in a table; they are encrypted before they come here.

    The table is made and changed as that of :class:`SQLStore` is.

    Args:
        db: The database.
        table: The table's name.
    """

    def __init__(self, db: Database, table: str = "auth_tokens") -> None:
        self.db = db
        #: The table.
        self.table = _make_token_table(table, db.metadata)

    def get(self, user_id: str, provider: str, /) -> StoredTokens | None:
        """Return what is kept, or None."""
        columns = [self.table.c[field.name] for field in fields(StoredTokens)]
        with self.db.new_session() as session:
            row = session.execute(select(*columns).where(self._of(user_id, provider))).first()
        return None if row is None else StoredTokens(*row)

    def put(self, tokens: StoredTokens, /) -> None:
        """Keep tokens, in place of what was there."""
        where, values = self._of(tokens.user_id, tokens.provider), asdict(tokens)
        for _ in range(2):
            if change(self.db, update(self.table).where(where).values(values)):
                return
            try:
                change(self.db, insert(self.table).values(values))
            except IntegrityError:  # another login was quicker: now there is something to replace
                continue
            return

    def replace(self, tokens: StoredTokens, version: str, /) -> bool:
        """Keep tokens in place of those of this version, if they are there still."""
        same = self.table.c.version == version
        where = and_(self._of(tokens.user_id, tokens.provider), same)
        return change(self.db, update(self.table).where(where).values(asdict(tokens))) == 1

    def remove(self, user_id: str, provider: str | None, version: str | None, /) -> int:
        """Forget what is kept for a user. Return how many there were."""
        where = self._of(user_id, provider)
        if version is not None:
            where = and_(where, self.table.c.version == version)
        return change(self.db, delete(self.table).where(where))

    def _of(self, user_id: str, provider: str | None) -> ColumnElement[bool]:
        mine = self.table.c.user_id == user_id
        return mine if provider is None else and_(mine, self.table.c.provider == provider)


def _make_table(name: str, metadata: MetaData) -> Table:
    return table_of(
        name,
        metadata,
        Column("sid", String(64), primary_key=True),
        Column("user_id", String(255), nullable=False, index=True),
        Column("created_at", BigInteger, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("seen_at", BigInteger, nullable=False),
        Column("expires_at", BigInteger, nullable=False, index=True),
        Column("provider", String(255)),
        Column("issuer", String(255)),
        # By these two a provider ends logins; each names few.
        Column("subject", String(255), index=True),
        Column("provider_sid", String(255), index=True),
        Column("acr", String(255)),
        Column("amr", JSON),
        Column("address", String(64)),
        Column("user_agent", Text, nullable=False),
        Column("remember_until", BigInteger, nullable=False),
        Column("validator", String(64)),
        Column("previous", String(64)),
    )


def _make_token_table(name: str, metadata: MetaData) -> Table:
    return table_of(
        name,
        metadata,
        Column("user_id", String(255), primary_key=True),
        Column("provider", String(255), primary_key=True),
        Column("version", String(32), nullable=False),
        Column("sealed", Text, nullable=False),
        Column("busy_until", BigInteger, nullable=False),
    )
