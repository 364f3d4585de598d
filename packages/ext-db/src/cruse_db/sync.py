"""``db``: sessions, transactions and queries for sync code."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, AnyStr, TypeVar, overload

from cruse.globals import current_context
from cruse_db import bulk, keyset, pages, queries, streams
from cruse_db.discovery import import_models
from cruse_db.models import bind_metadata
from cruse_db.sessions import (
    ContextSessions,
    DatabaseSession,
    Scope,
    current_scope,
    make_session,
)
from cruse_db.tables import create_all, drop_all
from cruse_db.transactions import Transaction, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Executable, MetaData, Select
    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.sql.selectable import TypedReturnsRows

    from cruse import Cruse
    from cruse_db.aio import AsyncDatabase
    from cruse_db.bulk import Upserted
    from cruse_db.keyset import KeysetPage
    from cruse_db.pages import Page
    from cruse_db.state import DatabaseState

__all__ = ["SyncDatabase"]

T = TypeVar("T")
F = TypeVar("F", bound="Callable[..., Any]")


class SyncDatabase:
    """The part of a :class:`~cruse_db.Database` that sync code uses."""

    metadata: MetaData
    aio: AsyncDatabase

    @property
    def state(self) -> DatabaseState:
        """What is kept for the current application."""
        raise NotImplementedError

    def state_of(self, app: Cruse) -> DatabaseState:
        """Return what is kept for an application."""
        raise NotImplementedError

    # -- sessions and transactions -------------------------------------------------------------

    @property
    def engine(self) -> Engine:
        """The engine of the current application."""
        return self.state.engines.sync

    @property
    def sessions(self) -> ContextSessions:
        """The sessions of the current context."""
        context = current_context()
        sessions: ContextSessions | None = context.extras.get(self)
        if sessions is None:
            sessions = context.extras[self] = ContextSessions(self.state_of(context.app))
        return sessions

    @property
    def session(self) -> DatabaseSession:
        """The session of the current context, opened at its first use.

        It is closed when the context ends. What was not committed by then is rolled back.

        Raises:
            RuntimeError: Outside of an application context, and on an event loop.
        """
        return self.sessions.sync

    @contextmanager
    def begin(self) -> Iterator[DatabaseSession]:
        """Open a session of its own in a transaction; commit it at the end of the block.

        For threads, scripts and everything else that should not share the context's session.
        """
        with self.new_session() as session, transaction(session):
            yield session

    def new_session(self) -> DatabaseSession:
        """Return a session of its own, to be closed by a ``with`` block; nothing is begun.

        For what only reads and should not share the context's session: unlike :meth:`begin` it
        takes no lock. What was not committed is rolled back at the end of the block.
        """
        return make_session(self.state)

    @overload
    def transaction(self, function: F, /) -> F: ...
    @overload
    def transaction(self, *, retry: int = 0, isolation: str | None = None) -> Transaction: ...

    def transaction(
        self,
        function: Callable[..., Any] | None = None,
        *,
        retry: int = 0,
        isolation: str | None = None,
    ) -> Any:
        """Commit the context's session at the end, or roll it back on any error.

        A decorator (``@db.transaction``) for plain and async functions, a context manager for
        both (``with db.transaction():``, ``async with db.transaction():``). The commit is done
        before a response leaves: if it fails, the client gets an error. SQLite's write lock is
        taken at the beginning. A transaction inside of another one is a savepoint.

        Args:
            function: The function to decorate.
            retry: How often the decorated function is called again when the database could not
                let it run beside others (SQLSTATE 40001 and 40P01, SQLITE_BUSY). After the last
                try the client gets 503 with ``Retry-After``.
            isolation: The isolation level, such as ``"SERIALIZABLE"``.
        """
        made = Transaction(self, retry=retry, isolation=isolation)
        return made if function is None else made(function)

    def on_commit(self, function: Callable[[], Any]) -> None:
        """Call a function after the next commit of the context's session; see the session's.

        In async code it may be an async function.
        """
        sessions = self.sessions
        if asyncio._get_running_loop() is not None:
            session: DatabaseSession = sessions.on_loop.sync_session  # type: ignore[assignment]
        else:
            session = sessions.sync
        session.on_commit(function)

    @contextmanager
    def replica(self) -> Iterator[None]:
        """Let ``db.session`` and ``db.aio.session`` read from a replica within the block.

        All of it is read from one replica, and from the primary once something was written, for
        ``DB_REPLICA_DELAY`` seconds after this client has written, and while no replica answers.
        """
        with _scoped(current_scope.get()._replace(replica=True)):
            yield

    @contextmanager
    def tenant(self, name: str) -> Iterator[None]:
        """Let the sessions that are opened within the block be about one tenant.

        Args:
            name: The schema's name, or what ``{tenant}`` stands for in ``DB_TENANT_URL``.

        Raises:
            ValueError: For a name that is none; it may come from a client.
        """
        self.state.tenant_options(name)
        with _scoped(current_scope.get()._replace(tenant=name)):
            yield

    # -- queries -------------------------------------------------------------------------------

    def get(self, entity: type[T], ident: Any, **options: Any) -> T | None:
        """Return the object with a primary key, or ``None``.

        Args:
            entity: The model.
            ident: The key; a tuple if it has several columns.
            options: Those of :meth:`sqlalchemy.orm.Session.get`, as ``with_for_update=True``.
        """
        return queries.get(self.session, entity, ident, options)

    def get_or_404(
        self, entity: type[T], ident: Any, *, description: str | None = None, **options: Any
    ) -> T:
        """Return the object with a primary key, or answer 404.

        Args:
            entity: The model.
            ident: The key; a tuple if it has several columns.
            description: The text of the error page.
            options: Those of :meth:`sqlalchemy.orm.Session.get`.

        Raises:
            NotFound: When there is none.
        """
        return queries.get_or_404(self.session, entity, ident, description, options)

    def first_or_404(self, statement: TypedReturnsRows[T], *, description: str | None = None) -> T:
        """Return the first row of a ``select`` of one entity or column, or answer 404.

        Raises:
            NotFound: When there is none.
        """
        return queries.first_or_404(self.session, statement, description)

    def one_or_404(self, statement: TypedReturnsRows[T], *, description: str | None = None) -> T:
        """Return the only row of a ``select`` of one entity or column, or answer 404.

        Raises:
            NotFound: When there is none, or more than one.
        """
        return queries.one_or_404(self.session, statement, description)

    def paginate(
        self,
        statement: Select[T],
        *,
        page: int | None = None,
        per_page: int | None = None,
        max_per_page: int = pages.MAX_PER_PAGE,
        error_out: bool = True,
        count: bool = True,
    ) -> Page[T]:
        """Return one page of what a ``select`` of one entity or column finds.

        Args:
            statement: The ``select``; order it, or pages may overlap.
            page: The page's number, from 1; unless given that of the query string, else 1.
            per_page: How many rows; unless given that of the query string, else 20.
            max_per_page: The most rows, whoever asks for more.
            error_out: Answer 404 for a page that does not exist, rather than with an empty one.
            count: Whether to count all rows, which is slow on large tables.

        Raises:
            NotFound: For a number that is none, or a page beyond the last.
        """
        return pages.paginate(
            self.session,
            statement,
            page=page,
            per_page=per_page,
            max_per_page=max_per_page,
            error_out=error_out,
            count=count,
        )

    def paginate_by_key(
        self,
        statement: Select[T],
        *order: Any,
        cursor: str | None = None,
        per_page: int | None = None,
        max_per_page: int = pages.MAX_PER_PAGE,
    ) -> KeysetPage[T]:
        """Return the rows behind a cursor, which is as quick for the last as for the first.

        Args:
            statement: A ``select`` of one model, without an order.
            order: The columns to order by, as ``Photo.posted_at.desc()``; the primary key is
                added. None may be empty in a row.
            cursor: Where the page begins; unless given that of the query string, else the first.
            per_page: How many rows; unless given that of the query string, else 20.
            max_per_page: The most rows, whoever asks for more.

        Raises:
            BadRequest: For a cursor that is not one of this list.
        """
        return keyset.paginate_by_key(
            self.session,
            statement,
            *order,
            cursor=cursor,
            per_page=per_page,
            max_per_page=max_per_page,
        )

    def stream(
        self, statement: Executable, row: Callable[[Any], AnyStr], *, chunk: int = 500
    ) -> Iterator[AnyStr]:
        """Return the body of an export: text or bytes of every row, sent while they are read.

        It has a session and a connection of its own, which it gives back when the last row was
        sent, or the client has gone.

        Args:
            statement: The ``select``.
            row: Makes text or bytes of an object, or of a row if several columns are selected.
            chunk: How many rows are read at a time.
        """
        return streams.stream(self.state, statement, row, chunk)

    # -- many rows -----------------------------------------------------------------------------

    def insert_many(self, entity: type[Any], rows: Iterable[Mapping[str, Any]]) -> int:
        """Insert rows, given as values by attribute, and return how many."""
        return bulk.insert_many(self.session, entity, rows)

    def upsert(
        self,
        entity: type[Any],
        rows: Iterable[Mapping[str, Any]],
        *,
        on: Sequence[str] | None = None,
        update: Sequence[str] | None = None,
    ) -> Upserted:
        """Insert rows, or change those that are there; return how many of both.

        Objects that were loaded before keep their old values until they are refreshed.

        Args:
            entity: The model.
            rows: The values by attribute, the same attributes in each.
            on: The attributes that tell whether a row is there; the primary key unless given.
            update: The attributes to change; all that are given unless said. ``[]`` leaves rows
                that are there as they are.
        """
        return bulk.upsert(self.session, entity, rows, on, update)

    # -- tables --------------------------------------------------------------------------------

    def metadata_of(self, bind: str | None) -> MetaData:
        """Return the tables of one database of ``DB_BINDS``, or of the first."""
        return self.metadata if bind is None else bind_metadata(bind)

    def create_all(self) -> list[str]:
        """Create the tables that do not exist yet, in all databases, and return their names.

        The modules named ``models`` of the application's package are imported for it.
        """
        import_models(self.state.app.import_name)
        return self._everywhere(create_all)

    def drop_all(self) -> list[str]:
        """Drop the tables of the models, with everything in them, and return their names."""
        return self._everywhere(drop_all)

    def _everywhere(self, do: Callable[[Connection, MetaData], list[str]]) -> list[str]:
        names: list[str] = []
        for bind in (None, *self.state.settings.binds):
            with self.state.bind(bind).sync.connect() as connection:
                names += do(connection, self.metadata_of(bind))
        return names


@contextmanager
def _scoped(scope: Scope) -> Iterator[None]:
    token = current_scope.set(scope)
    try:
        yield
    finally:
        current_scope.reset(token)
