"""What an application sent to its database: a log per request, and slow statements."""

from __future__ import annotations

import sys
import threading
import time
import weakref
from collections import deque
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from cruse import has_request_context, request

if TYPE_CHECKING:
    from types import FrameType

    from sqlalchemy.engine import Connection, Engine, ExceptionContext, ExecutionContext

    from cruse_db.state import DatabaseState

__all__ = ["Query", "QueryLog", "recorded", "watch_engine", "where_in_app"]

_STARTED = "cruse_db.started"  # the key in a connection's info
_KEPT = 500  # queries of one context; more are counted only
_LIBRARIES = ("sqlalchemy", "cruse_db", "contextlib", "greenlet", "asyncio")


@dataclass(frozen=True)
class Query:
    """A statement that was sent.

    Args:
        statement: The SQL, with placeholders; the values are not kept.
        seconds: How long the database took.
        where: File and line of the application that it came from.
    """

    statement: str
    seconds: float
    where: str


class QueryLog:
    """What was sent in one context, or one block; the last five hundred are kept."""

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0
        self._kept: deque[Query] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()

    def add(self, query: Query) -> None:
        """Note a query, of whichever thread."""
        with self._lock:
            self.count += 1
            self.seconds += query.seconds
            self._kept.append(query)

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Any:
        return iter(self._kept)

    def __getitem__(self, index: int) -> Query:
        return self._kept[index]

    def describe(self, latest: int = 20) -> str:
        """Return it as text, with the latest queries in the order they were sent."""
        lines = [f"Queries so far: {self.count}, in {self.seconds * 1000:.1f} ms. The latest:"]
        for query in list(self._kept)[-latest:]:
            statement = " ".join(query.statement.split())
            lines.append(f"  {query.seconds * 1000:.1f} ms at {query.where}: {statement}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<QueryLog {self.count} queries, {self.seconds * 1000:.1f} ms>"


#: Logs that want to know, beside that of the context: those of ``db.count_queries()``.
recorded: ContextVar[tuple[QueryLog, ...]] = ContextVar("cruse_db_recorded", default=())


def where_in_app() -> str:
    """Return file and line of the innermost frame that is neither ours nor a library's."""
    frame: FrameType | None = sys._getframe(1)
    greenlet: Any = None
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] not in _LIBRARIES:
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
        if frame is None and "greenlet" in sys.modules:
            # SQLAlchemy's async code runs in one, whose frames end where it was started.
            current = sys.modules["greenlet"].getcurrent() if greenlet is None else greenlet
            greenlet = current.parent
            frame = None if greenlet is None else greenlet.gr_frame
    return "?"


def watch_engine(engine: Engine, state: DatabaseState) -> None:
    """Note what an engine sends.

    Args:
        engine: The engine.
        state: The extension's state in its application.
    """
    slow = state.settings.slow_ms
    # An engine may be closed only after its application has gone, and must not keep it.
    reference = weakref.ref(state)

    def after(
        connection: Connection,
        cursor: Any,
        statement: str,
        parameters: Any,
        context: ExecutionContext | None,
        many: bool,
    ) -> None:
        started, state = _take_start(connection), reference()
        if started is None or state is None:
            return
        seconds = time.perf_counter() - started
        logs = list(recorded.get())
        if state.logs_queries:
            own = state.query_log
            if own is not None:
                logs.append(own)
        is_slow = slow is not None and seconds * 1000 >= slow
        if not logs and not is_slow:
            return
        query = Query(statement, seconds, where_in_app())
        for log in logs:
            log.add(query)
        if is_slow:
            _log_slow(state, query, parameters)

    event.listen(engine, "before_cursor_execute", _note_start)
    event.listen(engine, "after_cursor_execute", after)
    event.listen(engine, "handle_error", _forget_start)


def _note_start(
    connection: Connection, cursor: Any, statement: str, parameters: Any, *rest: Any
) -> None:
    connection.info.setdefault(_STARTED, []).append(time.perf_counter())


def _take_start(connection: Connection) -> float | None:
    """Return when the statement was sent; ``None`` if nobody watched then, in another thread."""
    started: list[float] | None = connection.info.get(_STARTED)
    return started.pop() if started else None


def _forget_start(context: ExceptionContext) -> None:
    if context.connection is not None:
        _take_start(context.connection)


def _log_slow(state: DatabaseState, query: Query, parameters: Any) -> None:
    # The values belong to somebody; they are shown to developers only.
    values = f" {parameters!r}" if state.app.debug else ""
    identity = f" [{request.id}]" if has_request_context() else ""
    state.app.logger.warning(
        "Slow query%s: %.0f ms at %s: %s%s",
        identity,
        query.seconds * 1000,
        query.where,
        " ".join(query.statement.split()),
        values,
    )
