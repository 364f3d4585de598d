"""``db.aio``: what ``db`` offers, for async code."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, AnyStr, TypeVar

from cruse_db import bulk, keyset, pages, queries, streams
from cruse_db.discovery import import_models
from cruse_db.sessions import make_loop_session
from cruse_db.tables import create_all, drop_all
from cruse_db.transactions import transaction_on_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Executable, MetaData, Select
    from sqlalchemy.engine import Connection
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
    from sqlalchemy.sql.selectable import TypedReturnsRows

    from cruse_db.bulk import Upserted
    from cruse_db.extension import Database
    from cruse_db.keyset import KeysetPage
    from cruse_db.pages import Page

__all__ = ["AsyncDatabase"]

T = TypeVar("T")


class AsyncDatabase:
    """The async side of a :class:`~cruse_db.Database`: the same database, settings and names.

    Args:
        database: The extension.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def engine(self) -> AsyncEngine:
        """The engine of the current application and the running event loop."""
        return self._database.state.engines.on_loop

    @property
    def session(self) -> AsyncSession:
        """The async session of the current context, opened at its first use.

        It is closed when the context ends. What was not committed by then is rolled back.
        """
        return self._database.sessions.on_loop

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """Open a session of its own in a transaction; commit it at the end of the block.

        For tasks, websockets and everything else that should not share the context's session.
        """
        async with self.new_session() as session, transaction_on_loop(session):
            yield session

    def new_session(self) -> AsyncSession:
        """Return a session of its own, to be closed by an ``async with`` block.

        See :meth:`Database.new_session`. It is not awaited.
        """
        return make_loop_session(self._database.state)

    async def get(self, entity: type[T], ident: Any, **options: Any) -> T | None:
        """Return the object with a primary key, or ``None``; see :meth:`Database.get`."""
        return await self.session.run_sync(queries.get, entity, ident, options)

    async def get_or_404(
        self, entity: type[T], ident: Any, *, description: str | None = None, **options: Any
    ) -> T:
        """Return the object with a primary key, or answer 404."""
        return await self.session.run_sync(queries.get_or_404, entity, ident, description, options)

    async def first_or_404(
        self, statement: TypedReturnsRows[T], *, description: str | None = None
    ) -> T:
        """Return the first row, or answer 404."""
        return await self.session.run_sync(queries.first_or_404, statement, description)

    async def one_or_404(
        self, statement: TypedReturnsRows[T], *, description: str | None = None
    ) -> T:
        """Return the only row, or answer 404 if there is none or more than one."""
        return await self.session.run_sync(queries.one_or_404, statement, description)

    async def paginate(
        self,
        statement: Select[T],
        *,
        page: int | None = None,
        per_page: int | None = None,
        max_per_page: int = pages.MAX_PER_PAGE,
        error_out: bool = True,
        count: bool = True,
    ) -> Page[T]:
        """Return one page of a ``select``; see :meth:`Database.paginate`."""
        return await self.session.run_sync(
            pages.paginate,
            statement,
            page=page,
            per_page=per_page,
            max_per_page=max_per_page,
            error_out=error_out,
            count=count,
        )

    async def paginate_by_key(
        self,
        statement: Select[T],
        *order: Any,
        cursor: str | None = None,
        per_page: int | None = None,
        max_per_page: int = pages.MAX_PER_PAGE,
    ) -> KeysetPage[T]:
        """Return the rows behind a cursor; see :meth:`Database.paginate_by_key`."""
        return await self.session.run_sync(
            keyset.paginate_by_key,
            statement,
            *order,
            cursor=cursor,
            per_page=per_page,
            max_per_page=max_per_page,
        )

    def stream(
        self, statement: Executable, row: Callable[[Any], AnyStr], *, chunk: int = 500
    ) -> AsyncIterator[AnyStr]:
        """Return the body of an export; see :meth:`Database.stream`. It is not awaited."""
        return streams.stream_on_loop(self._database.state, statement, row, chunk)

    async def insert_many(self, entity: type[Any], rows: Iterable[Mapping[str, Any]]) -> int:
        """Insert rows, given as values by attribute, and return how many."""
        return await self.session.run_sync(bulk.insert_many, entity, rows)

    async def upsert(
        self,
        entity: type[Any],
        rows: Iterable[Mapping[str, Any]],
        *,
        on: Sequence[str] | None = None,
        update: Sequence[str] | None = None,
    ) -> Upserted:
        """Insert rows, or change those that are there; see :meth:`Database.upsert`."""
        return await self.session.run_sync(bulk.upsert, entity, rows, on, update)

    async def create_all(self) -> list[str]:
        """Create the tables that do not exist yet, in all databases, and return their names."""
        import_models(self._database.state.app.import_name)
        return await self._everywhere(create_all)

    async def drop_all(self) -> list[str]:
        """Drop the tables of the models, with everything in them, and return their names."""
        return await self._everywhere(drop_all)

    async def _everywhere(self, do: Callable[[Connection, MetaData], list[str]]) -> list[str]:
        names: list[str] = []
        database = self._database
        for bind in (None, *database.state.settings.binds):
            async with database.state.bind(bind).on_loop.connect() as connection:
                names += await connection.run_sync(do, database.metadata_of(bind))
        return names
