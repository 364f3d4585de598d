"""Enums that PostgreSQL keeps as types of their own: what Alembic does not see of them.

It compares columns, whose type has the same name before and after. So it finds no new members,
makes no type for a column that is added, and drops none with its table, which then could not be
made again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alembic.operations import ops
from alembic.runtime.plugins import Plugin
from alembic.util import PriorityDispatchResult
from sqlalchemy import Enum

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from alembic.autogenerate.api import AutogenContext
    from sqlalchemy import Column, MetaData

__all__ = ["PLUGINS", "ChangeTypeOp", "drop_types"]

#: The value of Alembic's ``autogenerate_plugins``.
PLUGINS = ["alembic.autogenerate.*", "cruse_db.enums"]


class ChangeTypeOp(ops.ExecuteSQLOp):
    """A step that makes or extends a type.

    Args:
        sql: The statement.
        words: The same for people.
    """

    def __init__(self, sql: str, words: str) -> None:
        super().__init__(sql)
        self.words = words

    def reverse(self) -> ChangeTypeOp:
        """Return itself, for Alembic's draft of a downgrade; :func:`drop_types` has the end."""
        return self


def drop_types(upgrade: Iterable[Any], metadata: MetaData, dialect: Any) -> list[ops.ExecuteSQLOp]:
    """Return steps that drop the types which came with new tables and columns.

    Args:
        upgrade: The steps that make the tables and columns.
        metadata: All tables of the models.
        dialect: That of the database.
    """
    made: dict[tuple[str, str], Column[Any]] = {}
    for step in upgrade:
        if isinstance(step, ops.CreateTableOp):
            table = step.to_table()
            made.update({(table.key, column.name): column for column in table.columns})
        elif isinstance(step, ops.AddColumnOp):
            table = step.to_column().table
            made[table.key, step.column.name] = step.column
    others = [
        column
        for table in metadata.tables.values()
        for column in table.columns
        if (table.key, column.name) not in made
    ]
    names = _enums(made.values(), dialect).keys() - _enums(others, dialect).keys()
    return [ops.ExecuteSQLOp(f"DROP TYPE {name}") for name in sorted(names)]


def _compare(
    context: AutogenContext, upgrade: ops.UpgradeOps, schemas: Iterable[str | None]
) -> PriorityDispatchResult:
    """Put the steps for types before all others, which may need them."""
    inspector: Any = context.inspector
    metadata: Any = context.metadata
    there: list[Column[Any]] = []
    new: list[Column[Any]] = []
    for table in metadata.tables.values():
        known = inspector.has_table(table.name, schema=table.schema)
        (there if known else new).extend(table.columns)
    come_with_tables = _enums(new, context.dialect)
    steps: list[ChangeTypeOp] = []
    for name, enum in _enums(there, context.dialect).items():
        members = _members(inspector, enum)
        if members is not None:
            steps += _add_members(name, enum.enums, members)
        elif name not in come_with_tables:
            texts = ", ".join(map(_quote, enum.enums))
            steps.append(ChangeTypeOp(f"CREATE TYPE {name} AS ENUM ({texts})", f"create {name}"))
    upgrade.ops[:0] = steps
    return PriorityDispatchResult.CONTINUE


def _add_members(name: str, wanted: list[str], known: list[str]) -> Iterator[ChangeTypeOp]:
    for index, member in enumerate(wanted):
        if member in known:
            continue
        place = f"AFTER {_quote(wanted[index - 1])}" if index else f"BEFORE {_quote(known[0])}"
        # A downgrade can't take it back, so it may be there already.
        yield ChangeTypeOp(
            f"ALTER TYPE {name} ADD VALUE IF NOT EXISTS {_quote(member)} {place}",
            f"add {member} to enum {name}",
        )


def _members(inspector: Any, enum: Enum) -> list[str] | None:
    """Return what the database has of an enum, in its order; ``None`` when it has none."""
    for found in inspector.get_enums(schema=enum.schema):
        if found["name"] == enum.name:
            members: list[str] = found["labels"]
            return members
    return None


def _enums(columns: Iterable[Column[Any]], dialect: Any) -> dict[str, Enum]:
    """Return the enums of columns, by their names as they stand in SQL."""
    return {
        dialect.identifier_preparer.format_type(each): each
        for each in (column.type for column in columns)
        if isinstance(each, Enum) and each.native_enum and each.name
    }


def _quote(member: str) -> str:
    return "'" + member.replace("'", "''") + "'"


Plugin("cruse_db.enums").add_autogenerate_comparator(_compare, "schema", qualifier="postgresql")
