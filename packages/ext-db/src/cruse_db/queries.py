"""What views ask for, or answer 404."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from sqlalchemy.exc import MultipleResultsFound, NoResultFound

from cruse import abort

if TYPE_CHECKING:
    from sqlalchemy.orm import Session
    from sqlalchemy.sql.selectable import TypedReturnsRows

__all__ = ["first_or_404", "get_or_404", "one_or_404"]

T = TypeVar("T")


def get_or_404(
    session: Session, entity: type[T], ident: Any, description: str | None, options: dict[str, Any]
) -> T:
    """Return the object with a primary key.

    Raises:
        NotFound: When there is none.
    """
    found = session.get(entity, ident, **options)
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
