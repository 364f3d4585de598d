"""Commands for tables as a whole: without migrations, or from the beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from sqlalchemy.exc import IntegrityError

if TYPE_CHECKING:
    from cruse.cli import AppGroup
    from cruse_db.engines import Engines
    from cruse_db.extension import Database

__all__ = ["add_commands", "bind_option", "need_tables", "open_bind", "where"]

bind_option = click.option(
    "--bind", metavar="NAME", help="A database of DB_BINDS; else the first one."
)


def add_commands(group: AppGroup, database: Database) -> None:
    """Add them to the group."""

    @group.command("create")
    def create() -> None:
        """Create the tables of the models that do not exist yet."""
        need_tables(database)
        _need_no_migrations(database)
        created = database.create_all()
        click.echo(f"{where(database)}: " + (_tables("created", created) or "nothing to create."))

    _add_dropping(group, database)
    _add_seed(group, database)


def _add_dropping(group: AppGroup, database: Database) -> None:
    @group.command("drop")
    @click.option("--yes", is_flag=True, help="Don't ask.")
    def drop(yes: bool) -> None:
        """Drop the tables of the models, with everything in them."""
        need_tables(database)
        _confirm(database, "drop", yes)
        dropped = database.drop_all()
        _forget_revision(database)
        click.echo(f"{where(database)}: " + (_tables("dropped", dropped) or "nothing to drop."))

    @group.command("reset")
    @click.option("--yes", is_flag=True, help="Don't ask.")
    @click.option("--seed", is_flag=True, help="Add the first rows, as 'seed' does.")
    def reset(yes: bool, seed: bool) -> None:
        """Drop all tables and make them anew: by the migrations, if there are any."""
        need_tables(database)
        _confirm(database, "drop", yes)
        database.drop_all()
        _forget_revision(database)
        if _has_migrations(database):
            database.upgrade(say=click.echo)
        else:
            database.create_all()
        if seed:
            _seed(database)
        click.echo(f"{where(database)}: made anew.")


def _add_seed(group: AppGroup, database: Database) -> None:
    @group.command("seed")
    def seed() -> None:
        """Add the first rows: run the functions marked with @db.seed."""
        need_tables(database)
        names = _seed(database)
        if not names:
            raise click.ClickException("No function is marked with @db.seed.")
        click.echo(f"{where(database)}: {', '.join(names)}.")


def open_bind(database: Database, bind: str | None) -> Engines:
    """Return the engines of a database.

    Raises:
        click.ClickException: When there is none of that name.
    """
    try:
        return database.state.bind(bind)
    except LookupError as error:
        raise click.ClickException(str(error.args[0])) from error


def where(database: Database, bind: str | None = None) -> str:
    """Return the URL of a database, without its password."""
    return database.state.bind(bind).shown


def _seed(database: Database) -> list[str]:
    try:
        return database.run_seeds()
    except IntegrityError as error:
        raise click.ClickException(
            f"Nothing was added: {error.orig}. A function that may run again looks first for "
            "what is there."
        ) from error


def _tables(done: str, names: list[str]) -> str:
    return f"{done} {', '.join(names)}." if names else ""


def _binds(database: Database) -> tuple[str | None, ...]:
    """Return the names of all databases; the first one has none."""
    return (None, *database.state.settings.binds)


def _confirm(database: Database, what: str, yes: bool) -> None:
    if yes:
        return
    for bind in _binds(database):
        names = ", ".join(sorted(database.metadata_of(bind).tables))
        if names:
            question = f"{where(database, bind)}: {what} {names}? All their rows are lost."
            click.confirm(question, abort=True)


def _has_migrations(database: Database) -> bool:
    from cruse_db.migrations.runner import Migrations

    return Migrations(database).folder.exists


def _need_no_migrations(database: Database) -> None:
    if _has_migrations(database):
        raise click.ClickException(
            "This application has migrations, which would find these tables in their way. "
            "'cruse db upgrade' creates them."
        )


def _forget_revision(database: Database) -> None:
    """Drop Alembic's notes of the revisions: without the tables they are wrong."""
    for bind in _binds(database):
        with database.state.bind(bind).sync.begin() as connection:
            connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")


def need_tables(database: Database) -> None:
    """Import the modules with models, and make sure that there are some.

    Raises:
        click.ClickException: When there are none; it says where they were looked for.
    """
    from cruse_db.discovery import import_models

    app = database.state.app
    discovered = import_models(app.import_name)
    if not any(database.metadata_of(bind).tables for bind in _binds(database)):
        raise click.ClickException(
            f"The application {app.name!r} has no models. A model is known once its module is "
            f"imported: import it where the application is made. Looked at {discovered}."
        )
