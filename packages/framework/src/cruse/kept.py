"""Reads that outlive who waits for them."""

from __future__ import annotations

from asyncio import Lock, Task, create_task, wait
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["Kept"]


class Kept:
    """Reads piece by piece; who is cancelled while waiting leaves the piece to the next one.

    For what loses a piece that arrives at that moment: a thread, and servers that take the
    cancelled wait itself for an order. It costs a task for each piece.
    """

    def __init__(self) -> None:
        self._turn = Lock()
        self._task: Task[bytes] | None = None

    async def read(self, begin: Callable[[], Coroutine[Any, Any, bytes]]) -> bytes:
        """Return the piece that is on its way, or begin to read one."""
        async with self._turn:
            if self._task is None:
                self._task = create_task(begin())
            await wait((self._task,))  # `shield` tells of errors that nobody is there for
            task, self._task = self._task, None
            return task.result()

    @property
    def waiting(self) -> bool:
        """Whether a piece is on its way, or there, that nobody has taken."""
        return self._task is not None

    def __del__(self) -> None:
        """End a read that nobody wants any more."""
        task = self._task
        if task is None:
            return
        if not task.done():
            loop = task.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(task.cancel)
        elif not task.cancelled():
            task.exception()  # seen: else asyncio tells of it
