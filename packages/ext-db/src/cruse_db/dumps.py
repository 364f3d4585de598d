"""Rows as lines of JSON, from one kind of database to another."""

from __future__ import annotations

import base64
import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import bindparam, func, insert, select, type_coerce

from cruse_db.columns import UTCDateTime, plain_type
from cruse_db.sqlite import begin_writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TextIO

    from sqlalchemy import Column, MetaData, Table
    from sqlalchemy.engine import Connection

__all__ = ["LoadError", "dump_rows", "load_rows"]

_CHUNK = 500

# What JSON has no word for: how it is written, and read.
_TYPES: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "datetime": (datetime, datetime.isoformat, datetime.fromisoformat),
    "date": (date, date.isoformat, date.fromisoformat),
    "time": (time, time.isoformat, time.fromisoformat),
    "seconds": (timedelta, timedelta.total_seconds, lambda value: timedelta(seconds=value)),
    "decimal": (Decimal, str, Decimal),
    "uuid": (UUID, str, UUID),
    "bytes": (bytes, lambda value: base64.b64encode(value).decode(), base64.b64decode),
}


class LoadError(ValueError):
    """A dump that can't be loaded; nothing of it was."""


def dump_rows(connection: Connection, metadata: MetaData, file: TextIO) -> dict[str, int]:
    """Write all rows of some tables, those first that others refer to; return how many.

    Args:
        connection: A connection.
        metadata: The tables.
        file: Where the lines go.
    """
    counts: dict[str, int] = {}
    for table in metadata.sorted_tables:
        counts[table.name] = 0
        statement = select(*(type_coerce(each, _stored_type(each)) for each in table.columns))
        statement = statement.order_by(*table.primary_key.columns)
        rows = connection.execution_options(yield_per=_CHUNK).execute(statement)
        for row in rows:
            values = dict(zip(table.columns.keys(), map(_dump, row), strict=True))
            file.write(json.dumps({"table": table.name, "row": values}) + "\n")
            counts[table.name] += 1
    connection.rollback()
    return counts


def load_rows(connection: Connection, metadata: MetaData, file: TextIO) -> dict[str, int]:
    """Insert rows into empty tables and return how many.

    Args:
        connection: A connection.
        metadata: The tables.
        file: Lines that :func:`dump_rows` has written.

    Raises:
        LoadError: When a table is not empty or unknown, or a line can't be read.
    """
    tables = {table.name: table for table in metadata.sorted_tables}
    counts = dict.fromkeys(tables, 0)
    with connection.begin():
        begin_writing(connection)
        for table in tables.values():
            if connection.scalar(select(func.count()).select_from(table)):
                raise LoadError(
                    f"The table {table.name} is not empty; 'cruse db reset' empties it."
                )
        for name, rows in _parts(file, tables):
            columns = {column.key: column for column in tables[name].columns}
            values = {
                key: bindparam(f"_{key}", type_=_stored_type(columns[key])) for key in rows[0]
            }
            given = [{f"_{key}": value for key, value in row.items()} for row in rows]
            connection.execute(insert(tables[name]).values(values), given)
            counts[name] += len(rows)
        for table in tables.values():
            _continue_counting(connection, table)
    return counts


def _stored_type(column: Column[Any]) -> Any:
    """Return the type that gives what is stored: not decrypted, and enums by name."""
    return column.type if isinstance(column.type, UTCDateTime) else plain_type(column.type)


def _continue_counting(connection: Connection, table: Table) -> None:
    """Let the next row of a table get a number that none has; SQLite sees to that itself."""
    column = table.autoincrement_column
    if column is None or connection.dialect.name != "postgresql":
        return
    name = connection.dialect.identifier_preparer.format_table(table)
    sequence = func.pg_get_serial_sequence(name, column.name)
    largest = select(func.max(column)).scalar_subquery()
    connection.execute(
        select(func.setval(sequence, func.coalesce(largest, 1), largest.is_not(None)))
    )


def _dump(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.name
    for name, (cls, write, _) in _TYPES.items():
        if isinstance(value, cls):
            return {"type": name, "value": write(value)}
    return {"type": "json", "value": value} if isinstance(value, dict | list) else value


def _load(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    name, written = value["type"], value["value"]
    return written if name == "json" else _TYPES[name][2](written)


def _parts(
    file: Iterable[str], tables: dict[str, Table]
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the rows of one table after another, some hundred at a time."""
    name = ""
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(file, 1):
        try:
            entry = json.loads(line)
            table = entry["table"]
            row = {key: _load(value) for key, value in entry["row"].items()}
        except (ValueError, LookupError, TypeError) as error:
            raise LoadError(f"Line {number} is not one of a dump: {error}") from error
        if table not in tables:
            raise LoadError(f"Line {number} is of a table {table!r}, which no model has.")
        if rows and (table != name or len(rows) == _CHUNK):
            yield name, rows
            rows = []
        name = table
        rows.append(row)
    if rows:
        yield name, rows
