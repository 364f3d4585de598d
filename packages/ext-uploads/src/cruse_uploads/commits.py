"""Doing something now, or once a transaction is committed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cruse_uploads.sides import in_thread

__all__ = ["OnCommit", "now_or_then", "now_or_then_async"]

#: What takes a function and calls it once a transaction is committed, such as ``db.on_commit``.
OnCommit = Callable[[Callable[[], Any]], Any]


def now_or_then(function: Callable[[], None], on_commit: OnCommit | None) -> None:
    """Call a function; once a transaction is committed if there is one."""
    if on_commit is None:
        function()
    else:
        on_commit(function)


async def now_or_then_async(function: Callable[[], None], on_commit: OnCommit | None) -> None:
    """Do the same without blocking the event loop."""

    async def in_a_thread() -> None:
        await in_thread(function)

    if on_commit is None:
        await in_a_thread()
    else:
        on_commit(in_a_thread)
