"""Transactions that commit at their end or leave nothing behind."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import inspect
from sqlalchemy.exc import InvalidRequestError

from cruse_db.sqlite import begin_writing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.orm import Session, SessionTransaction

    from cruse_db.extension import Database

__all__ = ["Transaction", "transaction", "transaction_on_loop"]

F = TypeVar("F", bound="Callable[..., Any]")

_OPEN = "cruse_db.transaction"  # the key in session.info while a transaction is open


@contextmanager
def transaction(session: Session) -> Iterator[Session]:
    """Commit a session at the end of the block, or roll it back when the block raises.

    Inside of another one it is a savepoint.
    """
    savepoint = _begin(session)
    try:
        yield session
    except BaseException as error:
        _end(session, savepoint, error)
        raise
    _end(session, savepoint)


@asynccontextmanager
async def transaction_on_loop(session: AsyncSession) -> AsyncIterator[AsyncSession]:
    """The same as :func:`transaction` for async code."""
    savepoint = await session.run_sync(_begin, reload=True)
    try:
        yield session
    except BaseException as error:
        await session.run_sync(_end, savepoint, error)
        raise
    await session.run_sync(_end, savepoint)


def _begin(session: Session, reload: bool = False) -> SessionTransaction | None:
    if _OPEN in session.info:
        return session.begin_nested().__enter__()
    try:
        begin_writing(session.connection())
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
    if not session.identity_map:
        return
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


def _end(
    session: Session,
    savepoint: SessionTransaction | None,
    error: BaseException | None = None,
) -> None:
    if savepoint is not None:
        kind = None if error is None else type(error)
        savepoint.__exit__(kind, error, None)
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
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._entered: list[AbstractContextManager[Session]] = []
        self._entered_on_loop: list[AbstractAsyncContextManager[AsyncSession]] = []

    def __enter__(self) -> Session:
        manager = transaction(self._database.session)
        session = manager.__enter__()
        self._entered.append(manager)
        return session

    def __exit__(self, *exc: Any) -> None:
        self._entered.pop().__exit__(*exc)

    async def __aenter__(self) -> AsyncSession:
        manager = transaction_on_loop(self._database.aio.session)
        session = await manager.__aenter__()
        self._entered_on_loop.append(manager)
        return session

    async def __aexit__(self, *exc: Any) -> None:
        await self._entered_on_loop.pop().__aexit__(*exc)

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
        database = self._database
        wrapper: Any
        if iscoroutinefunction(function):

            @wraps(function)
            async def wrapper(*args: Any, **kwargs: Any) -> Any:
                async with transaction_on_loop(database.aio.session):
                    return await function(*args, **kwargs)

        else:

            @wraps(function)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                with transaction(database.session):
                    return function(*args, **kwargs)

        decorated: F = wrapper
        return decorated
