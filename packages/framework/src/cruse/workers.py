"""The application's own bounded threads, where sync code runs under an async server.

``concurrent.futures.ThreadPoolExecutor`` does the job in about three times as many Python calls,
and its threads are joined only at the end of the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections import deque
from contextvars import Context
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import ref

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["KeptThread", "WorkerPool"]

T = TypeVar("T")


class _Mailbox:
    """Where threads put the jobs that they have done, for the tasks of one loop.

    ``call_soon_threadsafe`` does it in two system calls more, one of which fails, and with a turn
    of the loop more: half of what a hop to a thread takes is the way back.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._done: deque[_Job] = deque()
        self._rung = False  # whether the loop will look, and has not begun to
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        # As long as there is the loop. With no context variables: it keeps those of this moment,
        # and with them the request that first needed a thread.
        Context().run(loop.add_reader, self._bell, self._empty)

    def put(self, job: _Job) -> None:
        """Hand in a job, from any thread."""
        self._done.append(job)
        # Not by the number of jobs: another thread may hand in its own between two lines here,
        # and each would leave the bell to the other one.
        if not self._rung:
            self._rung = True
            os.eventfd_write(self._bell, 1)

    def _empty(self) -> None:
        os.eventfd_read(self._bell)
        self._rung = False  # before it looks: a job that it may miss rings again
        try:
            for _ in range(len(self._done)):  # not those that come meanwhile: others wait, too
                self._done.popleft().wake()
        finally:
            if self._done:
                os.eventfd_write(self._bell, 1)

    def __del__(self) -> None:
        os.close(self._bell)


#: As a ``WeakKeyDictionary``, in which each look is a Python call.
_mailboxes: dict[ref[asyncio.AbstractEventLoop], _Mailbox] = {}


def _mailbox_of(loop: asyncio.AbstractEventLoop) -> _Mailbox | None:
    """Return the mailbox of a loop, ``None`` where there is none: outside of Linux."""
    mailbox = _mailboxes.get(ref(loop))
    if mailbox is None and hasattr(os, "eventfd"):
        with contextlib.suppress(NotImplementedError):  # not every loop watches files
            mailbox = _Mailbox(loop)
            _mailboxes[ref(loop, _mailboxes.pop)] = mailbox
    return mailbox


class _Job:
    """A function on its way to a thread, and what the task of a loop waits for.

    It is a future in as much as a task needs one (see :func:`asyncio.isfuture`), and wakes the
    task at once instead of in the loop's next turn.
    """

    __slots__ = (
        "_asyncio_future_blocking", "_cancelled", "_failed", "_outcome", "_waiting", "args",
        "done", "function", "loop", "mailbox",
    )  # fmt: skip

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.function = function
        self.args = args
        self.loop = asyncio.get_running_loop()
        self.mailbox = _mailbox_of(self.loop)
        self.done = False
        self._failed = self._cancelled = False
        self._outcome: Any = None
        self._waiting: tuple[Callable[[Any], object], Context] | None = None
        self._asyncio_future_blocking = False

    def do(self) -> None:
        """Run the function in this thread."""
        _here.loop = self.loop
        function, args = self.function, self.args
        # Whoever waits may look at once if what it has handed over is still held by somebody.
        del self.function, self.args
        try:
            self._outcome = function(*args)
        except BaseException as error:
            if isinstance(error, StopIteration):  # it would end who waits, not fail
                error = RuntimeError("a worker's function raised StopIteration")
            self._outcome, self._failed = error, True

    def deliver(self) -> None:
        """Tell the loop that it is done, from the thread."""
        if self.mailbox is not None:
            self.mailbox.put(self)
            return
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
            self.loop.call_soon_threadsafe(self.wake)

    def wake(self) -> None:
        """Let the task go on that waits; on the loop."""
        self.done = True
        self._call()

    def _call(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            callback, context = waiting
            context.run(callback, self)

    def __await__(self) -> Generator[Any, None, Any]:
        if not self.done:
            self._asyncio_future_blocking = True
            yield self
        outcome, self._outcome = self._outcome, None
        if not self._failed:
            return outcome
        try:
            raise outcome
        finally:
            del outcome, self  # its traceback leads here: a cycle

    # -- what a task asks of a future --

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self.loop

    def add_done_callback(self, callback: Callable[[Any], object], *, context: Context) -> None:
        self._waiting = callback, context

    def result(self) -> None:
        """Nothing is wrong with it: who waits is woken, and sees for itself."""

    def cancel(self, msg: object = None) -> bool:
        """Say whether the task is woken: only when it is cancelled once more.

        A thread can't be stopped. So a cancelled task goes on waiting, and is cancelled then.
        """
        if self.done or not self._cancelled:
            self._cancelled = True
            return False
        self.loop.call_soon(self._call)
        return True


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
        result: T = await job
        return result

    def release(self) -> None:
        """Let the pool have its thread back."""
        self._jobs.put(None)

    def work(self) -> None:
        """Do what is asked, in the thread itself, until it is released."""
        while (job := self._jobs.get()) is not None:
            job.do()
            job.deliver()
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
        result: T = await job
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
            kept = crew.kept.pop(threading.get_ident(), None) if crew.kept else None
            if kept is not None:
                job.deliver()
                self._serve_keeper(crew, kept)
            ends = False
            with crew.lock:
                if crew.backlog:
                    crew.backlog -= 1
                elif crew.dismissed or len(crew.threads) - crew.away > self.size:
                    ends = True  # in the latter case it is an urgent job's extra thread
                else:
                    crew.idle += 1
            if kept is None:
                job.deliver()  # last, for it wakes the loop, which then waits for this thread
            del job, kept
            job = None if ends else crew.jobs.get()
        with crew.lock:
            crew.threads.discard(threading.current_thread())

    def _serve_keeper(self, crew: _Crew, kept: KeptThread) -> None:
        """Serve who keeps this thread, while others do the pool's work."""
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
