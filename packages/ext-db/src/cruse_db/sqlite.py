"""SQLite, used rightly: two dialects for SQLAlchemy, one for threads and one for an event loop.

Python's ``sqlite3`` opens a transaction only before a writing statement, and a *deferred* one.
Between reading a value and writing it back, others may write: of 200 concurrent increments, 175
were lost without an error. With ``BEGIN`` before the read none is lost, but nearly all fail with
"database is locked", because SQLite can't wait for a lock that would never help: the snapshot is
outdated already. So here:

* a statement that only reads runs by itself, and holds no lock;
* the first statement that writes, or reads ``FOR UPDATE``, sends ``BEGIN IMMEDIATE``: the write
  lock is waited for, and then nobody else can come between;
* :func:`begin_writing` takes the lock at once, for what reads before it writes.

Files are in WAL mode: readers and the one writer don't wait for each other. ``synchronous=NORMAL``
is what SQLite's documentation advises with it; a commit costs a hundredth of the default, and a
power failure may undo the last commits but not damage the file.

On an event loop, SQLite is called directly. It answers from the same process, mostly from memory,
in less time than a thread needs to be woken: ten objects by key take 1.9 ms of CPU through this
dialect and 4.2 ms through aiosqlite, which changes threads for every step of each (SQLAlchemy
2.1.9, Python 3.13). What may take long is waiting for another writer, and that is done with
``asyncio.sleep``. A query that really computes for long does hold the loop up: it belongs into a
plain ``def`` view, which runs in a thread.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler, SQLiteExecutionContext
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.pool import AsyncAdaptedQueuePool, Pool, QueuePool
from sqlalchemy.util import await_only

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import URL, Connection
    from sqlalchemy.engine.interfaces import (
        ConnectArgsType,
        DBAPIConnection,
        DBAPICursor,
        ExecutionContext,
        IsolationLevel,
    )
    from sqlalchemy.pool import PoolProxiedConnection

__all__ = ["LOOP_DRIVER", "THREAD_DRIVER", "LoopDialect", "ThreadDialect", "begin_writing"]

THREAD_DRIVER = "sqlite+cruse"
LOOP_DRIVER = "sqlite+cruse_loop"

# Statements that need no transaction, or must not be in one. WITH may begin either kind.
_NO_TRANSACTION = re.compile(
    r"\s*(SELECT|VALUES|EXPLAIN|PRAGMA|BEGIN|COMMIT|END|ROLLBACK|VACUUM|ATTACH|DETACH)\b", re.I
)
# Seconds between tries for a lock: the steps of SQLite's own busy handler.
_STEPS = (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.025, 0.025, 0.025, 0.05, 0.05)


def begin_writing(connection: Connection) -> None:
    """Take SQLite's write lock now, waiting for it; on other databases do nothing."""
    if isinstance(connection.dialect, ThreadDialect):
        raw = connection.connection.dbapi_connection
        if raw is not None and not raw.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")


def _pauses(patience: float) -> Iterator[float]:
    """Yield how long to sleep between tries, until ``patience`` seconds have passed."""
    end = time.monotonic() + patience
    for pause in chain(_STEPS, repeat(0.1)):
        if time.monotonic() + pause > end:
            return
        yield pause


def _is_busy(error: sqlite3.OperationalError) -> bool:
    """Whether waiting helps: not with an outdated snapshot (SQLITE_BUSY_SNAPSHOT)."""
    code = error.sqlite_errorcode
    return code & 0xFF == sqlite3.SQLITE_BUSY and code != sqlite3.SQLITE_BUSY_SNAPSHOT


# -- for threads ----------------------------------------------------------------------------


class ThreadConnection(sqlite3.Connection):
    """A connection that knows whether its user asked for the isolation level AUTOCOMMIT."""

    autocommits = False

    def __init__(self, *args: Any, timeout: float = 5.0, **kwargs: Any) -> None:
        kwargs["timeout"] = timeout
        super().__init__(*args, **kwargs)
        self.patience = timeout

    def pause(self, seconds: float) -> None:
        """Let others go on."""
        time.sleep(seconds)


class Compiler(SQLiteCompiler):
    """Notes ``FOR UPDATE``, for which SQLite has no SQL."""

    locks_rows = False

    def for_update_clause(self, select: Any, **kw: Any) -> str:
        """Render nothing, and remember it."""
        self.locks_rows = True
        return ""


