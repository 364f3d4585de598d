"""The application's one long-lived event loop, for async code that runs under WSGI.

A new loop per call, as Flask does it, breaks every connection pool that is bound to a loop and
costs a thread each time. Here one daemon thread runs one loop for the life of the process; it
starts at the first use, and anew in a forked child, which inherits no threads.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from concurrent.futures import CancelledError, Future
from contextvars import Context, ContextVar, copy_context
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator

__all__ = ["Live", "LoopThread", "carry_back", "iterate_on", "run_beside", "run_on"]

T = TypeVar("T")
_Live: TypeAlias = "dict[Live, asyncio.AbstractEventLoop]"
_MISSING = object()
#: What tells the context variables that an iterator is iterated in from those of others.
_iterated: ContextVar[object] = ContextVar("cruse.iterated")


def carry_back(changed: Context) -> None:
    """Set every context variable here that has another value in ``changed``."""
    for variable, value in changed.items():
        if variable.get(_MISSING) is not value:
            variable.set(value)


def run_on(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop of another thread and wait for it.

    The coroutine sees the caller's context variables, and what it sets is set here afterwards.

    Raises:
        RuntimeError: When called on the thread of ``loop`` itself, which would wait for ever.
    """
    if asyncio._get_running_loop() is loop:
        coroutine.close()
        raise _would_block()
    context: Any = copy_context()
    outcome: Any = Future()

    async def work() -> None:
        try:
            result = await coroutine
        except (KeyboardInterrupt, SystemExit) as error:
            # Left to the task, they would end the loop for everybody, and the caller would wait
            # for ever: they belong to the thread that waits here.
            outcome.set_exception(error)
        else:
            outcome.set_result(result)

    def start() -> None:
        task = loop.create_task(work(), context=context)
        task.add_done_callback(finish)

    def finish(task: asyncio.Task[None]) -> None:
        if task.cancelled():
            outcome.cancel()
        elif (error := task.exception()) is not None:
            outcome.set_exception(error)

    loop.call_soon_threadsafe(start)
    try:
        return outcome.result()  # type: ignore[no-any-return]
    finally:
        carry_back(context)
        # An error came by this frame, and leads to what is in it: only the collector finds that.
        context = outcome = None


def _would_block() -> RuntimeError:
    return RuntimeError(
        "Waiting here for a coroutine would block the event loop that has to run it. "
        "You are in async code already: use 'await'."
    )


class Live(Protocol):
    """What has no end of its own: an event stream, a websocket."""

    def go_away(self) -> None:
        """End it, for the server is told to stop; called on its loop."""


