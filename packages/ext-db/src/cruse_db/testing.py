"""For tests: everything within a transaction that is never committed.

What is committed inside becomes a savepoint that is released; the transaction around it is rolled
back in the end. Sessions of sync and async code, of the test and of the requests that its client
sends, in threads or not, share one connection, so each sees what the others have committed.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cruse_db.sessions import DatabaseSession
from cruse_db.sqlite import begin_writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import Connection, Engine

    from cruse_db.engines import Engines
    from cruse_db.state import DatabaseState

__all__ = ["capture_on_commit", "sandbox"]


class SandboxSession(DatabaseSession):
    """A session whose transactions are savepoints."""

    def __init__(self, state: DatabaseState, **options: Any) -> None:
        self._changed = False
        super().__init__(state, join_transaction_mode="create_savepoint", **options)

    def get_bind(
        self, mapper: Any = None, *, clause: Any = None, bind: Any = None, **kwargs: Any
    ) -> Engine | Connection:
        """Return the connection that all share."""
        if not getattr(clause, "is_select", False):
            self._changed = True
        return super().get_bind(mapper, clause=clause, bind=bind, **kwargs)

    def commit(self) -> None:
        """Release the savepoint."""
        super().commit()
        self._changed = False

    def rollback(self) -> None:
        """Go back to the savepoint."""
        super().rollback()
        self._changed = False

    def close(self) -> None:
        """Close; a session that only read releases its savepoint.

        Going back to it would undo what others have committed since.
        """
        if not self._changed and self.in_transaction():
            self.callbacks.clear()
            self.expunge_all()
            self.commit()
        super().close()


@contextmanager
def sandbox(state: DatabaseState) -> Iterator[None]:
    """Undo in the end whatever the sessions of an application do within the block."""
    connections: dict[Engines, Connection] = {}

    def connection_of(engines: Engines) -> Connection:
        connection = connections.get(engines)
        if connection is None:
            connection = connections[engines] = engines.sync.connect()
            if connection.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="READ COMMITTED")
            connection.begin()
            begin_writing(connection)
        return connection

    before = state.sandbox, state.session_class
    state.sandbox, state.session_class = connection_of, SandboxSession
    try:
        yield
    finally:
        state.sandbox, state.session_class = before
        for connection in connections.values():
            connection.rollback()
            connection.close()


@contextmanager
def capture_on_commit(state: DatabaseState) -> Iterator[list[Callable[[], Any]]]:
    """Collect the functions that wait for a commit, rather than calling them."""
    before, state.collect = state.collect, []
    try:
        yield state.collect
    finally:
        state.collect = before
