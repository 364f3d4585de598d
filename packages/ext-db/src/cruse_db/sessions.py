"""The sessions of a context: opened when they are first touched, closed at its teardown.

There is one for sync and one for async code, each made only if it is used. They are kept on the
context itself, so a context inside of another one has its own, and nobody gets another's.
"""

from __future__ import annotations

import asyncio
import inspect
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy.orm import Session
from sqlalchemy.util import await_only

from cruse.globals import current_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.ext.asyncio import AsyncSession

    from cruse_db.engines import Engines
    from cruse_db.state import DatabaseState

__all__ = [
    "ContextSessions",
    "DatabaseSession",
    "Scope",
    "current_scope",
    "make_loop_session",
    "make_session",
]


class Scope(NamedTuple):
    """What sessions that are opened now are about."""

    #: The tenant whose rows they see.
    tenant: str | None = None
    #: Whether they read from a replica until they write.
    replica: bool = False


#: Set by ``db.tenant()`` and ``db.replica()``.
current_scope: ContextVar[Scope] = ContextVar("cruse_db_scope", default=Scope())  # noqa: B039


class DatabaseSession(Session):
    """A session that finds the right engine, and runs what waits for its commit.

    Args:
        state: The extension's state in the session's application.
        on_loop: Whether it belongs to an ``AsyncSession``.
        scope: What it is about; the current scope unless given.
        options: Those of SQLAlchemy's ``Session``.
    """

    def __init__(
        self,
        state: DatabaseState,
        *,
        on_loop: bool = False,
        scope: Scope | None = None,
        **options: Any,
    ) -> None:
        # With SQLAlchemy's default, an attribute that is read after a commit costs a query, and in
        # async code raises MissingGreenlet.
        options.setdefault("expire_on_commit", False)
        self.state = state
        self.on_loop = on_loop
        self.scope = current_scope.get() if scope is None else scope
        self.callbacks: list[Callable[[], Any]] = []
        #: Whether something was written, or may have been; from then on it reads from the primary.
        self.wrote = False
        #: The replica that it reads from, once it has read.
        self.replica: Engines | None = None
        if self.scope.tenant is not None:
            options["execution_options"] = state.tenant_options(self.scope.tenant)
        super().__init__(**options)

    def get_bind(
        self,
        mapper: Any = None,
        *,
        clause: Any = None,
        bind: Engine | Connection | None = None,
        **kwargs: Any,
    ) -> Engine | Connection:
        """Return the engine for a statement."""
        if bind is not None:
            return bind
        return self.state.route(self, mapper, clause)

    def on_commit(self, function: Callable[[], Any]) -> None:
        """Call a function after the next commit, and never if what precedes is rolled back.

        Args:
            function: Takes nothing; may be async in async code. What it raises is logged: the
                commit has happened, and the response should say so.
        """
        if inspect.iscoroutinefunction(function) and not self.on_loop:
            raise TypeError("In sync code, on_commit takes plain functions only.")
        self.callbacks.append(function)

    def commit(self) -> None:
        """Commit, and then call what waited for it."""
        super().commit()
        if self.wrote:
            self.state.after_write()
        if self.callbacks:
            callbacks, self.callbacks = self.callbacks, []
            self.state.run_callbacks(callbacks, self._call)

    def rollback(self) -> None:
        """Roll back; what waited for a commit will not be called."""
        self.callbacks.clear()
        super().rollback()

    def close(self) -> None:
        """Close; what was not committed is rolled back."""
        self.callbacks.clear()
        transaction = self.get_transaction()
        if len(self.identity_map) or (
            transaction is not None and (self.new or self.in_nested_transaction())
        ):
            super().close()
        elif transaction is not None:
            # Nobody has an object of it any more, as mostly at the end of a request. So nothing
            # is detached, for which SQLAlchemy asks for the listeners of four events.
            transaction.close()

    def _call(self, function: Callable[[], Any]) -> None:
        result = function()
        if self.on_loop and inspect.isawaitable(result):
            await_only(result)


def make_session(state: DatabaseState, **options: Any) -> DatabaseSession:
    """Return a new session.

    Args:
        state: The extension's state in the application.
        options: Those of :class:`DatabaseSession`.
    """
    return state.session_class(state, **options)


def make_loop_session(state: DatabaseState, **options: Any) -> AsyncSession:
    """Return a new session for the running event loop.

    Raises:
        RuntimeError: When no loop runs in this thread.
    """
    _ = state.engines.on_loop  # says so now rather than at the first query
    # Imported here: a sync application runs without greenlet.
    from cruse_db.turns import LoopSession

    def make(bind: None, binds: None, **rest: Any) -> DatabaseSession:
        return state.session_class(state, on_loop=True, **rest)

    return LoopSession(sync_session_class=make, **options)


class ContextSessions:
    """The sessions of the current context.

    Args:
        state: The extension's state in the context's application.
    """

    __slots__ = ("_on_loop", "_state", "_sync")

    def __init__(self, state: DatabaseState) -> None:
        self._state = state
        self._sync: dict[Scope, DatabaseSession] = {}
        self._on_loop: dict[Scope, AsyncSession] = {}

    @property
    def sync(self) -> DatabaseSession:
        """The session for sync code.

        Raises:
            RuntimeError: On an event loop, unless the settings allow it.
        """
        if asyncio._get_running_loop() is not None and not self._state.settings.sync_on_loop:
            raise RuntimeError(
                "'db.session' was used on the event loop, where its queries would block every "
                "other request. In async code use 'db.aio' with the same names, as in 'await "
                "db.aio.session.scalars(...)', or make the view a plain 'def' (not inline). "
                "DB_SYNC_ON_LOOP = True allows it nevertheless."
            )
        scope = current_scope.get()
        session = self._sync.get(scope)
        if session is None:
            if not self._sync:
                current_context().call_on_teardown(self._close)
            state = self._state
            session = self._sync[scope] = state.session_class(state, scope=scope)
        return session

    @property
    def on_loop(self) -> AsyncSession:
        """The session for async code."""
        scope = current_scope.get()
        session = self._on_loop.get(scope)
        if session is None:
            if not self._on_loop:
                current_context().call_on_teardown(self._close_on_loop)
            session = self._on_loop[scope] = make_loop_session(self._state, scope=scope)
        return session

    def _close(self, error: BaseException | None) -> None:
        """Give the connections back; what was not committed is rolled back."""
        while self._sync:
            _, session = self._sync.popitem()
            try:
                session.close()
            except BaseException:
                self._close(error)  # the others, too
                raise

    async def _close_on_loop(self, error: BaseException | None) -> None:
        while self._on_loop:
            _, session = self._on_loop.popitem()
            try:
                if session.in_transaction():
                    # A cancelled request must not leave a connection behind half closed.
                    await asyncio.shield(asyncio.ensure_future(session.close()))
                else:
                    session.sync_session.close()  # it holds no connection: nothing to wait for
            except BaseException:
                await self._close_on_loop(error)
                raise
