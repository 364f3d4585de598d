"""PostgreSQL, used cheaply: one round trip for a read, and no look at connections in use.

A driver sends ``BEGIN`` before the first statement, and something has to be sent to end the
transaction, so one read costs three round trips. But with READ COMMITTED, PostgreSQL's default,
every statement has a snapshot of its own anyway, in a transaction or not. So a connection rests in
autocommit, and the first statement that does more than read turns transactions on; that sends
nothing by itself. Whoever asked for an isolation level has transactions from the beginning.

A connection whose server has gone is noticed without a round trip as well: the operating system
knows that the other end has sent something, or hung up. Only a connection that has said nothing
for long is asked, because firewalls forget such ones without a word.
"""

from __future__ import annotations

import re
import select
import time
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.sql import visitors
from sqlalchemy.sql.functions import FunctionElement, GenericFunction, next_value

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine
    from sqlalchemy.engine.interfaces import Compiled, DBAPIConnection, ExecutionContext
    from sqlalchemy.pool import ConnectionPoolEntry

__all__ = ["check_connections", "rest_in_autocommit"]

_IDLE_SINCE = "cruse_db.idle_since"  # the key in a pooled connection's info
_LOCKS_ROWS = re.compile(r"\bFOR\s+(NO\s+KEY\s+UPDATE|UPDATE|KEY\s+SHARE|SHARE)\b", re.I)
# Functions that change nothing; of others nobody knows.
_HARMLESS = frozenset(
    {
        *("abs", "avg", "cast", "ceil", "floor", "greatest", "least", "nullif", "round"),
        *("date_part", "date_trunc", "extract", "to_char"),
        *("left", "length", "lower", "ltrim", "replace", "right", "rtrim", "split_part"),
        *("string_agg", "strpos", "substr", "substring", "trim", "upper"),
        *("json_agg", "row_number", "to_tsquery", "to_tsvector"),
    }
)
_only_reads: WeakKeyDictionary[Compiled, bool] = WeakKeyDictionary()


def rest_in_autocommit(engine: Engine) -> None:
    """Let connections begin a transaction only where one is needed."""
    dialect = engine.dialect

    def rest(connection: Any) -> None:
        # Elsewhere, statements of one transaction share a snapshot.
        if dialect.default_isolation_level == "READ COMMITTED":
            connection.autocommit = True

    def on_connect(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        rest(connection)

    def on_checkin(connection: Any, entry: ConnectionPoolEntry) -> None:
        if connection is not None and not connection.autocommit:
            rest(connection)

    def on_execute(
        cursor: object, statement: str, parameters: object, context: ExecutionContext
    ) -> None:
        connection = context.root_connection
        raw: Any = connection.connection.dbapi_connection
        if (
            raw.autocommit
            and not reads_only(context)
            and "isolation_level" not in connection.get_execution_options()
        ):
            raw.autocommit = False

    def on_execute_no_params(cursor: object, statement: str, context: ExecutionContext) -> None:
        on_execute(cursor, statement, (), context)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "checkin", on_checkin)
    # The dialect's events rather than the engine's. A single one of the latter lets each
    # connection prepare for, and go through, all that there are: a third of a read's calls.
    event.listen(engine, "do_execute", on_execute)
    event.listen(engine, "do_executemany", on_execute)
    event.listen(engine, "do_execute_no_params", on_execute_no_params)


def reads_only(context: ExecutionContext) -> bool:
    """Whether a statement surely changes nothing, and locks nothing beyond its own end."""
    compiled = context.compiled
    if compiled is None or context.execution_options.get("stream_results"):
        return False  # a cursor on the server lives in a transaction
    known = _only_reads.get(compiled)
    if known is None:
        known = _only_reads[compiled] = _changes_nothing(compiled)
    return known


def _changes_nothing(compiled: Compiled) -> bool:
    statement = compiled.statement
    if statement is None or not getattr(statement, "is_select", False):
        return False
    if _LOCKS_ROWS.search(str(compiled)):
        return False
    for element in visitors.iterate(statement):
        if getattr(element, "is_dml", False):
            return False  # WITH ... AS (INSERT ...)
        if isinstance(element, FunctionElement) and not _is_harmless(element):
            return False
        if element.__visit_name__ == "textclause":
            return False
    return True


def _is_harmless(function: FunctionElement[Any]) -> bool:
    if isinstance(function, GenericFunction):
        return not isinstance(function, next_value)
    return getattr(function, "name", "").lower() in _HARMLESS


# -- connections whose server has gone ------------------------------------------------------


def check_connections(engine: Engine, ping_after: float) -> None:
    """Let the pool replace connections that have gone dead.

    Args:
        engine: The engine.
        ping_after: Seconds a connection may have been idle before it is asked for an answer.
    """
    dialect = engine.dialect

    def note_time(connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        entry.info[_IDLE_SINCE] = time.monotonic()

    def check(connection: DBAPIConnection, entry: ConnectionPoolEntry, proxy: object) -> None:
        idle_since = entry.info.get(_IDLE_SINCE)
        if idle_since is None:
            return  # new
        if time.monotonic() - idle_since < ping_after and not _has_news(connection):
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise DisconnectionError(str(error)) from error  # the pool takes another one

    event.listen(engine, "checkin", note_time)
    event.listen(engine, "checkout", check)


def _has_news(connection: Any) -> bool:
    """Whether the server has sent something unasked, such as its farewell."""
    connection = getattr(connection, "driver_connection", connection)  # SQLAlchemy wraps async
    is_closed = getattr(connection, "is_closed", None)  # asyncpg reads all by itself
    if is_closed is not None:
        return bool(is_closed())
    try:
        descriptor = connection.fileno()
    except Exception:  # closed, or a driver that does not tell
        return True
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
