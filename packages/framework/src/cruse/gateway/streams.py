"""Bodies that are sent piece by piece on an event loop, and how they end."""

from __future__ import annotations

import asyncio
from asyncio import CancelledError
from contextlib import suppress
from time import monotonic
from types import AsyncGeneratorType, coroutine
from typing import TYPE_CHECKING, Any, cast

from cruse.ending import is_endless
from cruse.sse import EventBody, cancelled_within

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Generator, Iterator

    from cruse.gateway.onloop import Transport, _Place
    from cruse.lifecycle import Lifecycle
    from cruse.responses import Response

__all__ = ["DONE", "Left", "Stream", "go_on", "send_each"]

DONE: Any = object()
FILE_CHUNK = 256 * 1024  # bytes of a file read in one hop to a thread


class Left(Exception):  # noqa: N818 - it is an end, no error
    """The client has left amid a body."""


@coroutine
def go_on(stream: Stream, sending: Any, waits_for: Any) -> Generator[Any, Any, None]:
    """Send the rest of a stream that waits for the first time: now it has to be watched.

    Most of what is sent never waits: neither a task nor a timer is made for it.
    """
    stream.watch()
    while True:
        try:
            yield waits_for
        except BaseException as error:
            try:
                waits_for = sending.throw(error)
            except StopIteration:
                return
        else:
            break
    del waits_for
    yield from sending


async def send_each(transport: Transport, pieces: AsyncIterator[str | bytes]) -> None:
    """Send the pieces of a body, whatever the transport.

    Raises:
        Left: The client has left.
    """
    async for piece in pieces:
        if piece:
            body = piece.encode() if isinstance(piece, str) else piece
            try:
                await transport.send_chunk(body)
            except OSError as error:
                raise Left from error
    try:
        await transport.end()
    except OSError as error:
        raise Left from error


