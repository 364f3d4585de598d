"""The sessions of a context: opened when they are first touched, closed at its teardown.

There is one for sync and one for async code, each made only if it is used. They are kept on the
context itself, so a context inside of another one has its own, and nobody gets another's.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from cruse import app_ctx

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from cruse_db.extension import DatabaseState

__all__ = ["ContextSessions", "make_loop_session", "make_session"]

# With SQLAlchemy's default, an attribute that is read after a commit costs a query, and in async
# code raises MissingGreenlet.
_OPTIONS: dict[str, Any] = {"expire_on_commit": False}


def make_session(state: DatabaseState) -> Session:
    """Return a new session."""
    return Session(state.engines.sync, **_OPTIONS)


def make_loop_session(state: DatabaseState) -> AsyncSession:
    """Return a new session for the running event loop."""
    # Imported here: a sync application runs without greenlet.
    from sqlalchemy.ext.asyncio import AsyncSession

    return AsyncSession(state.engines.on_loop, **_OPTIONS)


class ContextSessions:
    """The sessions of the current context.

    Args:
        state: The extension's state in the context's application.
    """

    __slots__ = ("_on_loop", "_state", "_sync")

    def __init__(self, state: DatabaseState) -> None:
        self._state = state
        self._sync: Session | None = None
        self._on_loop: AsyncSession | None = None

    @property
    def sync(self) -> Session:
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
        session = self._sync
        if session is None:
            session = self._sync = make_session(self._state)
            app_ctx.call_on_teardown(self._close)
        return session

    @property
    def on_loop(self) -> AsyncSession:
        """The session for async code."""
        session = self._on_loop
        if session is None:
            session = self._on_loop = make_loop_session(self._state)
            app_ctx.call_on_teardown(self._close_on_loop)
        return session

    def _close(self, error: BaseException | None) -> None:
        """Give the connection back; what was not committed is rolled back."""
        session, self._sync = self._sync, None
        if session is not None:
            session.close()

    async def _close_on_loop(self, error: BaseException | None) -> None:
        session, self._on_loop = self._on_loop, None
        if session is not None:
            # A cancelled request must not leave a connection behind half closed.
            await asyncio.shield(asyncio.ensure_future(session.close()))
