"""The base class of an application's models."""

from __future__ import annotations

import enum
import re
import warnings
from datetime import datetime
from typing import Any, ClassVar, Literal

from sqlalchemy import Enum, MetaData, inspect
from sqlalchemy.orm import DeclarativeBase, MappedColumn

from cruse_db.columns import Json, UTCDateTime

__all__ = ["BIND_KEY", "NAMING_CONVENTION", "Model", "bind_metadata", "table_name"]

#: Every constraint has a name, so that a migration can change it later; SQLite would leave it
#: nameless. All columns are in it: two unique constraints may start with the same one.
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# Where a word of a class name ends: "HTTPRoute" -> "HTTP", "Route"; "BlogPost" -> "Blog", "Post".
_WORD_END = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def table_name(class_name: str) -> str:
    """Return the table's name for a model's name.

    >>> table_name("BlogPost")
    'blog_post'
    """
    return _WORD_END.sub("_", class_name).lower()


#: The key in the ``info`` of a MetaData whose tables are in another database.
BIND_KEY = "bind_key"
_by_bind: dict[str, MetaData] = {}


def bind_metadata(key: str) -> MetaData:
    """Return the tables of the models in one database of ``DB_BINDS``."""
    metadata = MetaData(naming_convention=NAMING_CONVENTION, info={BIND_KEY: key})
    return _by_bind.setdefault(key, metadata)


class Model(DeclarativeBase):
    """A model: a class whose attributes are the columns of a table.

    The table is named after the class, in snake case, unless ``__tablename__`` says otherwise. A
    subclass of a model shares its table, unless it has a primary key of its own. ``__bind_key__``
    on a model, or an abstract base of several, puts it into another database of ``DB_BINDS``.
    """

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map: ClassVar[Any] = {
        datetime: UTCDateTime,
        dict[str, Any]: Json,
        list[Any]: Json,
        list[str]: Json,
        # Stored as text, whose length leaves room: a new member needs no migration, and no type
        # is left behind in the database when a table goes.
        enum.Enum: Enum(enum.Enum, native_enum=False, length=64, validate_strings=True),
        Literal: Enum(enum.Enum, native_enum=False, length=64, validate_strings=True),
    }

    def __init_subclass__(cls, **kwargs: Any) -> None:
        key = vars(cls).get("__bind_key__")
        if key is not None and "metadata" not in vars(cls):
            cls.metadata = bind_metadata(key)
        if _needs_table_name(cls):
            cls.__tablename__ = table_name(cls.__name__)
        with warnings.catch_warnings():
            if key is not None:  # SQLAlchemy 2.1.0 wonders whether it was meant as a column
                warnings.filterwarnings("ignore", "Attribute name 'metadata'")
            super().__init_subclass__(**kwargs)

    def __repr__(self) -> str:
        # Only the key: other attributes may be secret, or not loaded.
        identity = inspect(self).identity
        if identity is None:
            return f"<{type(self).__name__} (not stored)>"
        return f"<{type(self).__name__} {', '.join(map(repr, identity))}>"


def _needs_table_name(cls: type[Model]) -> bool:
    own = vars(cls)
    if own.get("__abstract__") or own.keys() & {"__tablename__", "__table__"}:
        return False
    for base in cls.__mro__[1:]:
        if "__table__" in vars(base):  # a model already: one table for both, or a joined one
            return any(_is_primary_key(value) for value in own.values())
        if "__tablename__" in vars(base):  # a mixin decides
            return False
    return True


def _is_primary_key(attribute: object) -> bool:
    return isinstance(attribute, MappedColumn) and attribute.column.primary_key