class ThreadDialect(SQLiteDialect_pysqlite):
    """SQLite for code that may wait: in threads, scripts and commands."""

    driver = "cruse"
    supports_statement_cache = True
    statement_compiler = Compiler
    connection_class: type[ThreadConnection] = ThreadConnection

    @classmethod
    def get_pool_class(cls, url: URL) -> type[Pool]:
        """Return a pool that keeps connections: opening one costs more than a query."""
        return QueuePool

    def create_connect_args(self, url: URL) -> ConnectArgsType:
        """Return the arguments of ``sqlite3.connect``."""
        args, options = super().create_connect_args(url)
        # Transactions are begun here, never by sqlite3; a pooled connection changes threads.
        options.update(isolation_level=None, factory=self.connection_class)
        options["check_same_thread"] = False
        return args, options

    def on_connect(self) -> Callable[[DBAPIConnection], None]:
        """Return what sets a new connection up."""
        add_functions = super().on_connect()

        def connect(connection: Any) -> None:
            add_functions(connection)
            _configure(connection)

        return connect

    def set_isolation_level(
        self, dbapi_connection: DBAPIConnection, level: IsolationLevel
    ) -> None:
        """Set AUTOCOMMIT, SERIALIZABLE (the default) or READ UNCOMMITTED."""
        dbapi_connection.autocommits = level == "AUTOCOMMIT"
        if level != "AUTOCOMMIT":
            super(SQLiteDialect_pysqlite, self).set_isolation_level(dbapi_connection, level)

    def detect_autocommit_setting(self, dbapi_conn: DBAPIConnection) -> bool:
        """Whether a connection is in AUTOCOMMIT."""
        return bool(dbapi_conn.autocommits)

    def do_rollback(self, dbapi_connection: PoolProxiedConnection) -> None:
        """Undo what was not committed."""
        raw = dbapi_connection.dbapi_connection
        if raw is not None and raw.in_transaction:
            raw.rollback()

    def do_execute(
        self,
        cursor: DBAPICursor,
        statement: str,
        parameters: Any,
        context: ExecutionContext | None = None,
    ) -> None:
        """Run a statement, in a transaction if it needs one."""
        _begin_if_needed(cursor, statement, context)
        cursor.execute(statement, parameters)

    def do_execute_no_params(
        self, cursor: DBAPICursor, statement: str, context: ExecutionContext | None = None
    ) -> None:
        """Run a statement that has no parameters."""
        _begin_if_needed(cursor, statement, context)
        cursor.execute(statement)

    def do_executemany(
        self,
        cursor: DBAPICursor,
        statement: str,
        parameters: Any,
        context: ExecutionContext | None = None,
    ) -> None:
        """Run a statement once for each set of parameters."""
        _begin_if_needed(cursor, statement, context)
        cursor.executemany(statement, parameters)


def _begin_if_needed(cursor: Any, statement: str, context: ExecutionContext | None) -> None:
    connection = cursor.connection
    if connection.in_transaction or connection.autocommits:
        return
    compiled = None if context is None else context.compiled
    if getattr(compiled, "locks_rows", False):
        only_reads = False
    elif compiled is not None and getattr(compiled.statement, "is_select", False):
        only_reads = True  # also one that begins with WITH
    else:
        only_reads = _NO_TRANSACTION.match(statement) is not None
    if not only_reads:
        connection.cursor().execute("BEGIN IMMEDIATE")


def _configure(connection: ThreadConnection) -> None:
    """Set what SQLite keeps per connection, and the journal's mode, which it keeps in the file."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = NORMAL")
    if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        _use_write_ahead_log(connection, cursor)
    cursor.close()


def _use_write_ahead_log(connection: ThreadConnection, cursor: sqlite3.Cursor) -> None:
    pauses = _pauses(connection.patience)
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_READONLY:
                return  # nobody will write here
            # The switch needs the file for itself, and SQLite does not wait for that.
            pause = next(pauses, None) if _is_busy(error) else None
            if pause is None:
                raise
            connection.pause(pause)
        else:
            return


# -- for an event loop ----------------------------------------------------------------------


class LoopCursor(sqlite3.Cursor):
    """A cursor that waits for locks without blocking the event loop."""

    def execute(self, sql: str, parameters: Any = ()) -> LoopCursor:
        """Run one statement; like every use of the database, only within an ``await``."""
        await_only(self._execute(sql, parameters))
        return self

    async def _execute(self, sql: str, parameters: Any) -> None:
        connection: Any = self.connection
        if not connection.in_transaction:
            # Let other tasks have their turn, but not while they would wait for our lock.
            await asyncio.sleep(0)
        run = super().execute
        try:
            run(sql, parameters)
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                raise
            await self._try_again(run, sql, parameters, connection.patience)

    async def _try_again(
        self, run: Callable[..., object], sql: str, parameters: Any, patience: float
    ) -> None:
        for pause in _pauses(patience):
            await asyncio.sleep(pause)
            try:
                run(sql, parameters)
            except sqlite3.OperationalError as error:
                if not _is_busy(error):
                    raise
            else:
                return
        run(sql, parameters)  # the last try; its error is the answer

    async def _async_soft_close(self) -> None:
        """Part of what SQLAlchemy asks of cursors on a loop; the rows are still to be read."""


class LoopConnection(ThreadConnection):
    """A connection of :class:`LoopCursor`."""

    def __init__(self, *args: Any, timeout: float = 5.0, **kwargs: Any) -> None:
        super().__init__(*args, timeout=0.0, **kwargs)  # SQLite itself would block the loop
        self.patience = timeout

    def cursor(self, factory: Any = LoopCursor) -> Any:
        """Return a new cursor."""
        return super().cursor(factory)

    def pause(self, seconds: float) -> None:
        """Let others go on."""
        await_only(asyncio.sleep(seconds))


class LoopExecutionContext(SQLiteExecutionContext):
    """Makes cursors for streamed results; those of SQLite always stream."""

    def create_server_side_cursor(self) -> DBAPICursor:
        """Return a new cursor."""
        return self._dbapi_connection.cursor()


class LoopDialect(ThreadDialect):
    """SQLite for SQLAlchemy's asyncio classes, without threads."""

    driver = "cruse_loop"
    is_async = True
    supports_statement_cache = True
    supports_server_side_cursors = True
    execution_ctx_cls = LoopExecutionContext
    connection_class = LoopConnection

    @classmethod
    def get_pool_class(cls, url: URL) -> type[Pool]:
        """Return a pool whose waiting does not block the loop."""
        return AsyncAdaptedQueuePool


registry.register("sqlite.cruse", __name__, "ThreadDialect")
registry.register("sqlite.cruse_loop", __name__, "LoopDialect")
