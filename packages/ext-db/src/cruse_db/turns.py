"""The session of async code, which tasks of one request may share.

``asyncio.gather`` of two queries is easily written, and SQLAlchemy's sessions are for one task at
a time: the second would begin amid the first one's connecting, and fail or not by luck. Here the
tasks take turns. It is no faster than one after the other; who wants that takes a session for
each, ``db.aio.begin()``.
"""

from __future__ import annotations

import asyncio
from functools import wraps
from typing import TYPE_CHECKING, Any

from sqlalchemy.ext.asyncio import AsyncSession

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LoopSession"]

# What uses the connection, and calls neither one of the others nor functions of the application,
# which may use the session themselves: a commit calls what waited for it.
_LEAVES = (
    "connection",
    "execute",
    "flush",
    "get",
    "get_one",
    "merge",
    "refresh",
    "scalar",
    "stream",
)


class LoopSession(AsyncSession):
    """A session for an event loop."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.turn = asyncio.Lock()


def _in_turn(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    async def wait_for_turn(self: LoopSession, *args: Any, **kwargs: Any) -> Any:
        async with self.turn:
            return await method(self, *args, **kwargs)

    return wait_for_turn


for _name in _LEAVES:
    setattr(LoopSession, _name, _in_turn(getattr(AsyncSession, _name)))
