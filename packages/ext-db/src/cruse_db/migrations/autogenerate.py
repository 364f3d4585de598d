"""Steps found by comparing models and tables, and looked at before they are written down.

A column that was renamed looks like one that was dropped and one that was added, and its values
would be lost. And what drops a table or column should be written because somebody wants it, not
because a module was not imported.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alembic.operations import ops
from alembic.util import CommandError

from cruse_db.columns import plain_type
from cruse_db.migrations.enums import ChangeTypeOp, drop_types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Editor", "describe"]


@dataclass
class Editor:
    """Looks at the steps of a new migration; Alembic's ``process_revision_directives``.

    Args:
        allow_destructive: Whether tables and columns may be dropped.
        renames: New names of columns, by table and old name.
        ask: Asks whether a column was renamed: table, old name, new name. ``None`` when nobody
            can be asked.
    """

    allow_destructive: bool = False
    renames: dict[tuple[str, str], str] = field(default_factory=dict)
    ask: Callable[[str, str, str], bool] | None = None
    #: Whether there was nothing to do.
    is_empty: bool = False
    _guesses: list[str] = field(default_factory=list)

    def __call__(self, context: Any, revision: Any, directives: list[Any]) -> None:
        """Edit the steps in place.

        Raises:
            CommandError: When they drop something without being allowed to.
        """
        script = directives[0]
        upgrade = script.upgrade_ops
        for step in upgrade.ops:
            if isinstance(step, ops.ModifyTableOps):
                step.ops[:] = self._rename_columns(step.table_name, step.ops)
        self._check_renames()
        if not self.allow_destructive:
            self._refuse_drops(upgrade)
        undone = [step for step in upgrade.ops if not isinstance(step, ChangeTypeOp)]
        script.downgrade_ops.ops[:] = ops.UpgradeOps(undone).reverse().ops
        if context.dialect.name == "postgresql":
            script.downgrade_ops.ops += drop_types(
                _flat(upgrade), context.opts["target_metadata"], context.dialect
            )
        if upgrade.is_empty():
            self.is_empty = True
            directives.clear()

    def _rename_columns(self, table: str, steps: list[Any]) -> list[Any]:
        dropped = {step.column_name: step for step in steps if isinstance(step, ops.DropColumnOp)}
        added = [step for step in steps if isinstance(step, ops.AddColumnOp)]
        for addition in added:
            old = self._old_name(table, addition.column, dropped)
            if old is None:
                continue
            drop = dropped.pop(old)
            rename = _rename(drop, addition)
            steps = [step for step in steps if step is not drop]
            steps[steps.index(addition)] = rename
        return steps

    def _old_name(self, table: str, column: Any, dropped: dict[str, Any]) -> str | None:
        for old, step in dropped.items():
            if self.renames.get((table, old)) == column.name:
                del self.renames[table, old]
                return old
            if (table, old) in self.renames or not _same_type(_column_of(step), column):
                continue
            if self.ask is None:
                self._guesses.append(f"--rename {table}.{old}:{column.name}")
            elif self.ask(table, old, column.name):
                return old
        return None

    def _check_renames(self) -> None:
        if self.renames:
            names = ", ".join(f"{table}.{old}" for table, old in self.renames)
            raise CommandError(f"Nothing to rename: {names}. Was it renamed in the model, too?")

    def _refuse_drops(self, upgrade: Any) -> None:
        drops = [describe(step) for step in _flat(upgrade) if _drops(step)]
        if not drops:
            return
        hint = ""
        if self._guesses:
            hint = f" If a column was renamed, say so: {' or '.join(self._guesses)}."
        raise CommandError(
            f"This would {', '.join(drops)}, with everything in it.{hint} Is a module with models "
            "not imported? If it is meant, say --allow-destructive."
        )


def _flat(container: Any) -> Iterator[Any]:
    for step in container.ops:
        yield from _flat(step) if isinstance(step, ops.OpContainer) else [step]


def _drops(step: Any) -> bool:
    return isinstance(step, ops.DropTableOp | ops.DropColumnOp)


def describe(step: Any) -> str:
    """Return a step in words."""
    if isinstance(step, ChangeTypeOp):
        return step.words
    name = {
        ops.CreateTableOp: lambda: f"create table {step.table_name}",
        ops.DropTableOp: lambda: f"drop table {step.table_name}",
        ops.AddColumnOp: lambda: f"add column {step.table_name}.{step.column.name}",
        ops.DropColumnOp: lambda: f"drop column {step.table_name}.{step.column_name}",
        ops.AlterColumnOp: lambda: f"change column {step.table_name}.{step.column_name}",
    }.get(type(step))
    if name is not None:
        return name()
    kind = type(step).__name__.removesuffix("Op")
    table = getattr(step, "source_table", None) or getattr(step, "table_name", "")
    return f"{kind} on {table}"


def describe_all(upgrade: Any) -> list[str]:
    """Return the steps of a comparison in words."""
    return [describe(step) for step in _flat(upgrade)]


def _column_of(step: ops.DropColumnOp) -> Any:
    return step.to_column()


def _same_type(old: Any, new: Any) -> bool:
    mine, other = plain_type(old.type), plain_type(new.type)
    return bool(mine._type_affinity is other._type_affinity)


class _RenameColumnOp(ops.AlterColumnOp):
    """A new name for a column, which unlike that of Alembic is taken back by its reverse."""

    def reverse(self) -> _RenameColumnOp:
        return _RenameColumnOp(
            self.table_name,
            str(self.modify_name),
            schema=self.schema,
            modify_name=self.column_name,
            existing_type=self.existing_type,
            existing_nullable=self.existing_nullable,
        )


def _rename(drop: ops.DropColumnOp, addition: ops.AddColumnOp) -> ops.AlterColumnOp:
    column = _column_of(drop)
    return _RenameColumnOp(
        drop.table_name,
        drop.column_name,
        schema=drop.schema,
        modify_name=addition.column.name,
        existing_type=plain_type(column.type),
        existing_nullable=column.nullable,
    )
