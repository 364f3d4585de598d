"""Pages that begin behind a row rather than at a number: as quick for the last as for the first.

With a number, the database counts its way through all rows before the page, and a row that is
added or removed meanwhile shifts the others: some are shown twice, or never. Here the *cursor*
that a client sends back holds the values of the row that a page ended with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import and_, inspect, literal, or_, tuple_
from sqlalchemy.sql import operators

from cruse import abort, current_app, has_request_context, request
from cruse.signing import secret_keys
from cruse_db.pages import MAX_PER_PAGE, page_size, page_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import Session

__all__ = ["KeysetPage", "paginate_by_key"]

T = TypeVar("T")
S = TypeVar("S")

# The query string's argument, and how long it may be: rows are not ordered by long texts.
ARGUMENT = "cursor"
_LONGEST = 2000  # characters

# What keys are made of, beside what JSON has: how it is written, and read.
_TYPES: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "datetime": (datetime, datetime.isoformat, datetime.fromisoformat),
    "date": (date, date.isoformat, date.fromisoformat),
    "time": (time, time.isoformat, time.fromisoformat),
    "decimal": (Decimal, str, Decimal),
    "uuid": (UUID, str, UUID),
}


@dataclass(frozen=True)
class KeysetPage(Generic[T]):
    """Some rows, and the cursors of those before and behind them.

    Args:
        items: The rows of this page.
        per_page: How many rows a full page has.
        next: The cursor of the next page, ``None`` when no rows follow.
        prev: The cursor of the page before this one, ``None`` on the first.
    """

    items: list[T] = field(repr=False)
    per_page: int
    next: str | None = None
    prev: str | None = None

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __bool__(self) -> bool:
        return bool(self.items)

    @property
    def next_url(self) -> str | None:
        """The address of the next page: that of the request, with another cursor."""
        return None if self.next is None else page_url(ARGUMENT, self.next)

    @property
    def prev_url(self) -> str | None:
        """The address of the page before this one."""
        return None if self.prev is None else page_url(ARGUMENT, self.prev)

    def map(self, function: Callable[[T], S]) -> KeysetPage[S]:
        """Return the page with something made of each row, such as a dict for JSON."""
        return KeysetPage(list(map(function, self.items)), self.per_page, self.next, self.prev)

    def as_dict(self) -> dict[str, Any]:
        """Return what a view that returns the page answers as JSON."""
        return {
            "items": self.items,
            "per_page": self.per_page,
            "next": self.next_url,
            "prev": self.prev_url,
        }


class _Key(NamedTuple):
    """One of the columns that rows are ordered by."""

    column: ColumnElement[Any]
    descending: bool

    def order(self, backwards: bool) -> ColumnElement[Any]:
        return self.column.desc() if self.descending != backwards else self.column.asc()


def paginate_by_key(
    session: Session,
    statement: Select[T],
    *order: Any,
    cursor: str | None = None,
    per_page: int | None = None,
    max_per_page: int = MAX_PER_PAGE,
) -> KeysetPage[T]:
    """Return the rows behind a cursor, or the first ones.

    Args:
        session: The session to read with.
        statement: A ``select`` of one entity, without an order.
        order: The columns to order by, as ``Photo.posted_at.desc()``. None may be empty in a row.
            The primary key is added, so that every row has a place of its own.
        cursor: The cursor; else from the query string.
        per_page: How many rows; else from the query string, else 20.
        max_per_page: The most rows, whoever asks.

    Raises:
        BadRequest: For a cursor that is not one of this list.
        RuntimeError: Without a secret key.
        ValueError: For columns that rows can't be ordered by.
    """
    entity = statement.column_descriptions[0]["entity"]
    keys = _keys(entity, order)
    size = page_size(per_page, max_per_page)
    serializer = _serializer(keys)
    if cursor is None and has_request_context():
        cursor = request.args.get(ARGUMENT)
    backwards, values = False, None
    if cursor:
        backwards, values = _read(serializer, cursor, len(keys))
        statement = statement.where(_beyond(keys, values, backwards))
    ordered = statement.order_by(None).order_by(*(key.order(backwards) for key in keys))
    rows = list(session.scalars(ordered.limit(size + 1)).unique())
    more, rows = len(rows) > size, rows[:size]
    if backwards:
        rows.reverse()
    follows, precedes = (bool(rows), more) if backwards else (more, values is not None)
    return KeysetPage(
        rows,
        size,
        _write(serializer, keys, rows[-1], False) if follows and rows else None,
        _write(serializer, keys, rows[0], True) if precedes and rows else None,
    )


def _keys(entity: Any, order: Sequence[Any]) -> list[_Key]:
    """Return what the rows of a model are ordered by, its primary key last.

    Raises:
        ValueError: For a column that may be empty: nothing is greater or less than NULL.
    """
    if entity is None:
        raise ValueError("Pages by key need a 'select' of a model, such as 'select(Photo)'.")
    mapper = inspect(entity)
    keys = [_key(each) for each in order]
    known = {_name(mapper, key.column) for key in keys}
    last = keys[-1].descending if keys else False
    for column in mapper.primary_key:
        if mapper.get_property_by_column(column).key not in known:
            attribute = getattr(entity, mapper.get_property_by_column(column).key)
            keys.append(_Key(attribute, last))
    for key in keys:
        if getattr(key.column, "nullable", False) or _name(mapper, key.column) is None:
            raise ValueError(
                f"Rows can't be paged by {key.column}: it must be a column of "
                f"{mapper.class_.__name__} that always has a value."
            )
    return keys


def _key(given: Any) -> _Key:
    modifier = getattr(given, "modifier", None)
    if modifier in (operators.desc_op, operators.asc_op):
        return _Key(given.element, modifier is operators.desc_op)
    return _Key(given, False)


def _name(mapper: Any, column: Any) -> str | None:
    """Return the name of the attribute that has a column, ``None`` if there is none."""
    key = getattr(column, "key", None)
    return key if key in mapper.column_attrs else None


def _beyond(keys: list[_Key], values: list[Any], backwards: bool) -> ColumnElement[bool]:
    """Return the condition for the rows behind some values."""
    bound = [literal(value, key.column.type) for key, value in zip(keys, values, strict=True)]
    directions = {key.descending for key in keys}
    columns = [key.column for key in keys]
    if len(directions) == 1:  # an index answers this at once
        less = directions.pop() != backwards
        row, limit = tuple_(*columns), tuple_(*bound)
        return row < limit if less else row > limit
    steps = []
    for number, key in enumerate(keys):
        same = [columns[n] == bound[n] for n in range(number)]
        less = key.descending != backwards
        step = columns[number] < bound[number] if less else columns[number] > bound[number]
        steps.append(and_(*same, step))
    return or_(*steps)


# -- cursors ---------------------------------------------------------------------------------


def _serializer(keys: list[_Key]) -> URLSafeSerializer:
    """Return what signs cursors, so that one of another list, or an invented one, is refused."""
    secrets = secret_keys(current_app)
    if not secrets:  # with a key that everybody knows, anybody could write cursors
        raise RuntimeError(
            "The cursors of 'paginate_by_key' are signed and need a secret key: set SECRET_KEY,"
            " in app.config or by a variable that app.config.from_prefixed_env() reads."
        )
    order = ",".join(f"{key.column}{'-' if key.descending else '+'}" for key in keys)
    return URLSafeSerializer(list(secrets), salt=f"cruse-db cursor {order}")


def _write(serializer: URLSafeSerializer, keys: list[_Key], row: Any, backwards: bool) -> str:
    values = [_dump(getattr(row, str(key.column.key))) for key in keys]
    return str(serializer.dumps([int(backwards), *values]))  # text, whatever the stubs say


def _read(serializer: URLSafeSerializer, cursor: str, count: int) -> tuple[bool, list[Any]]:
    try:
        if len(cursor) > _LONGEST:
            raise ValueError
        backwards, *values = serializer.loads(cursor)
        if len(values) != count:
            raise ValueError
        return bool(backwards), [_load(value) for value in values]
    except (BadData, ValueError, TypeError, LookupError):
        abort(400, "The cursor in the address is not one of this list. Begin without it.")


def _dump(value: Any) -> Any:
    for name, (cls, write, _) in _TYPES.items():
        if isinstance(value, cls):
            return {name: write(value)}
    return value


def _load(value: Any) -> Any:
    if isinstance(value, dict):
        ((name, text),) = value.items()
        return _TYPES[name][2](text)
    return value