class _Handover:
    """Passes what an async iterator yields to a thread that asks for it, piece by piece.

    All of the iteration is one task's: what the iterator does with context variables, timeouts
    and cancellation belongs to one, and to make one for each piece would cost several times more.
    """

    def __init__(
        self, source: AsyncIterator[Any], loop: asyncio.AbstractEventLoop, live: _Live | None
    ) -> None:
        self.source, self.loop, self.live = source, loop, live
        #: What was yielded; at the end ``None``, and why it has ended if that is an error.
        self.handed: SimpleQueue[tuple[Any] | None] = SimpleQueue()
        self.error: BaseException | None = None
        self.ended = self._stopped = self._ending = False
        self._asked: asyncio.Future[bool] | None = None

    def start(self, context: Context) -> None:
        self._task = self.loop.create_task(self._work(), context=context)
        self._task.add_done_callback(self._finish)
        if self.live is not None:
            self.live[self] = self.loop

    def ask(self, more: bool = True) -> None:
        """Let the iterator go on from where it yielded, or end; that once, it may take a while."""
        if self._ending:
            return
        self._ending = not more
        if self._asked is not None and not self._asked.done():
            self._asked.set_result(more)
        elif not more:  # it is amid a piece that nobody waits for any more
            self._task.cancel()

    def go_away(self) -> None:
        """Let the iterator end where it is; for who waits it is an end like any other."""
        self._stopped = True
        self.ask(False)

    async def _work(self) -> None:
        try:
            await self._hand_on()
        except (KeyboardInterrupt, SystemExit) as error:  # as in `run_on`
            self.error = error

    async def _hand_on(self) -> None:
        more = True
        try:
            while more:
                piece = await self.source.__anext__()
                self._asked = self.loop.create_future()
                self.handed.put((piece,))
                more = await self._asked
        except StopAsyncIteration:
            pass
        finally:
            close = getattr(self.source, "aclose", None)
            if close is not None:
                await close()

    def _finish(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            self.error = None if self._stopped else CancelledError()
        else:
            self.error = task.exception() or self.error
        self.ended = True
        if self.live is not None:
            self.live.pop(self, None)
        self.handed.put(None)


def iterate_on(
    loop: asyncio.AbstractEventLoop,
    source: AsyncIterator[T],
    live: _Live | None = None,
) -> Iterator[T]:
    """Iterate an async iterator on a loop of another thread, closing it at the end.

    Context variables go both ways, as with :func:`run_on`: those that it sets are set here when it
    has ended.

    Args:
        loop: The loop.
        source: The iterator.
        live: Where is kept meanwhile what lets it end early, to be called on the loop.

    Raises:
        RuntimeError: When called on the thread of ``loop`` itself, which would wait for ever.
    """
    if asyncio._get_running_loop() is loop:
        raise _would_block()
    mark = object()
    _iterated.set(mark)
    context = copy_context()
    handover = _Handover(source, loop, live)
    loop.call_soon_threadsafe(handover.start, context)
    try:
        while (piece := handover.handed.get()) is not None:
            yield piece[0]
            loop.call_soon_threadsafe(handover.ask)
    except BaseException:  # closed, interrupted, or collected
        if handover.ended:
            raise
        loop.call_soon_threadsafe(handover.ask, False)
        if asyncio._get_running_loop() is loop:
            raise  # collected amid other work of the loop, which can't wait for itself
        while handover.handed.get() is not None:
            pass
        if handover.error is not None and not isinstance(handover.error, CancelledError):
            raise handover.error from None
        raise
    finally:
        if _iterated.get(None) is mark:  # not where it is collected, which may be anywhere
            carry_back(context)
    if handover.error is not None:
        raise handover.error


def run_beside(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop made for it, in a thread made for it, and wait for it.

    For plain code on an event loop that needs a coroutine's result, and can't await it. Context
    variables go both ways, as with :func:`run_on`.
    """
    context = copy_context()
    outcome: Future[T] = Future()

    def work() -> None:
        try:
            with asyncio.Runner() as runner:
                outcome.set_result(runner.run(coroutine, context=context))
        except BaseException as error:
            outcome.set_exception(error)

    thread = threading.Thread(target=work, name="beside", daemon=True)
    thread.start()
    thread.join()
    carry_back(context)
    return outcome.result()


class LoopThread:
    """An event loop in a thread of its own, started when it is first needed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._watches_forks = False

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop of this process."""
        loop = self._loop
        if loop is not None and self._pid == os.getpid():
            return loop
        with self._lock:
            loop = self._loop
            if loop is None or self._pid != os.getpid():
                loop = self._start()
            return loop

    def _start(self) -> asyncio.AbstractEventLoop:
        if not self._watches_forks and hasattr(os, "register_at_fork"):  # not on Windows
            self._watches_forks = True
            os.register_at_fork(after_in_child=partial(_renew_lock, weakref.ref(self)))
        # With no context variables: a loop keeps those it is made with, and with them the request
        # that first needed it.
        loop = Context().run(asyncio.new_event_loop)
        running = threading.Event()

        def run() -> None:
            asyncio.set_event_loop(loop)
            loop.call_soon(running.set)
            try:
                loop.run_forever()
                # Whoever asked for something at the last moment must not wait for it for ever.
                loop.run_until_complete(_cancel_all())
            finally:
                loop.close()

        thread = threading.Thread(target=run, name=self.name, daemon=True)
        thread.start()
        running.wait()
        self._loop, self._thread, self._pid = loop, thread, os.getpid()
        return loop

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for its result."""
        return run_on(self.loop, coroutine)

    def stop(self) -> None:
        """Cancel what still runs, close async generators, and end the thread."""
        with self._lock:
            loop, thread = self._loop, self._thread
            if loop is None or thread is None or self._pid != os.getpid():
                return
            self._loop = self._thread = None
            asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def release(self) -> None:
        """End the thread without waiting for it; for when the application is collected."""
        loop = self._loop
        if loop is not None and self._pid == os.getpid():
            self._loop = self._thread = None
            asyncio.run_coroutine_threadsafe(_wind_down(), loop)


def _renew_lock(reference: weakref.ref[LoopThread]) -> None:
    """Give a forked child a lock of its own: nobody is there to release one that was held."""
    thread = reference()
    if thread is not None:
        thread._lock = threading.Lock()


async def _wind_down() -> None:
    await _cancel_all()
    asyncio.get_running_loop().stop()


async def _cancel_all() -> None:
    """Cancel every task of the running loop but this one, and wait for their end."""
    await asyncio.sleep(0)  # those that were added a moment ago begin
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    loop = asyncio.get_running_loop()
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()
