"""How column types are written into migrations: as what the database stores.

A migration tells what was done at its time. If it named types of this package or of the
application, it would change its meaning, or break, whenever they do.
"""

from __future__ import annotations

from typing import Any, Literal

from cruse_db.columns import Json, plain_type

__all__ = ["render_item"]


def render_item(kind: str, item: Any, context: Any) -> str | Literal[False]:
    """Return how a type is written, or ``False`` for Alembic's own way."""
    if kind != "type":
        return False
    plain = plain_type(item)
    if repr(plain) == repr(Json):
        context.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    if plain is item or type(plain).__module__.startswith("sqlalchemy.dialects"):
        return False
    return f"sa.{plain!r}"
