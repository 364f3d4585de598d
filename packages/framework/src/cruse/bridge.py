"""How the one pipeline calls user code of the other colour.

What the pipeline has to wait for is a coroutine. Off the event loop (a WSGI worker, or a hop's
thread) it must never suspend: sync functions are called, async ones are handed to a loop in
another thread and waited for. On the loop it is the other way round: async functions are awaited,
sync ones hop to a thread.
"""

from __future__ import annotations

import sys
from contextvars import copy_context
from functools import partial, wraps
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from cruse.colors import is_async, is_inline

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

    from cruse.app import Cruse
    from cruse.workers import WorkerPool

__all__ = [
    "Bridge",
    "OffLoop",
    "OnLoop",
    "call",
    "drive",
    "drive_to_end",
    "driven",
    "running_loop",
    "suspended",
    "waiting",
]

T = TypeVar("T")


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, to its result."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    coroutine.close()
    raise suspended()


def driven(value: Any) -> Any:
    """Return a value; of a coroutine that never suspends, its result."""
    return drive(value) if type(value) is CoroutineType else value


def drive_to_end(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never suspends and returns nothing.

    Iterated over it ends without an exception, which costs as much as the coroutine itself.
    """
    for _ in coroutine.__await__():
        coroutine.close()
        raise suspended()


def suspended() -> RuntimeError:
    """Return what is wrong with a pipeline that waits for something off the event loop."""
    return RuntimeError(
        "The pipeline suspended where no event loop runs. A custom awaitable was awaited outside "
        "of an async view or hook."
    )


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, without importing what it needs."""
    loaded = sys.modules.get("asyncio")
    return None if loaded is None else loaded._get_running_loop()


class Bridge(Protocol):
    """What the pipeline asks of the side it runs on."""

    #: Whether the pipeline runs on an event loop.
    on_loop: bool

    async def cross(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function of the other colour and return its result."""

    async def settle(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Return the result of a coroutine that a sync function handed back."""


class OffLoop:
    """The pipeline runs in a worker thread; async code runs on ``get_loop()``."""

    on_loop = False

    def __init__(self, get_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self.get_loop = get_loop

    async def cross(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run an async function on the loop and wait for it in this thread."""
        from cruse.loops import run_on  # here, as asyncio is: not every application needs a loop

        return run_on(self.get_loop(), function(*args, **kwargs))

    async def settle(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for it in this thread."""
        from cruse.loops import run_on

        return run_on(self.get_loop(), coroutine)


class OnLoop:
    """The pipeline runs on the event loop; sync code runs in a thread of the pool."""

    on_loop = True

    def __init__(self, get_pool: Callable[[], WorkerPool]) -> None:
        self.get_pool = get_pool

    async def cross(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a sync function in a thread; context variables it sets come back.

        It runs in a copy of the context: the task's own would be entered twice while the task
        is still being stepped.
        """
        from cruse.loops import carry_back

        context = copy_context()
        try:
            return await self.get_pool().run(context.run, partial(function, *args, **kwargs))
        finally:
            carry_back(context)

    async def settle(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await the coroutine."""
        return await coroutine


async def call(bridge: Bridge, function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of either colour where it belongs."""
    if is_inline(function) or is_async(function) is bridge.on_loop:
        result = function(*args)
    else:
        result = await bridge.cross(function, *args)
    return await bridge.settle(result) if type(result) is CoroutineType else result


def waiting(app: Cruse, function: Callable[..., Coroutine[Any, Any, T]]) -> Callable[..., T]:
    """Return a plain function that waits for what an async one returns."""

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> T:
        from cruse.loops import run_beside, run_on

        coroutine = function(*args, **kwargs)
        if running_loop() is not None:
            return run_beside(coroutine)  # the loop here waits: it can't run anything
        return run_on(app.loop_here(), coroutine)

    return wrapper
