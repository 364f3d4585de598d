"""The commands ``cruse db ...``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cruse_db.commands import data, steps, tables
from cruse_db.commands.troubles import DatabaseGroup

if TYPE_CHECKING:
    from cruse.cli import AppGroup
    from cruse_db.extension import Database

__all__ = ["make_group"]


def make_group(database: Database) -> AppGroup:
    """Return the group of the commands of one database."""
    group = DatabaseGroup(database)
    tables.add_commands(group, database)
    steps.add_commands(group, database)
    data.add_commands(group, database)
    return group
