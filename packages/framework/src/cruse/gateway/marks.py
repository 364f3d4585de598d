"""How servers tell that an application object is an ASGI application: by its call being async.

From Python 3.12 on ``inspect.markcoroutinefunction`` says so. Before, asyncio's mark satisfies
uvicorn, daphne and asgiref; hypercorn asks ``inspect``, which looks at the code flags of anything
that is like a function.
"""

from __future__ import annotations

import inspect
import sys
import weakref
from typing import Any

__all__ = ["AsyncLookingCall", "mark_as_async"]


def mark_as_async(function: Any) -> None:
    """Have servers that look for a coroutine function find one in a plain function."""
    if sys.version_info >= (3, 12):
        inspect.markcoroutinefunction(function)
    else:  # what asyncio.iscoroutinefunction looks for
        from asyncio import coroutines

        function._is_coroutine = coroutines._is_coroutine  # type: ignore[attr-defined]


async def _async_code() -> None:
    """Lend its code object, whose flags say that it is a coroutine function's."""


class AsyncLookingCall:
    """Stands in for ``app.__call__`` where it is looked at; calls of ``app(...)`` don't use it."""

    __name__ = "__call__"
    __code__ = _async_code.__code__
    __defaults__ = None
    __kwdefaults__ = None
    __annotations__: dict[str, Any] = {}

    def __init__(self, app: Any) -> None:
        self._app = weakref.ref(app)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the application."""
        return self._app()(*args, **kwargs)  # type: ignore[misc]