class Stream:
    """A body that is sent piece by piece: an async iterator is asked here, any other in threads.

    The request's own task does it, since what an iterator does with context variables, timeouts
    and cancellation belongs to one. While it waits, other tasks look out for a client that leaves.

    Args:
        response: The response.
        place: Where its sync code runs; an async generator has none.
        transport: What sends the pieces.
        lifecycle: What knows of the end of the server.
    """

    def __init__(
        self,
        response: Response,
        place: _Place | None,
        transport: Transport,
        lifecycle: Lifecycle,
    ) -> None:
        body: Any = response.response
        self.response = response
        self.transport = transport
        self.lifecycle = lifecycle
        self.events: EventBody | None = None
        kind = type(body)
        if kind is not AsyncGeneratorType:
            if kind is EventBody or isinstance(body, EventBody):
                self.events = body
                body = aiter(body.events)
            elif not hasattr(body, "__anext__"):
                self.in_threads = True
                body = _chunks(response, cast("_Place", place))
        self.pieces: Any = body
        #: Those that look out for the client, from the first wait to the end.
        self.watchers: set[asyncio.Task[None]] | None = None

    # What is asked for at the end, or when somebody waits, is of the class until it is known.
    in_threads = False
    cancelled = False  # by what is here
    stopped = False
    to_uncancel = False
    last = 0.0  # when something was sent, once somebody watches
    beating: asyncio.Future[None] | None  # of events
    sending: bool

    def send(self) -> Coroutine[Any, Any, None]:
        """Return what sends all of it; it raises :exc:`Left` when the client has left."""
        if self.events is None:
            return self.transport.send_pieces(self.pieces)
        return self._send_events(self.events)

    async def _send_events(self, events: EventBody) -> None:
        self.beating = None
        self.sending = False
        encode, send = events.encode, self.transport.send_chunk
        try:
            if events.first:
                self.sending = True
                await send(events.first.encode())
        except OSError as error:
            raise Left from error
        self.sending = False
        async for item in self.pieces:
            if type(item) is str and "\n" not in item and "\r" not in item:  # the usual case
                piece = f"data: {item}\n\n".encode()
            else:
                piece = encode(item).encode()
            if self.beating is not None:
                await self.beating
            self.sending = True
            try:
                await send(piece)
            except OSError as error:
                raise Left from error
            self.sending = False
            if self.watchers is not None:
                self.last = monotonic()
        if self.beating is not None:
            await self.beating
        self.sending = True
        try:
            await self.transport.end()
        except OSError as error:
            raise Left from error

    # -- while it waits --

    def watch(self) -> None:
        """Look out for a client that leaves, and for the end of the server."""
        loop = self.transport.loop
        self.task = cast("asyncio.Task[None]", asyncio.current_task())
        self.last = monotonic()
        self.watchers = {loop.create_task(self.transport.wait_disconnect())}
        if self.events is not None and self.events.heartbeat is not None:
            self.watchers.add(loop.create_task(self._pulse(self.events.heartbeat)))
        for watcher in self.watchers:
            watcher.add_done_callback(self._leave)
        if is_endless(self.response):
            self.lifecycle.live[self] = loop
            if self.lifecycle.stopping:
                loop.call_soon(self.go_away)  # not before it waits, and can be closed

    async def _pulse(self, heartbeat: float) -> None:
        """Send signs of life while there is nothing else to send, until the client has left."""
        while True:
            rest = heartbeat if self.sending else self.last + heartbeat - monotonic()
            if rest > 0:
                await asyncio.sleep(rest)
                continue
            self.beating = self.transport.loop.create_future()
            try:
                await self.transport.send_chunk(EventBody.beat)
            except OSError:
                return
            finally:
                self.last = monotonic()
                self.beating.set_result(None)
                self.beating = None

    def _leave(self, watcher: asyncio.Task[None]) -> None:
        """End it, for the client has left."""
        if not watcher.cancelled():
            self._cancel()

    def go_away(self) -> None:
        """End it, for the server is told to stop; a second time, nothing happens."""
        self.stopped = self.stopped or not self.cancelled
        self._cancel()

    def _cancel(self) -> None:
        if self.watchers is not None and not self.cancelled:
            self.cancelled = self.to_uncancel = True
            self.task.cancel()

    # -- its end --

    async def has_ended(self, raised: BaseException) -> bool:
        """Whether what was raised is an end like any other.

        Raises:
            RuntimeError: When the iterator let a cancellation out that was not of this task.
        """
        ours = isinstance(raised, CancelledError | Left)
        if not self.cancelled:
            if ours and not isinstance(raised, Left):
                raise cancelled_within(cast("CancelledError", raised)) from raised
            return ours
        if self._uncancel() or not (ours or isinstance(raised, Exception)):
            return False
        if self.stopped:
            if ours:
                # A client that does not read has to go without.
                with suppress(OSError, TimeoutError):
                    async with asyncio.timeout(1):
                        await self.transport.end()
        elif not ours:  # there is nobody to be told
            said = {"message": "A stream failed when its client had left", "exception": raised}
            self.transport.loop.call_exception_handler(said)
        return ours or not self.stopped

    def _uncancel(self) -> int:
        """Take the own cancellation back; return how many others there are."""
        self.to_uncancel = False
        return self.task.uncancel()

    async def close(self, exhausted: bool) -> None:
        """Watch no more, and close the iterator unless it has come to its end.

        In the task it ran in: its context variables and timeouts belong to that.
        """
        try:
            if self.watchers is not None:
                watchers, self.watchers = self.watchers, None
                self.lifecycle.live.pop(self, None)
                for watcher in watchers:
                    watcher.cancel()
                if self.to_uncancel:
                    self._uncancel()
                await asyncio.wait(watchers)
        finally:
            if not exhausted and hasattr(self.pieces, "aclose"):
                await self.pieces.aclose()


async def _chunks(response: Response, place: _Place) -> Any:
    """Iterate over a body in bytes, in threads."""
    chunks = response.iter_encoded()
    step = _batch if response.direct_passthrough else _one
    while True:
        chunk = await place.run(step, chunks)
        if chunk is None:
            return
        yield chunk


def _one(chunks: Iterator[bytes]) -> bytes | None:
    return next(chunks, None)


def _batch(chunks: Iterator[bytes]) -> bytes | None:
    """Return many small pieces of a file as one: each hop costs as much as reading 50 kB."""
    pieces, size = [], 0
    for chunk in chunks:
        pieces.append(chunk)
        size += len(chunk)
        if size >= FILE_CHUNK:
            break
    return b"".join(pieces) if pieces else None
