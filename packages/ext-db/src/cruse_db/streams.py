"""Exports: rows that are sent while they are read, however many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, AnyStr

from cruse_db.sessions import current_scope, make_loop_session, make_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from sqlalchemy import Executable

    from cruse_db.sessions import Scope
    from cruse_db.state import DatabaseState

__all__ = ["stream", "stream_on_loop"]


def stream(
    state: DatabaseState, statement: Executable, row: Callable[[Any], AnyStr], chunk: int
) -> Iterator[AnyStr]:
    """Return an iterator of the texts of rows, some hundred at a time.

    Args:
        state: The extension's state in the application.
        statement: The ``select``.
        row: Makes text or bytes of an object, or of a row if several columns are selected.
        chunk: How many rows are read at a time.
    """
    # What the caller's context says has to be asked before the caller is gone.
    return _stream(state, current_scope.get(), statement, row, chunk)


def _stream(
    state: DatabaseState,
    scope: Scope,
    statement: Executable,
    row: Callable[[Any], AnyStr],
    chunk: int,
) -> Iterator[AnyStr]:
    with make_session(state, scope=scope) as session:
        result = session.execute(statement, execution_options={"yield_per": chunk})
        rows: Any = result.scalars() if len(result.keys()) == 1 else result
        for part in rows.partitions():
            texts = [row(each) for each in part]
            yield texts[0][:0].join(texts)


def stream_on_loop(
    state: DatabaseState, statement: Executable, row: Callable[[Any], AnyStr], chunk: int
) -> AsyncIterator[AnyStr]:
    """Do the same as :func:`stream` for async code."""
    return _stream_on_loop(state, current_scope.get(), statement, row, chunk)


async def _stream_on_loop(
    state: DatabaseState,
    scope: Scope,
    statement: Executable,
    row: Callable[[Any], AnyStr],
    chunk: int,
) -> AsyncIterator[AnyStr]:
    async with make_loop_session(state, scope=scope) as session:
        result = await session.stream(statement, execution_options={"yield_per": chunk})
        rows: Any = result.scalars() if len(result.keys()) == 1 else result
        async for part in rows.partitions():
            texts = [row(each) for each in part]
            yield texts[0][:0].join(texts)
