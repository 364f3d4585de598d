"""Parts that models are put together from: keys, times, versions, slugs, soft deletion."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID  # noqa: TC003 - the columns are made by their types

from sqlalchemy import String, event, or_, select
from sqlalchemy.orm import Mapped, declared_attr, object_session, with_loader_criteria
from sqlalchemy.orm import mapped_column as column

from cruse_db.columns import UTCDateTime
from cruse_db.keys import uuid7
from cruse_db.sessions import DatabaseSession

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.orm import Mapper, ORMExecuteState

__all__ = [
    "IntegerKey",
    "Slugged",
    "SoftDelete",
    "Timestamps",
    "UUIDKey",
    "Versioned",
    "slugify",
]

_NO_SLUG = re.compile(r"[^a-z0-9]+")


def _now() -> datetime:
    return datetime.now(UTC)


class IntegerKey:
    """A primary key ``id`` that counts up."""

    id: Mapped[int] = column(primary_key=True, sort_order=-1)


class UUIDKey:
    """A primary key ``id`` that is made before the row is stored: a UUID that grows with time.

    It tells nobody how many rows there are, and databases can be merged. Version 7 (RFC 9562)
    rather than 4, because an index on random keys is written all over.
    """

    id: Mapped[UUID] = column(primary_key=True, default=uuid7, sort_order=-1)


class Timestamps:
    """``created_at`` and ``updated_at``, in UTC, set by the application."""

    created_at: Mapped[datetime] = column(UTCDateTime, default=_now, sort_order=1)
    updated_at: Mapped[datetime] = column(UTCDateTime, default=_now, onupdate=_now, sort_order=1)


class Versioned:
    """A counter ``version`` of changes, for optimistic locking.

    Who writes an object that somebody else has changed meanwhile gets
    ``sqlalchemy.orm.exc.StaleDataError``, and nothing is written.
    """

    version: Mapped[int] = column(sort_order=1)

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": vars(cls).get("version") or cls.version}


class SoftDelete:
    """Rows that are marked as deleted rather than removed; queries leave them out.

    ``execution_options(include_deleted=True)`` on a statement, or the same option of ``db.get``,
    shows them nevertheless. ``session.delete()`` still removes a row for good.
    """

    deleted_at: Mapped[datetime | None] = column(UTCDateTime, index=True, sort_order=1)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # At the first use: who has no such model has no listener.
        if not event.contains(DatabaseSession, "do_orm_execute", _leave_out_deleted):
            event.listen(DatabaseSession, "do_orm_execute", _leave_out_deleted)

    def soft_delete(self) -> None:
        """Mark the row as deleted now."""
        self.deleted_at = _now()

    def restore(self) -> None:
        """Take the mark away."""
        self.deleted_at = None

    @property
    def is_deleted(self) -> bool:
        """Whether the row is marked as deleted."""
        return self.deleted_at is not None


# Made once: it holds for models that come later, too, and making it costs more than using it.
_NOT_DELETED = with_loader_criteria(
    SoftDelete, lambda cls: cls.deleted_at.is_(None), include_aliases=True
)


def _leave_out_deleted(state: ORMExecuteState) -> None:
    if (
        state.is_orm_statement
        and state.is_select
        and not state.is_column_load
        and not state.is_relationship_load  # they inherit the criteria of their query
        and not state.execution_options.get("include_deleted", False)
    ):
        state.statement = state.statement.options(_NOT_DELETED)


def slugify(text: str, max_length: int = 80) -> str:
    """Return a text as it may stand in a URL: letters, digits and hyphens.

    >>> slugify("Über die Brücke!")
    'uber-die-brucke'

    Args:
        text: Any text.
        max_length: The most characters.
    """
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    ascii_only = plain.encode("ascii", "ignore").decode().lower()
    return _NO_SLUG.sub("-", ascii_only)[:max_length].strip("-")


class Slugged:
    """A unique ``slug`` for URLs, made from another attribute when the row is stored first.

    It does not change afterwards, so that links stay. When a slug is taken, a number follows it.
    Two that are made in the same moment may still meet: the second gets an ``IntegrityError``.
    """

    #: The attribute that it is made from.
    __slug_from__: ClassVar[str] = "title"

    slug: Mapped[str] = column(String(100), unique=True)


@event.listens_for(Slugged, "before_insert", propagate=True)
def _set_slug(mapper: Mapper[Any], connection: Connection, target: Slugged) -> None:
    if target.slug:
        return
    wanted = slugify(str(getattr(target, target.__slug_from__) or "")) or "n-a"
    slug = mapper.columns["slug"]
    taken = set(
        connection.scalars(
            select(slug).where(or_(slug == wanted, slug.startswith(f"{wanted}-", autoescape=True)))
        )
    )
    session = object_session(target)
    others = () if session is None else session.new  # those of the same flush are not stored yet
    taken.update(other.slug for other in others if type(other) is type(target))
    free, number = wanted, 1
    while free in taken:
        number += 1
        free = f"{wanted}-{number}"
    target.slug = free
