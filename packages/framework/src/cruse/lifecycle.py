"""Start-up and shutdown of an application, once per process, whatever serves it.

ASGI and RSGI servers announce both. Under WSGI nobody does: start-up happens before the first
request and shutdown at the exit of the process.
"""

from __future__ import annotations

import atexit
import sys
import threading
import weakref
from contextlib import AsyncExitStack, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from cruse.bridge import call

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from concurrent.futures import Future

    from cruse.bridge import Bridge
    from cruse.loops import Live

__all__ = ["Lifecycle"]

#: What the running code is part of the start-up of.
_within: ContextVar[Lifecycle | None] = ContextVar("cruse.lifecycle.within", default=None)


class Lifecycle:
    """The start-up and shutdown functions of one application, and where it stands."""

    def __init__(self) -> None:
        self.startup: list[Callable[[], Any]] = []
        self.shutdown: list[Callable[[], Any]] = []
        self.managers: list[Callable[[], Any]] = []
        #: Whether start-up is done. The gateways look at it before every request.
        self.started = False
        #: Whether the server was told to stop. It may be at work on its last requests.
        self.stopping = False
        #: What has no end of its own and is going on, with the loop that it is told to end on.
        self.live: dict[Live, AbstractEventLoop] = {}
        self._lock = threading.Lock()
        self._starting: Future[bool] | None = None
        self._entered = AsyncExitStack()

    async def start(self, bridge: Bridge, prepare: Callable[[], None]) -> None:
        """Run what start-up consists of, once; whoever comes meanwhile waits for it.

        Args:
            bridge: How functions of the other colour are called.
            prepare: Called first; an error in it stops the start.

        Raises:
            RuntimeError: When a start-up function asks for it, which would wait for itself.
        """
        if _within.get() is self:
            raise RuntimeError(
                "A start-up function sent a request to its own application, which answers none "
                "before it has started. Call what the request is for, or send it afterwards."
            )
        from concurrent.futures import Future

        while True:
            with self._lock:
                waiting = self._starting
                if waiting is None:
                    mine: Future[bool] = Future()
                    self._starting = mine
                    break
            if await _shielded(waiting) if bridge.on_loop else waiting.result():
                return
        token = _within.set(self)
        self.stopping = False
        try:
            prepare()
            await self._run_startup(bridge)
        except BaseException as error:
            self._starting = None  # the next request tries again
            if isinstance(error, Exception):
                mine.set_exception(error)
                mine.exception()  # nobody may have waited: don't warn of it
            else:
                mine.set_result(False)  # it was stopped, it did not fail: who waited tries again
            raise
        finally:
            _within.reset(token)
        self.started = True
        from cruse.stopping import signals

        signals.join(self)
        mine.set_result(True)

    async def _run_startup(self, bridge: Bridge) -> None:
        running: Callable[[], Any] | None = None
        try:
            for running in self.managers:
                manager = running()
                if not hasattr(manager, "__aenter__"):
                    if not hasattr(manager, "__enter__"):
                        raise TypeError(
                            f"It returned an object of type {type(manager).__name__!r}, not a "
                            "context manager."
                        )
                    await call(bridge, manager.__enter__)
                    self._entered.push_async_callback(call, bridge, manager.__exit__, *_NO_ERROR)
                else:
                    await call(bridge, manager.__aenter__)
                    self._entered.push_async_callback(call, bridge, manager.__aexit__, *_NO_ERROR)
            for running in self.startup:
                await call(bridge, running)
        except BaseException as error:
            error.add_note(f"Raised at the start of the application by {_name_of(running)}.")
            await self._entered.aclose()
            raise

    def end_live(self) -> None:
        """Tell what has no end of its own to end; from any thread, and from a signal's handler."""
        self.stopping = True
        for one, loop in list(self.live.items()):
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(one.go_away)

    async def stop(self, bridge: Bridge) -> None:
        """Run the shutdown functions, last registered first, and leave the lifespan managers.

        All of them run; their errors are raised together.
        """
        with self._lock:
            if not self.started:
                return
            self.started = False
            self._starting = None
        self.end_live()
        from cruse.stopping import signals

        signals.leave(self)
        errors: list[Exception] = []
        for function in reversed(self.shutdown):
            try:
                await call(bridge, function)
            except Exception as error:
                errors.append(error)
        try:
            await self._entered.aclose()
        except Exception as error:
            errors.append(error)
        if errors:
            raise ExceptionGroup("Errors during shutdown", errors)

    def stop_at_exit(self, stop: Callable[[], None]) -> None:
        """Call ``stop()`` when the process ends, unless its owner is gone by then."""
        reference = weakref.WeakMethod(stop)

        def at_exit() -> None:
            method = reference()
            if method is not None:
                method()

        atexit.register(at_exit)
        processes = sys.modules.get("multiprocessing.util")
        if processes is not None:  # before Python 3.13, its children run these and no others
            processes.Finalize(None, at_exit, exitpriority=0)


def _name_of(function: Any) -> str:
    function = getattr(function, "func", function)  # of functools.partial
    name = getattr(function, "__qualname__", repr(function))
    return f"{name!r} of {getattr(function, '__module__', None) or 'an unknown module'!r}"


_NO_ERROR = (None, None, None)


async def _shielded(starting: Future[bool]) -> bool:
    """Wait for a start; who stops waiting must not cancel it for the others."""
    import asyncio

    return await asyncio.shield(asyncio.wrap_future(starting))
