"""Commands for migrations."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from cruse_db.commands.tables import bind_option as _bind
from cruse_db.commands.tables import open_bind, where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cruse.cli import AppGroup
    from cruse_db.extension import Database
    from cruse_db.migrations.runner import Migrations

__all__ = ["add_commands"]

_tenant = click.option("--tenant", metavar="NAME", help="The tenant whose tables are meant.")
_lock_timeout = click.option(
    "--lock-timeout",
    type=float,
    default=10.0,
    metavar="SECONDS",
    help="How long a step waits for a busy table (PostgreSQL); 0 is without end.",
)
_message = click.option("-m", "--message", required=True, help="What it does, in a few words.")


def _open(database: Database, bind: str | None = None, tenant: str | None = None) -> Migrations:
    from cruse_db.migrations.runner import Migrations

    open_bind(database, bind)
    try:
        return Migrations(database, bind=bind, tenant=tenant, say=click.echo)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


def add_commands(group: AppGroup, database: Database) -> None:
    """Add them to the group."""
    _add_writing(group, database)
    _add_handwork(group, database)
    _add_running(group, database)
    _add_going_back(group, database)
    _add_showing(group, database)
    _add_looking(group, database)
    _add_checking(group, database)


def _add_writing(group: AppGroup, database: Database) -> None:
    @group.command("init")
    @_bind
    def init(bind: str | None) -> None:
        """Begin the folder of the migrations."""
        migrations = _open(database, bind)
        migrations.init()
        click.echo(f"Migrations are in {migrations.folder.path}.")

    @group.command("migrate")
    @_message
    @_bind
    @click.option("--allow-destructive", is_flag=True, help="It may drop tables and columns.")
    @click.option("--rename", "renames", multiple=True, metavar="TABLE.OLD:NEW")
    def migrate(
        message: str, bind: str | None, allow_destructive: bool, renames: tuple[str, ...]
    ) -> None:
        """Write a migration with the steps from the tables to the models."""
        from cruse_db.migrations.autogenerate import Editor

        editor = Editor(allow_destructive, dict(map(_parse_rename, renames)), _asker())
        made = _open(database, bind).revision(message, editor)
        if editor.is_empty:
            click.echo("The tables are as the models are; nothing was written.")
        for script in made:
            click.echo(f"Written: {script.path}. Read it before you run it.")
        if editor.lacking:
            click.echo(
                f"Rows that are there have no value for {', '.join(editor.lacking)}: write a "
                "server_default into the migration, or fill the column before it must have one."
            )


def _add_handwork(group: AppGroup, database: Database) -> None:
    @group.command("revision")
    @_message
    @_bind
    def revision(message: str, bind: str | None) -> None:
        """Write an empty migration, for steps of your own."""
        for script in _open(database, bind).revision(message):
            click.echo(f"Written: {script.path}.")

    @group.command("merge")
    @click.option("-m", "--message", default="merge", help="What it does, in a few words.")
    @_bind
    def merge(message: str, bind: str | None) -> None:
        """Join several heads, after branches have added a migration each."""
        click.echo(f"Written: {_open(database, bind).merge(message).path}.")

    @group.command("edit")
    @click.argument("revision", default="head")
    @_bind
    def edit(revision: str, bind: str | None) -> None:
        """Open a migration in the editor."""
        script = _open(database, bind).folder.script().get_revision(revision)
        if script is None:
            raise click.ClickException("There is no migration yet.")
        click.edit(filename=script.path)


def _parse_rename(text: str) -> tuple[tuple[str, str], str]:
    table, _, names = text.rpartition(".")
    old, _, new = names.partition(":")
    if not (table and old and new):
        raise click.BadParameter(f"{text!r} is not TABLE.OLD:NEW.", param_hint="--rename")
    return (table, old), new


def _asker() -> Callable[[str, str, str], bool] | None:
    """Return what asks whether a column was renamed, if there is somebody to ask."""
    if not sys.stdin.isatty():
        return None

    def ask(table: str, old: str, new: str) -> bool:
        return click.confirm(f"Was the column {table}.{old} renamed to {new}?")

    return ask


def _add_running(group: AppGroup, database: Database) -> None:
    @group.command("upgrade")
    @click.argument("revision", default="head")
    @_bind
    @_tenant
    @_lock_timeout
    @click.option("--no-backup", is_flag=True, help="Don't copy an SQLite file first.")
    def upgrade(
        revision: str, bind: str | None, tenant: str | None, lock_timeout: float, no_backup: bool
    ) -> None:
        """Run the migrations up to a revision, the newest unless given.

        Without --bind, in every database that has migrations. Several processes may do it at
        once: one does it, the others wait.
        """
        _open(database, bind, tenant)  # says so if there is none of that name
        database.upgrade(
            revision,
            bind=bind,
            tenant=tenant,
            lock_timeout=lock_timeout,
            backup=not no_backup,
            say=click.echo,
        )


def _add_going_back(group: AppGroup, database: Database) -> None:
    @group.command("downgrade")
    @click.argument("revision", default="-1")
    @_bind
    @_tenant
    @_lock_timeout
    @click.option("--yes", is_flag=True, help="Don't ask.")
    def downgrade(
        revision: str, bind: str | None, tenant: str | None, lock_timeout: float, yes: bool
    ) -> None:
        """Take migrations back, the last one unless a revision is given."""
        if not yes:
            question = f"{where(database, bind)}: go back to {revision}? Rows may be lost."
            click.confirm(question, abort=True)
        migrations = _open(database, bind, tenant)
        migrations.downgrade(revision, lock_timeout=lock_timeout, backup=True)

    @group.command("stamp")
    @click.argument("revision")
    @_bind
    @_tenant
    @click.option("--purge", is_flag=True, help="Forget first what is noted, known or not.")
    @click.option("--yes", is_flag=True, help="Don't ask.")
    def stamp(revision: str, bind: str | None, tenant: str | None, purge: bool, yes: bool) -> None:
        """Note that the database is at a revision, without running anything.

        With --purge also when there is no file of the revision that it is noted to be at.
        """
        migrations = _open(database, bind, tenant)
        if purge and not yes:
            noted = ", ".join(migrations.current()) or "none"
            question = f"{migrations.engines.shown}: forget the revision {noted}, note {revision}?"
            click.confirm(question, abort=True)
        migrations.stamp(revision, purge=purge)
        click.echo(f"{migrations.engines.shown}: noted as {revision}.")


def _add_showing(group: AppGroup, database: Database) -> None:
    @group.command("current")
    @_bind
    @_tenant
    def current(bind: str | None, tenant: str | None) -> None:
        """Show the revision that the database is at."""
        migrations = _open(database, bind, tenant)
        migrations.require_known()
        click.echo(" ".join(migrations.current()) or "none")

    @group.command("heads")
    @_bind
    def heads(bind: str | None) -> None:
        """Show the newest revision: more than one where branches were not merged."""
        _alembic(database, bind, "heads")

    @group.command("history")
    @_bind
    def history(bind: str | None) -> None:
        """List all migrations, the newest first."""
        _alembic(database, bind, "history")

    @group.command("show")
    @click.argument("revision", default="head")
    @_bind
    def show(revision: str, bind: str | None) -> None:
        """Show one migration."""
        _alembic(database, bind, "show", revision)


def _add_looking(group: AppGroup, database: Database) -> None:
    @group.command("plan")
    @_bind
    @_tenant
    def plan(bind: str | None, tenant: str | None) -> None:
        """List the migrations that 'upgrade' would run."""
        pending = _open(database, bind, tenant).pending()
        for script in pending:
            click.echo(f"+ {script.revision} {script.doc}")
        if not pending:
            click.echo("Nothing to do.")

    @group.command("sql")
    @click.argument("span", default="base:head", metavar="[FROM:TO]")
    @_bind
    @click.option("--dialect", type=click.Choice(["postgresql", "sqlite"]))
    def sql(span: str, bind: str | None, dialect: str | None) -> None:
        """Print the SQL of migrations without connecting to a database."""
        click.echo(_open(database, bind).sql(span, dialect), nl=False)


def _add_checking(group: AppGroup, database: Database) -> None:
    @group.command("check")
    @_bind
    def check(bind: str | None) -> None:
        """Fail when models and tables differ, when migrations wait, or have two heads."""
        migrations = _open(database, bind)
        migrations.require_models()
        migrations.config()
        migrations.require_one_head()
        waiting = [script.revision for script in migrations.pending()]
        if waiting:
            raise click.ClickException(
                f"{where(database, bind)} lacks {', '.join(waiting)}. Run 'cruse db upgrade'."
            )
        differences = migrations.differences()
        if differences:
            raise click.ClickException(
                f"The models differ from the tables: {'; '.join(differences)}. "
                "'cruse db migrate' writes a migration."
            )
        click.echo("Models, migrations and tables agree.")

    @group.command("lint")
    @click.argument("revisions", nargs=-1)
    @_bind
    def lint(revisions: tuple[str, ...], bind: str | None) -> None:
        """Fail for steps that hold up a busy PostgreSQL, or break the code that still runs.

        All migrations are read, unless some are given; '# lint: off' in a file leaves it out.
        """
        found = list(_lint(_open(database, bind), revisions))
        for line in found:
            click.echo(line)
        if found:
            raise click.ClickException(f"{len(found)} found.")
        click.echo("Nothing found.")


def _alembic(database: Database, bind: str | None, name: str, *arguments: Any) -> None:
    """Run one of Alembic's own commands that only shows something."""
    from alembic import command

    getattr(command, name)(_open(database, bind).config(sys.stdout), *arguments)


def _lint(migrations: Migrations, revisions: tuple[str, ...]) -> Iterator[str]:
    from cruse_db.migrations.lint import findings

    script = migrations.folder.script()
    named = [script.get_revision(name) for name in revisions]
    for revision in named if revisions else script.walk_revisions():
        if revision.is_merge_point:
            continue
        with open(revision.path, encoding="utf-8") as file:
            if "# lint: off" in file.read():
                continue
        below = revision.down_revision or "base"
        for finding in findings(migrations.sql(f"{below}:{revision.revision}", "postgresql")):
            yield f"{revision.path}: {finding.statement}\n    {finding.what}; {finding.instead}."
