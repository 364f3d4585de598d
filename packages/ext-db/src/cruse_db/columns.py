"""Column types that mean the same on every database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, DateTime, Enum, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

__all__ = ["Json", "UTCDateTime", "plain_type"]

#: JSON, on PostgreSQL the kind that can be indexed and compared.
Json = JSON().with_variant(JSONB(), "postgresql")


class UTCDateTime(TypeDecorator[datetime]):
    """A moment in time, stored in UTC and read back with ``tzinfo`` UTC.

    SQLite has no time zones and would return what was stored as a naive datetime, which can't be
    compared with an aware one. A naive datetime is refused: nobody knows which moment it means.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment in UTC.

        Raises:
            ValueError: When it has no time zone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(
                "A datetime without a time zone can't be stored. Use 'datetime.now(UTC)', or "
                "'value.replace(tzinfo=UTC)' for one that is in UTC."
            )
        return value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Return the stored moment in UTC."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def plain_type(item: Any) -> Any:
    """Return the type of SQLAlchemy that a database stores one as."""
    if isinstance(item, TypeDecorator):
        return plain_type(item.impl)
    if isinstance(item, Enum) and not item.native_enum:
        return String(item.length)
    return item
