"""What views ask for, or answer 404."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar

from sqlalchemy import BigInteger, Integer, bindparam, inspect, select
from sqlalchemy.exc import MultipleResultsFound, NoResultFound

from cruse import abort

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.orm import Mapper, Session
    from sqlalchemy.sql.selectable import TypedReturnsRows

__all__ = ["first_or_404", "get", "get_or_404", "one_or_404"]

T = TypeVar("T")

_MOST = 2**31 - 1  # what every column of integers can have

# The attribute of a model that has its _ByKey, beside SQLAlchemy's __mapper__. In a dictionary of
# ours it would keep the model from being collected, for it refers to it.
_BY_KEY = "__cruse_db_by_key__"


class _ByKey(NamedTuple):
    """How the objects of a model are found by their key."""

    mapper: Mapper[Any]
    statement: Select[Any]
    names: tuple[str, ...]
    #: Whether a JOIN repeats the object's row, once for each of a collection.
    repeats: bool


def get(session: Session, entity: type[T], ident: Any, options: dict[str, Any]) -> T | None:
    """Return the object with a primary key, or ``None``.

    ``Session.get`` builds its SELECT anew for each call, which takes longer than SQLite needs to
    answer it. Here it is built once for each model.

    A key from an address may be one that no row can have. There is none then: asked for it, the
    database or its driver would fail.
    """
    key = ident if isinstance(ident, tuple) else (ident,)
    for value in key:
        odd = (type(value) is int and not -_MOST <= value <= _MOST) or (
            type(value) is str and "\0" in value
        )
        if odd and not _may_be_stored(session, entity, key):
            return None
    if options or isinstance(ident, dict) or None in key:
        return session.get(entity, ident, **options)
    known: _ByKey | None = entity.__dict__.get(_BY_KEY)  # not that of a base
    if known is None:
        known = _make_by_key(entity)
        type.__setattr__(entity, _BY_KEY, known)  # the model's own would take it for a column
    loaded = session.identity_map
    if len(key) != len(known.names) or (
        len(loaded) and known.mapper.identity_key_from_primary_key(key) in loaded
    ):
        return session.get(entity, ident)
    values = dict(zip(known.names, key, strict=True))
    found: T | None
    if known.repeats:  # the other rows have more of a collection
        found = session.scalars(known.statement, values).unique().one_or_none()
    else:
        found = session.scalar(known.statement, values)
    return found


def _may_be_stored(session: Session, entity: type[Any], key: tuple[Any, ...]) -> bool:
    """Whether the columns of the primary key can have such values."""
    mapper: Mapper[Any] = inspect(entity)
    on_sqlite = session.get_bind(mapper).dialect.name == "sqlite"

    def fits(value: Any, kind: Any) -> bool:
        if isinstance(value, str):
            return on_sqlite or "\0" not in value  # PostgreSQL has no NUL in texts
        if not isinstance(kind, Integer):
            return True
        bits = 63 if on_sqlite or isinstance(kind, BigInteger) else 31
        return bool(-(2**bits) <= value < 2**bits)

    columns = mapper.primary_key
    return all(
        not isinstance(value, int | str) or fits(value, column.type)
        for value, column in zip(key, columns, strict=False)  # SQLAlchemy tells of a wrong number
    )


def _make_by_key(entity: type[Any]) -> _ByKey:
    mapper: Mapper[Any] = inspect(entity)
    names = tuple(f"key_{number}" for number, _ in enumerate(mapper.primary_key))
    statement = select(entity)
    for name, column in zip(names, mapper.primary_key, strict=True):
        statement = statement.where(column == bindparam(name, type_=column.type))
    return _ByKey(mapper, statement, names, _joins_collection(mapper, set()))


def _joins_collection(mapper: Mapper[Any], seen: set[Mapper[Any]]) -> bool:
    """Whether a query for a model joins a collection, its own or one further on."""
    seen.add(mapper)
    for each in mapper.self_and_descendants:
        for relationship in each.relationships:
            if relationship.lazy not in ("joined", False):
                continue
            if relationship.uselist:
                return True
            target = relationship.mapper
            if target not in seen and _joins_collection(target, seen):
                return True
    return False


def get_or_404(
    session: Session, entity: type[T], ident: Any, description: str | None, options: dict[str, Any]
) -> T:
    """Return the object with a primary key.

    Raises:
        NotFound: When there is none.
    """
    found = get(session, entity, ident, options)
    if found is None:
        _not_found(description)
    return found


def first_or_404(session: Session, statement: TypedReturnsRows[T], description: str | None) -> T:
    """Return the first row.

    Raises:
        NotFound: When there is none.
    """
    found = session.scalars(statement).first()
    if found is None:
        _not_found(description)
    return found


def one_or_404(session: Session, statement: TypedReturnsRows[T], description: str | None) -> T:
    """Return the only row.

    Raises:
        NotFound: When there is none, or more than one.
    """
    try:
        return session.scalars(statement).one()
    except (NoResultFound, MultipleResultsFound):
        _not_found(description)


def _not_found(description: str | None) -> NoReturn:
    if description is None:
        abort(404)
    abort(404, description)
