"""The commands ``cruse db ...``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cruse.cli import AppGroup

if TYPE_CHECKING:
    from cruse_db.extension import Database

__all__ = ["make_group"]


def make_group(database: Database) -> AppGroup:
    """Return the group of the commands of one database."""
    group = AppGroup("db", help="Work with the database.")

    @group.command("create")
    def create() -> None:
        """Create the tables of the models that do not exist yet."""
        _need_tables(database)
        created = database.create_all()
        click.echo(f"{_where(database)}: " + (_tables("created", created) or "nothing to create."))

    @group.command("drop")
    @click.option("--yes", is_flag=True, help="Don't ask.")
    def drop(yes: bool) -> None:
        """Drop the tables of the models, with everything in them."""
        _need_tables(database)
        if not yes:
            names = ", ".join(sorted(database.metadata.tables))
            question = f"{_where(database)}: drop {names}? All their rows are lost."
            click.confirm(question, abort=True)
        dropped = database.drop_all()
        click.echo(f"{_where(database)}: " + (_tables("dropped", dropped) or "nothing to drop."))

    return group


def _where(database: Database) -> str:
    """Return the URL of the database, without its password."""
    url = database.state.engines.url
    return url.render_as_string(hide_password=True)


def _tables(done: str, names: list[str]) -> str:
    return f"{done} {', '.join(names)}." if names else ""


def _need_tables(database: Database) -> None:
    if not database.metadata.tables:
        app = database.state.app
        raise click.ClickException(
            f"The application {app.name!r} has no models. A model is known once its module is "
            "imported: import it where the application is made."
        )
