"""What ``cruse check --deploy`` finds in settings, database and migrations."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from cruse.checks import Finding
from cruse_db.addresses import is_temporary, parse
from cruse_db.capacity import connections_of, too_many

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cruse_db.extension import Database
    from cruse_db.state import DatabaseState

__all__ = ["find"]


def find(database: Database, state: DatabaseState) -> Iterator[Finding]:
    """Yield what would surprise in production; needs the application's context.

    Args:
        database: The extension.
        state: Its state in the application.
    """
    try:
        settings = state.settings
    except (TypeError, ValueError):
        return  # the start has told it
    if "DB_URL" not in state.app.config:
        yield Finding(
            "warning",
            "DB_URL",
            f"It is not set, so the rows are in {state.engines.shown}. Is that kept by a deploy?",
        )
    if settings.echo:
        yield Finding("warning", "DB_ECHO", "It is True: every statement is written to the log.")
    for bind, url in ((None, settings.url), *settings.binds.items()):
        name = "DB_URL" if bind is None else f"DB_BINDS[{bind!r}]"
        if is_temporary(parse(url)):
            yield Finding(
                "error",
                name,
                "It is a database in memory: each process has another one, and all rows go away "
                "with it.",
            )
        else:
            yield from _migrations(database, bind, name)
            yield from _connections(state, bind)


def _migrations(database: Database, bind: str | None, name: str) -> Iterator[Finding]:
    from cruse_db.migrations.runner import CommandError, Migrations

    migrations = Migrations(database, bind=bind)
    try:
        if not migrations.folder.exists:
            migrations.require_known()
            if migrations.metadata.tables:
                yield Finding("warning", name, _NO_MIGRATIONS)
            return
        migrations.require_one_head()
        waiting = len(migrations.pending())
    except CommandError as error:
        yield Finding("error", name, str(error))
    except SQLAlchemyError as error:
        kind = type(getattr(error, "orig", None) or error).__name__
        yield Finding(
            "error",
            name,
            f"{migrations.engines.shown} gives no answer ({kind}). 'cruse db status' says more.",
        )
    else:
        if waiting:
            yield Finding(
                "error",
                name,
                f"{migrations.engines.shown} lacks {waiting} of the migrations. Run 'cruse db "
                "upgrade'.",
            )


def _connections(state: DatabaseState, bind: str | None) -> Iterator[Finding]:
    settings = state.settings
    with suppress(SQLAlchemyError):  # one that gives no answer is told already
        available = connections_of(state.bind(bind).sync)
        if available is not None:
            told = too_many(settings.pool_size + settings.pool_overflow, available)
            if told is not None:
                yield Finding("warning", "DB_POOL_SIZE", told)


_NO_MIGRATIONS = (
    "There are models and no migrations, so a change of a model can't reach the tables that are "
    "there. 'cruse db migrate' writes the first one, and 'cruse db stamp head' notes it where "
    "the tables are."
)
