"""A revision that a database is at and that has no file: on another branch, or deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.script import Script

    from cruse_db.migrations.runner import Migrations

__all__ = ["lost"]

_NAMED = 8  # revisions in a message; the newest


def lost(migrations: Migrations) -> str | None:
    """Say which revision is noted in the database and has no file, and what to do.

    Args:
        migrations: Those of the database.

    Returns:
        Nothing when all files are there, or when nothing is noted.
    """
    noted = migrations.current()
    if not noted:
        return None
    scripts = migrations.folder.scripts()
    missing = sorted(set(noted) - {script.revision for script in scripts})
    if not missing:
        return None
    here = migrations.folder.path / "versions"
    return (
        f"{migrations.engines.shown} is at the revision {', '.join(missing)}, of which there is "
        f"no file in {here}; there {_list(scripts)}. Get the file back: another branch may have "
        "it. Or, if the tables are as another revision makes them, note that one: "
        f"'{_command(migrations)} {scripts[0].revision if scripts else 'base'}'."
    )


def _list(scripts: list[Script]) -> str:
    if not scripts:
        return "is none"
    named = [f"{script.revision} ({script.doc})" for script in scripts[:_NAMED]]
    more = len(scripts) - len(named)
    rest = f" and {more} older" if more else ""
    return f"{'is' if len(scripts) == 1 else 'are'} {', '.join(named)}{rest}"


def _command(migrations: Migrations) -> str:
    options = (("--bind", migrations.bind), ("--tenant", migrations.asked_tenant))
    given = "".join(f" {option} {value}" for option, value in options if value is not None)
    return f"cruse db stamp --purge{given}"
