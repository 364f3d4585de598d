"""The two sides that receiving runs on: in a worker's thread, and on an event loop.

Receiving is written once, as a coroutine, in terms of a :class:`Side`. On the blocking side
nothing it awaits ever suspends, so one ``send`` runs it to its end.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Coroutine, Iterable, Iterator
    from typing import ParamSpec

    from cruse.parts import Part, Parts
    from cruse_uploads.storage import Meta, Storage, Writer

    P = ParamSpec("P")

__all__ = ["Blocking", "OnLoop", "Side", "drive", "in_thread"]

T = TypeVar("T")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a plain function in a thread and wait without blocking the event loop.

    When the waiting task is cancelled, the function still runs to its end before the cancellation
    goes on. A thread can't be stopped, and nobody may close a file while it writes there.
    """
    call = partial(copy_context().run, function, *args, **kwargs)
    future = asyncio.get_running_loop().run_in_executor(None, call)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        while not future.done():  # also when it is cancelled once more
            with suppress(asyncio.CancelledError):
                await asyncio.wait([future])
        future.exception()  # seen, so that the loop does not report it
        raise


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, to its result."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    coroutine.close()
    raise RuntimeError("A coroutine of the blocking side suspended.")


class Sink(Protocol):
    """What receiving asks of a writer."""

    async def awrite(self, data: bytes | bytearray) -> None:
        """Add all of ``data``."""

    async def acommit(self) -> None:
        """Publish the object."""

    async def aabort(self) -> None:
        """Throw away what was written."""


class Side(Protocol):
    """What receiving asks of the side it runs on."""

    #: How many bytes to gather before they are written.
    batch: int

    def parts(self, parts: Parts) -> AsyncIterator[Part]:
        """Iterate over the parts of a form as they arrive."""

    def chunks(self, source: Any) -> AsyncIterator[bytes]:
        """Iterate over the bytes of a part, or of a file."""

    async def text(self, part: Part) -> str:
        """Return a field as text."""

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function that takes its time."""

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a quick function of the application, which may be async on the loop."""

    async def writer(self, storage: Storage, key: str, meta: Meta) -> Sink:
        """Begin a new object."""


class _InPlace(AsyncIterator[T], Generic[T]):
    """An iterable as an async iterator that never suspends.

    Not an async generator: those want an event loop to be closed when they are left early.
    """

    def __init__(self, source: Iterable[T]) -> None:
        self._source: Iterator[T] = iter(source)

    async def __anext__(self) -> T:
        for item in self._source:
            return item
        raise StopAsyncIteration


class _BlockingSink:
    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def awrite(self, data: bytes | bytearray) -> None:
        self._writer.write(data)

    async def acommit(self) -> None:
        self._writer.commit()

    async def aabort(self) -> None:
        self._writer.abort()


class Blocking:
    """A thread that may wait: every chunk is written as it comes."""

    batch = 0

    def parts(self, parts: Parts) -> AsyncIterator[Part]:
        """Iterate over the parts of a form as they arrive."""
        return _InPlace(parts)

    def chunks(self, source: Iterable[bytes]) -> AsyncIterator[bytes]:
        """Iterate over the bytes of a part, or of a file."""
        return _InPlace(source)

    async def text(self, part: Part) -> str:
        """Return a field as text."""
        return part.text()

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function that takes its time."""
        return function(*args)

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a quick function of the application.

        Raises:
            TypeError: When it is async, which has no place here.
        """
        result = function(*args)
        if inspect.isawaitable(result):
            getattr(result, "close", lambda: None)()
            raise TypeError(
                f"{function!r} is async, and this upload is received by plain code. Use "
                "'areceive()' or 'asave()' in an async view, or a plain function."
            )
        return result

    async def writer(self, storage: Storage, key: str, meta: Meta) -> Sink:
        """Begin a new object."""
        return _BlockingSink(storage.writer(key, meta))


class OnLoop:
    """An event loop, which must not wait for a disk.

    Writing there in place would be fastest as long as the disk is idle, and stop every other
    request when it is not. A hop to a thread per chunk of 64 KiB triples the cost, and one per MiB
    is nearly free; so chunks are gathered, and one MiB of each upload is in memory at most.
    """

    batch = 1024 * 1024

    def parts(self, parts: Parts) -> AsyncIterator[Part]:
        """Iterate over the parts of a form as they arrive."""
        return aiter(parts)

    def chunks(self, source: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """Iterate over the bytes of a part, or of a file."""
        return aiter(source)

    async def text(self, part: Part) -> str:
        """Return a field as text."""
        return await part.atext()

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function that takes its time, in a thread."""
        return await in_thread(function, *args)

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a quick function of the application, which may be async."""
        result = function(*args)
        return await result if inspect.isawaitable(result) else result

    async def writer(self, storage: Storage, key: str, meta: Meta) -> Sink:
        """Begin a new object."""
        return await storage.awriter(key, meta)
