"""Many rows in few statements, alike on SQLite and PostgreSQL."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, insert, inspect, literal_column, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from cruse_db.sqlite import begin_writing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy.orm import Mapper, Session

__all__ = ["Upserted", "insert_many", "upsert"]

# SQLite takes 32766 values in a statement, PostgreSQL 65535.
_VALUES = 30_000
_ROWS = 1000


class Upserted(NamedTuple):
    """How many rows an upsert has created, and how many it has found and changed."""

    created: int
    updated: int


def insert_many(session: Session, entity: type[Any], rows: Iterable[Mapping[str, Any]]) -> int:
    """Insert rows and return how many; objects are not made of them.

    Args:
        session: The session.
        entity: The model.
        rows: The values by attribute, the same attributes in each; may be a generator.
    """
    count = 0
    for chunk in _chunks(rows, _ROWS):
        session.execute(insert(entity), chunk)
        count += len(chunk)
    return count


def upsert(
    session: Session,
    entity: type[Any],
    rows: Iterable[Mapping[str, Any]],
    on: Sequence[str] | None = None,
    update: Sequence[str] | None = None,
) -> Upserted:
    """Insert rows, or change those that are there already.

    Args:
        session: The session.
        entity: The model.
        rows: The values by attribute, the same attributes in each; may be a generator. Of two
            with the same key in one chunk of a thousand, the last counts.
        on: The attributes that tell whether a row is there, which a unique constraint or the
            primary key must have; the primary key unless given.
        update: The attributes to change; all that are given unless said.
    """
    mapper: Mapper[Any] = inspect(entity)
    keys = list(on) if on else [mapper.get_property_by_column(c).key for c in mapper.primary_key]
    created = total = 0
    size = max(1, min(_ROWS, _VALUES // max(1, len(mapper.columns))))
    connection = session.connection(bind_arguments={"mapper": mapper})
    begin_writing(connection)
    session.flush()
    for chunk in _chunks(rows, size):
        distinct = list({tuple(row[key] for key in keys): row for row in chunk}.values())
        inserted, touched = _upsert_chunk(session, entity, distinct, keys, update)
        created += inserted
        total += touched
    return Upserted(created, total - created)


def _upsert_chunk(
    session: Session,
    entity: type[Any],
    rows: list[Mapping[str, Any]],
    keys: list[str],
    update: Sequence[str] | None,
) -> tuple[int, int]:
    """Return how many rows were created, and how many were created or changed."""
    name = session.get_bind(inspect(entity)).dialect.name
    columns = inspect(entity).columns
    statement: Any
    if name == "postgresql":
        statement = postgresql.insert(entity).values(rows)
    elif name == "sqlite":
        statement = sqlite.insert(entity).values(rows)
    else:
        raise NotImplementedError(f"Upserts are made for SQLite and PostgreSQL, not for {name}.")
    changed = [key for key in rows[0] if key not in keys] if update is None else list(update)
    found = 0
    if name == "sqlite":  # nobody else can write meanwhile
        found = _found(session, [columns[key] for key in keys], rows, keys)
    target = [columns[key] for key in keys]
    if changed:
        automatic = [c.key for c in columns if c.onupdate is not None and c.default is not None]
        fields = {columns[key].name for key in {*changed, *automatic}}
        statement = statement.on_conflict_do_update(
            index_elements=target, set_={each: statement.excluded[each] for each in fields}
        )
    else:
        statement = statement.on_conflict_do_nothing(index_elements=target)
    if name == "postgresql":
        # A row that was there before has the transaction that locked it for the change.
        fresh = session.scalars(statement.returning(literal_column("xmax = 0"))).all()
        return sum(fresh), len(rows) if changed else len(fresh)
    session.execute(statement)
    return len(rows) - found, len(rows) if changed else len(rows) - found


def _found(
    session: Session, columns: list[Any], rows: list[Mapping[str, Any]], keys: list[str]
) -> int:
    values = [tuple(row[key] for key in keys) for row in rows]
    there = select(func.count()).where(tuple_(*columns).in_(values))
    return session.scalar(there) or 0


def _chunks(rows: Iterable[Mapping[str, Any]], size: int) -> Iterator[list[Mapping[str, Any]]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, size)):
        yield chunk
