"""Transactions that commit at their end or leave nothing behind."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, contextmanager
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from sqlalchemy import inspect
from sqlalchemy.exc import InvalidRequestError

from cruse_db.conflicts import tries
from cruse_db.sqlite import begin_writing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.orm import Session, SessionTransaction

    from cruse_db.sessions import DatabaseSession
    from cruse_db.sync import SyncDatabase

__all__ = ["Transaction", "transaction", "transaction_on_loop"]

F = TypeVar("F", bound="Callable[..., Any]")

# Keys in session.info: while a transaction is open, and the savepoints (``None`` for what is none)
# that `with` blocks have entered. Those are kept there, because one `db.transaction()` may be
# entered by many threads and tasks at once.
_OPEN = "cruse_db.transaction"
_ENTERED = "cruse_db.entered"
_ONCE = "A 'with' block can't run again. Use '@db.transaction(retry=...)' on a function."


@contextmanager
def transaction(
    session: DatabaseSession, isolation: str | None = None
) -> Iterator[DatabaseSession]:
    """Commit a session at the end of the block, or roll it back when the block raises.

    Inside of another one it is a savepoint.
    """
    savepoint = _begin(session, isolation)
    try:
        yield session
    except BaseException as error:
        _end(session, savepoint, error)
        raise
    _end(session, savepoint)


@asynccontextmanager
async def transaction_on_loop(
    session: AsyncSession, isolation: str | None = None
) -> AsyncIterator[AsyncSession]:
    """The same as :func:`transaction` for async code."""
    savepoint = await session.run_sync(_begin, isolation, reload=True)
    try:
        yield session
    except BaseException as error:
        await session.run_sync(_end, savepoint, error)
        raise
    await session.run_sync(_end, savepoint)


class _Savepoint(NamedTuple):
    """A transaction inside of another one."""

    inner: SessionTransaction
    #: How many functions waited for the commit when it began.
    waiting: int


def _begin(session: Any, isolation: str | None, reload: bool = False) -> _Savepoint | None:
    if _OPEN in session.info:
        if isolation is not None:
            raise RuntimeError(
                "A transaction inside of another one is a savepoint and has no isolation level of "
                "its own. Give it to the outer one."
            )
        return _Savepoint(session.begin_nested().__enter__(), len(session.callbacks))
    if session.state.sandbox is not None:
        isolation = None  # it is within another transaction, which has begun
    try:
        session.wrote = True
        if isolation is not None and session.in_transaction():
            session.commit()  # what was read so far had another snapshot
        options = {} if isolation is None else {"isolation_level": isolation}
        begin_writing(session.connection(execution_options=options))
        if len(session.identity_map):
            _forget_loaded(session, reload)
    except BaseException:
        session.rollback()
        raise
    session.info[_OPEN] = True
    return None


def _forget_loaded(session: Session, reload: bool) -> None:
    """Make objects that were read before the transaction show what is stored now.

    Somebody may have changed them since, and writing a value computed from the old one would undo
    that. Sync code reloads each when it is touched; async code can't, so it does it here.
    """
    session.flush()
    if not reload:
        session.expire_all()
        return
    for instance in list(session.identity_map.values()):
        state = inspect(instance)
        columns = {attribute.key for attribute in state.mapper.column_attrs}
        try:
            session.refresh(instance, columns - state.unloaded)
        except InvalidRequestError:
            session.expire(instance)  # deleted meanwhile: using it will say so


def _end(session: Any, savepoint: _Savepoint | None, error: BaseException | None = None) -> None:
    if savepoint is not None:
        if error is not None:
            del session.callbacks[savepoint.waiting :]
        savepoint.inner.__exit__(None if error is None else type(error), error, None)
        return
    session.info.pop(_OPEN, None)
    if error is not None:
        session.rollback()
        return
    try:
        session.commit()
    except BaseException:
        session.rollback()
        raise


class Transaction:
    """What ``db.transaction()`` returns: a context manager, sync and async, and a decorator.

    Args:
        database: The extension whose sessions it is about.
        isolation: The isolation level; the database's default unless given.
        retry: How often the decorated function is called again when the database could not
            let it run beside others.
    """

    def __init__(
        self, database: SyncDatabase, *, isolation: str | None = None, retry: int = 0
    ) -> None:
        self._database = database
        self._isolation = isolation
        self._retry = retry

    def __enter__(self) -> Session:
        if self._retry:
            raise TypeError(_ONCE)
        session = self._database.session
        savepoint = _begin(session, self._isolation)
        session.info.setdefault(_ENTERED, []).append(savepoint)
        return session

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        session = self._database.session
        _end(session, session.info[_ENTERED].pop(), error)

    async def __aenter__(self) -> AsyncSession:
        if self._retry:
            raise TypeError(_ONCE)
        session = self._database.aio.session
        savepoint = await session.run_sync(_begin, self._isolation, reload=True)
        session.info.setdefault(_ENTERED, []).append(savepoint)
        return session

    async def __aexit__(
        self, kind: object, error: BaseException | None, traceback: object
    ) -> None:
        session = self._database.aio.session
        await session.run_sync(_end, session.info[_ENTERED].pop(), error)

    def __call__(self, function: F) -> F:
        """Let every call of a function, plain or async, be a transaction.

        Raises:
            TypeError: For a generator function, whose body runs after the call.
        """
        if isgeneratorfunction(function) or isasyncgenfunction(function):
            raise TypeError(
                f"{function.__qualname__} is a generator: its body runs when the call, and the "
                "transaction with it, is over. Use 'with db.transaction():' inside of it."
            )
        database, isolation, retry = self._database, self._isolation, self._retry
        wrapper: Any
        if iscoroutinefunction(function):

            @wraps(function)
            async def wrapper(*args: Any, **kwargs: Any) -> Any:
                session = database.aio.session
                for attempt in tries(retry, nested=_OPEN in session.info):
                    with attempt:
                        async with transaction_on_loop(session, isolation):
                            return await function(*args, **kwargs)
                    await asyncio.sleep(attempt.pause)
                return None  # never reached: the last try returns or raises

        else:

            @wraps(function)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                session = database.session
                for attempt in tries(retry, nested=_OPEN in session.info):
                    with attempt, transaction(session, isolation):
                        return function(*args, **kwargs)
                    time.sleep(attempt.pause)
                return None  # never reached: the last try returns or raises

        decorated: F = wrapper
        return decorated
