"""Commands for what is in a database, and how it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cruse_db.capacity import too_many
from cruse_db.commands.tables import bind_option, need_tables, open_bind, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import URL

    from cruse.cli import AppGroup
    from cruse_db.extension import Database

__all__ = ["add_commands"]


def add_commands(group: AppGroup, database: Database) -> None:
    """Add them to the group."""
    _add_moving(group, database)
    _add_looking(group, database)


def _add_moving(group: AppGroup, database: Database) -> None:
    @group.command("dump")
    @click.argument("file", type=click.Path(dir_okay=False, allow_dash=True), default="-")
    @bind_option
    def dump(file: str, bind: str | None) -> None:
        """Write all rows of the models' tables to a file, one JSON object a line."""
        from cruse_db.dumps import dump_rows

        need_tables(database)
        with open_bind(database, bind).sync.connect() as connection, _replacing(file) as new:
            counts = dump_rows(connection, database.metadata_of(bind), new)
        click.echo(_counts("written", counts), err=True)

    @group.command("load")
    @click.argument("file", type=click.File("r", encoding="utf-8"), default="-")
    @bind_option
    def load(file: Any, bind: str | None) -> None:
        """Insert rows that 'dump' has written, into empty tables, all or none."""
        from cruse_db.dumps import LoadError, load_rows

        need_tables(database)
        try:
            with open_bind(database, bind).sync.connect() as connection:
                counts = load_rows(connection, database.metadata_of(bind), file)
        except LoadError as error:
            raise click.ClickException(str(error)) from error
        click.echo(f"{where(database, bind)}: {_counts('inserted', counts)}")


@contextmanager
def _replacing(name: str) -> Iterator[Any]:
    """Open a file to write to, which takes the place of the old one when all went well."""
    path = Path(name)
    if name == "-" or (path.exists() and not path.is_file()):  # as a pipe is
        with click.open_file(name, "w", encoding="utf-8") as stream:
            yield stream
        return
    new = path.with_name(f"{path.name}.new")
    try:
        file = new.open("w", encoding="utf-8")
    except OSError as error:
        raise click.FileError(str(new), error.strerror) from error
    try:
        with file:
            yield file
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _add_looking(group: AppGroup, database: Database) -> None:
    @group.command("status")
    def status() -> None:
        """Show which databases there are, and how they are."""
        for bind in (None, *database.state.settings.binds):
            click.echo(f"{bind or 'database'}: {where(database, bind)}")
        found = database.report()
        click.echo(json.dumps(found, indent=2))
        for each in (found, *found.get("binds", {}).values()):
            told = "server" in each and too_many(
                each["pool"]["size"], each["server"]["connections"]
            )
            if told:
                click.echo(told, err=True)

    @group.command("health")
    def health() -> None:
        """Fail when the database gives no answer, or lacks migrations."""
        try:
            found = database.health(database.state)
        except RuntimeError as error:
            raise click.ClickException(f"{where(database)}: {error}") from error
        click.echo(json.dumps(dict(found)))

    @group.command("shell")
    @bind_option
    def shell(bind: str | None) -> None:
        """Open the database's own command line: sqlite3 or psql."""
        arguments, environment = _client(open_bind(database, bind).url)
        program = shutil.which(arguments[0])
        if program is None:
            raise click.ClickException(f"The program {arguments[0]!r} is not installed.")
        # A list without a shell, made from the application's own settings.
        done = subprocess.run([program, *arguments[1:]], env=environment, check=False)  # noqa: S603
        raise SystemExit(done.returncode)


def _client(url: URL) -> tuple[list[str], dict[str, str]]:
    """Return a command and its environment, where the password is: others see arguments."""
    environment = dict(os.environ)
    if url.get_backend_name() == "sqlite":
        return ["sqlite3", url.database or ""], environment
    host = url.host or url.query.get("host")
    for name, value in (
        ("PGHOST", host if isinstance(host, str) else None),
        ("PGPORT", None if url.port is None else str(url.port)),
        ("PGUSER", url.username),
        ("PGPASSWORD", None if url.password is None else str(url.password)),
        ("PGDATABASE", url.database),
    ):
        if value:
            environment[name] = value
    return ["psql"], environment


def _counts(done: str, counts: dict[str, int]) -> str:
    rows = ", ".join(f"{count} of {name}" for name, count in counts.items() if count)
    return f"{done} {rows or 'nothing'}."
