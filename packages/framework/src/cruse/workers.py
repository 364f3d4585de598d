"""The application's own bounded threads, where sync code runs under an async server.

``concurrent.futures.ThreadPoolExecutor`` does the job in about three times as many Python calls,
and its threads are joined only at the end of the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KeptThread", "WorkerPool"]

T = TypeVar("T")


class _Job:
    """A function on its way to a thread, and who waits for it."""

    __slots__ = ("args", "ended", "finished", "function", "future")

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.function = function
        self.args = args
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.finished = False
        self.ended: asyncio.Future[None] | None = None

    def do(self) -> None:
        """Run the function in this thread and deliver its result to the loop."""
        _here.loop = self.future.get_loop()
        try:
            value = self.function(*self.args)
        except BaseException as error:
            if isinstance(error, StopIteration):  # a future refuses it
                error = RuntimeError("a worker's function raised StopIteration")
            outcome, failed = error, True
        else:
            outcome, failed = value, False
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
            self.future.get_loop().call_soon_threadsafe(self._deliver, outcome, failed)

    def _deliver(self, outcome: Any, failed: bool) -> None:
        self.finished = True
        if self.ended is not None and not self.ended.done():
            self.ended.set_result(None)
        if self.future.done():  # cancelled meanwhile
            return
        if failed:
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)

    async def wait_for_end(self) -> None:
        """Wait until the function has returned, although the result is not wanted any more."""
        if not self.finished:
            self.ended = asyncio.get_running_loop().create_future()
            await self.ended


async def _outcome(job: _Job) -> Any:
    """Wait for a job that was handed to a thread."""
    try:
        return await job.future
    except asyncio.CancelledError:
        await job.wait_for_end()
        raise


class KeptThread:
    """A thread of a pool that serves one caller until it is released.

    What sync code holds may belong to its thread: a connection of :mod:`sqlite3`, everything in
    ``threading.local``. So the stream of a view that ran in a thread is made in that thread, too.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Run ``function(*args)`` in the thread; as :meth:`WorkerPool.run`."""
        job = _Job(function, args)
        self._jobs.put(job)
        result: T = await _outcome(job)
        return result

    def release(self) -> None:
        """Let the pool have its thread back."""
        self._jobs.put(None)

    def work(self) -> None:
        """Do what is asked, in the thread itself, until it is released."""
        while (job := self._jobs.get()) is not None:
            job.do()
            del job


class _Crew:
    """The threads of a pool from its first job to its stop, and what they have to do."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self.lock = threading.Lock()
        self.threads: set[threading.Thread] = set()
        self.idle = 0  # threads that wait and that no job has claimed
        self.backlog = 0  # jobs in the queue that no thread has been claimed for
        self.kept: dict[int, KeptThread] = {}  # by the identity of the thread, until it serves it
        self.away = 0  # threads that serve one caller only
        self.pid = os.getpid()
        #: Whether it takes no more jobs.
        self.dismissed = False


class WorkerPool:
    """Threads that run one function at a time each, started as they are needed.

    Args:
        size: The most threads there may be; further work waits its turn.
        name: The prefix of the threads' names.
    """

    def __init__(self, size: int, name: str) -> None:
        if size < 1:
            raise ValueError(f"A worker pool needs at least one thread, not {size}.")
        self.size = size
        self.name = name
        self._crew = _Crew()

    async def run(self, function: Callable[..., T], *args: Any, urgent: bool = False) -> T:
        """Run ``function(*args)`` in a thread and wait without blocking the loop.

        When the waiting task is cancelled, the function still runs to its end (a thread can't be
        stopped) before the cancellation goes on: what it holds is released by itself.

        Args:
            function: A plain function.
            args: Its arguments.
            urgent: Start a thread beyond ``size`` rather than wait. For clean-up, which must never
                queue behind the work that waits for it.
        """
        job = _Job(function, args)
        while not self._submit(job, urgent):
            pass  # the crew was dismissed a moment ago: the next one takes it
        result: T = await _outcome(job)
        return result

    def keep_thread(self) -> KeptThread:
        """Keep the thread that calls this, one of the pool, after its function has returned.

        Another one may be started in its place: a kept thread mostly waits for a slow client.
        """
        kept = _here.crew.kept[threading.get_ident()] = KeptThread()
        return kept

    def loop_here(self) -> asyncio.AbstractEventLoop | None:
        """Return the loop that waits for the thread that calls this, if it is one of the pool."""
        return _here.loop if getattr(_here, "crew", None) is self._crew else None

    def _submit(self, job: _Job, urgent: bool) -> bool:
        crew = self._crew
        if crew.pid != os.getpid():  # a forked child has none of its parent's threads
            crew = self._crew = _Crew()
        with crew.lock:
            if crew.dismissed:
                return False
            if crew.idle:
                crew.idle -= 1
            elif len(crew.threads) - crew.away < self.size or urgent:
                self._start(crew, job)
                return True
            else:
                crew.backlog += 1
            crew.jobs.put(job)
        return True

    def _start(self, crew: _Crew, job: _Job) -> None:
        name = f"{self.name}-{len(crew.threads) + 1}"
        thread = threading.Thread(target=self._work, args=(crew, [job]), name=name, daemon=True)
        thread.start()  # may fail; the lock is held, so it cannot have ended before it is added
        crew.threads.add(thread)

    def _work(self, crew: _Crew, first: list[_Job]) -> None:
        _here.crew = crew
        # Popped: the thread keeps its arguments, and with them all of a request, for ever.
        job: _Job | None = first.pop()
        while job is not None:
            job.do()
            del job
            if crew.kept:
                self._serve_keeper(crew)
            with crew.lock:
                if crew.backlog:
                    crew.backlog -= 1
                elif crew.dismissed or len(crew.threads) - crew.away > self.size:
                    break  # the latter is an urgent job's extra thread
                else:
                    crew.idle += 1
            job = crew.jobs.get()
        with crew.lock:
            crew.threads.discard(threading.current_thread())

    def _serve_keeper(self, crew: _Crew) -> None:
        """Serve who keeps this thread, if somebody does, while others do the pool's work."""
        kept = crew.kept.pop(threading.get_ident(), None)
        if kept is None:
            return
        with crew.lock:
            crew.away += 1
            waiting = crew.jobs.get_nowait() if crew.backlog else None
            if waiting is not None:
                crew.backlog -= 1
                self._start(crew, waiting)
        kept.work()
        with crew.lock:
            crew.away -= 1

    def stop(self) -> None:
        """Let every thread end after the work it has, and wait for them."""
        for thread in self.release():
            thread.join()

    def release(self) -> list[threading.Thread]:
        """Let every thread end after the work it has, and return them; later work gets new ones.

        Does not wait, because it is called when the application is collected: on any thread, the
        pool's own included.
        """
        crew, self._crew = self._crew, _Crew()
        with crew.lock:
            crew.dismissed = True
            threads = list(crew.threads)
        for _ in threads:
            crew.jobs.put(None)
        return threads


class _ThreadState(threading.local):
    """What a thread of a pool knows of itself."""

    crew: _Crew
    #: The loop that waits for what the thread does.
    loop: asyncio.AbstractEventLoop


_here = _ThreadState()
