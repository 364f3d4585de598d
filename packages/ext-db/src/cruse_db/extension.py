"""The extension: a database for an application."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import literal, select

from cruse import Blueprint, Extension, got_request_exception
from cruse_db.aio import AsyncDatabase
from cruse_db.capacity import connections_of
from cruse_db.keyset import KeysetPage
from cruse_db.models import Model
from cruse_db.outages import outage
from cruse_db.pages import Page
from cruse_db.seeing import QueryLog, recorded
from cruse_db.settings import DatabaseSettings
from cruse_db.state import DatabaseState
from cruse_db.sync import SyncDatabase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import click
    from sqlalchemy import MetaData

    from cruse import Cruse
    from cruse.checks import Finding

__all__ = ["Database"]

F = TypeVar("F", bound="Callable[..., Any]")


class Database(Extension[DatabaseState], SyncDatabase):
    """A database, for sync code here and for async code in :attr:`aio`.

    Args:
        app: Bind it to this application at once.
        metadata: The tables that it creates and drops; those of :class:`Model` unless given.
    """

    name = "db"
    settings = DatabaseSettings
    prefix = "DB_"
    state_class = DatabaseState

    def __init__(self, app: Cruse | None = None, *, metadata: MetaData | None = None) -> None:
        self.metadata = Model.metadata if metadata is None else metadata
        #: What adds the first rows.
        self.seeds: list[Callable[[], Any]] = []
        #: The same for async code.
        self.aio = AsyncDatabase(self)
        super().__init__(app)

    # -- what an application has of it -----------------------------------------------------------

    def setup(self, state: DatabaseState) -> None:
        """Let views return pages, and errors tell the queries before them."""
        state.app.register_response_type(Page, Page.as_dict)
        state.app.register_response_type(KeysetPage, KeysetPage.as_dict)
        got_request_exception.connect(state.tell_queries, state.app)

    def make_blueprint(self, state: DatabaseState) -> Blueprint:
        """Return a blueprint with the templates of this package and no views."""
        return Blueprint("cruse_db", __name__, template_folder="templates")

    def shutdown(self, state: DatabaseState) -> None:
        """Close all connections."""
        for engines in state.all():
            engines.close()

    def shell_context(self, state: DatabaseState) -> dict[str, Any]:
        """Return ``db``, ``select`` and the models."""
        models = {mapper.class_.__name__: mapper.class_ for mapper in Model.registry.mappers}
        return {**models, "db": self, "select": select}

    def commands(self, state: DatabaseState) -> click.Group:
        """Return ``cruse db``."""
        from cruse_db.commands import make_group

        return make_group(self)

    # -- migrations and first rows -------------------------------------------------------------

    def upgrade(
        self,
        revision: str = "head",
        *,
        bind: str | None = None,
        tenant: str | None = None,
        lock_timeout: float = 10.0,
        backup: bool = False,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Run the migrations up to a revision, the newest unless given.

        Args:
            revision: The revision.
            bind: A database of ``DB_BINDS``; unless given, every one that has migrations.
            tenant: The tenant whose tables are meant.
            lock_timeout: Seconds that a step waits for a busy table (PostgreSQL); 0 has no end.
            backup: Whether an SQLite file that has steps to do is copied first.
            say: Where progress goes, line by line.

        Raises:
            alembic.util.CommandError: When there is no such revision, or more than one newest.
        """
        from cruse_db.migrations.runner import Migrations

        first = Migrations(self, bind=bind, tenant=tenant, say=say)
        others = [
            Migrations(self, bind=key, say=say)
            for key in (self.state.settings.binds if bind is None and tenant is None else ())
        ]
        for each in (first, *(other for other in others if other.folder.exists)):
            each.config()  # says so when there are none
            current = each.current()
            copied = backup and bool(current) and each.leads(revision, current)
            each.upgrade(revision, lock_timeout=lock_timeout, backup=copied)

    def seed(self, function: F) -> F:
        """Mark a function that adds the first rows; ``cruse db seed`` runs it.

        It runs in a transaction and finds its session in ``db.session``.
        """
        self.seeds.append(function)
        return function

    def run_seeds(self) -> list[str]:
        """Run the functions that add the first rows in one transaction; return their names."""
        with self.transaction():
            for function in self.seeds:
                function()
        return [function.__name__ for function in self.seeds]

    # -- what it was asked -----------------------------------------------------------------------

    @property
    def queries(self) -> QueryLog:
        """What the current context has sent, with ``DB_QUERY_LOG = True`` and in debug mode.

        Raises:
            RuntimeError: Outside of a context.
        """
        log = self.state.query_log
        if log is None:  # pragma: no cover - state raises before
            raise RuntimeError("Outside of a context there is no log.")
        return log

    @contextmanager
    def count_queries(self) -> Iterator[QueryLog]:
        """Note what is sent within the block, by requests of a test client as well."""
        log = QueryLog()
        self.state.watch_all()
        token = recorded.set((*recorded.get(), log))
        try:
            yield log
        finally:
            recorded.reset(token)

    # -- how it is -----------------------------------------------------------------------------

    def report(self) -> dict[str, Any]:
        """Return what is known of the database: its kind, the pool, the migrations."""
        found = self._report(None)
        if self.state.settings.binds:
            found["binds"] = {key: self._report(key) for key in self.state.settings.binds}
        return found

    def _report(self, bind: str | None) -> dict[str, Any]:
        state = self.state
        engine = state.bind(bind).sync
        pool: Any = engine.pool
        found: dict[str, Any] = {
            "database": engine.dialect.name,
            "pool": {
                "in_use": pool.checkedout(),
                "size": pool.size() + state.settings.pool_overflow,
            },
        }
        available = connections_of(engine)
        if available is not None:
            found["server"] = {"connections": available}
        if (state.migrations_folder(bind) / "env.py").is_file():
            from cruse_db.migrations.runner import Migrations

            pending = [script.revision for script in Migrations(self, bind=bind).pending()]
            found["migrations"] = "at head" if not pending else f"{len(pending)} to do"
        return found

    def health(self, state: DatabaseState) -> dict[str, object]:
        """Ask the databases for an answer, and whether they have all migrations.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: When one gives no answer.
            RuntimeError: When one lacks migrations.
        """
        for bind in (None, *state.settings.binds):
            with state.bind(bind).sync.connect() as connection:
                connection.execute(select(literal(1)))
        with state.app.app_context():
            found = self.report()
        for each in (found, *found.get("binds", {}).values()):
            if each.get("migrations", "at head") != "at head":
                raise RuntimeError(f"Migrations are waiting: {each['migrations']}.")
        return found

    def outage(self, state: DatabaseState, error: Exception) -> str | None:
        """Return what to log of a database that is away, which is none of the code's doing."""
        return outage(error)

    def check(self, state: DatabaseState, deploy: bool) -> Iterator[Finding]:
        """Tell ``cruse check --deploy`` what of the database would surprise in production."""
        from cruse_db.checks import find

        return find(self, state) if deploy else iter(())
