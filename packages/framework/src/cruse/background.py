"""Work that goes on after its response, owned by the application.

The tasks run on one event loop: the server's under ASGI and RSGI, the application's own under
WSGI. They are not kept anywhere: what must outlive the process belongs into a queue.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from cruse.colors import is_async
from cruse.globals import _cv

if TYPE_CHECKING:
    from collections.abc import Callable

    from cruse.app import Cruse

__all__ = ["BackgroundTasks"]


class BackgroundTasks:
    """The background tasks of one application in this process.

    Args:
        app: The application.
    """

    def __init__(self, app: Cruse) -> None:
        self.app = app
        self._running: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Let a function run; see :meth:`cruse.Cruse.add_background_task`."""
        if not callable(function):
            raise TypeError(
                "A background task is a function, with its arguments behind it: "
                "add_background_task(send, address). This is an object of type "
                f"{type(function).__name__!r}: was the function called?"
            )
        ctx = _cv.get(None)
        loop = asyncio._get_running_loop() or self.app.loop_here()
        in_request = ctx is not None and ctx.app is self.app and ctx.has_request
        origin = f" of request {ctx.request.id}" if ctx is not None and in_request else ""
        work = _Work(self.app, function, args, kwargs, origin)

        def start() -> None:
            loop.call_soon_threadsafe(self._start, loop, work)

        if ctx is None or not in_request or ctx.websocket is not None or ctx.answered:
            start()
        else:
            ctx.add_behind(start)

    def _start(self, loop: asyncio.AbstractEventLoop, work: _Work) -> None:
        if loop is not self._loop:  # a forked child, or another loop of a test: others are gone
            self._loop, self._running = loop, set()
        task = loop.create_task(work.run(), name=work.name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def drain(self) -> None:
        """Wait for the tasks that run, at most ``BACKGROUND_TASK_SHUTDOWN_TIMEOUT`` seconds.

        Those that are not done by then are cancelled, and the log says which. On their loop.
        """
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)  # those that were added a moment ago begin
        if self._loop is not loop:  # a forked child has none of its parent's
            return
        patience = self.app.config["BACKGROUND_TASK_SHUTDOWN_TIMEOUT"]
        end = loop.time() + patience
        while running := set(self._running):  # some add others
            left = end - loop.time()
            if left > 0:
                await asyncio.wait(running, timeout=left)
                continue
            for task in running:
                self.app.logger.warning(
                    "%s did not end within %s seconds and is cancelled.", task.get_name(), patience
                )
                task.cancel()
            await asyncio.wait(running)
            return


class _Work:
    """One task: a function in an application context of its own."""

    def __init__(
        self,
        app: Cruse,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        origin: str,
    ) -> None:
        self.app = app
        self.function, self.args, self.kwargs = function, args, kwargs
        name = getattr(function, "__qualname__", repr(function))
        self.name = f"The background task {name!r}{origin}"

    async def run(self) -> None:
        """Call the function, and log what it raises."""
        try:
            async with self.app.app_context():
                if is_async(self.function):
                    await self.function(*self.args, **self.kwargs)
                else:
                    await self.app.loop_bridge.cross(self.function, *self.args, **self.kwargs)
        except Exception:
            self.app.logger.exception("%s failed", self.name)
