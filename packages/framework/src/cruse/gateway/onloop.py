"""What ASGI and RSGI have in common: a request that arrives on an event loop.

The protocol itself is behind a :class:`Transport`.
"""

from __future__ import annotations

import asyncio
from asyncio import Task, current_task, get_running_loop
from contextvars import copy_context
from types import AsyncGeneratorType, CoroutineType
from typing import TYPE_CHECKING, Any, Protocol, cast

from cruse.body import BULK
from cruse.bridge import OffLoop, drive, drive_to_end
from cruse.ending import ends_with_something, finish, outlives_view
from cruse.gateway.fileparts import part_of_file
from cruse.gateway.observed import ObservedTransport
from cruse.gateway.streams import DONE, Stream, go_on
from cruse.globals import _enter, _leave
from cruse.kept import Kept
from cruse.pipeline import answer, conclude, enter, raising
from cruse.plans import plan_of
from cruse.responses import STREAMS, has_no_body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
    from contextvars import Context as Variables

    from cruse.app import Cruse
    from cruse.context import Context
    from cruse.environ import LazyEnviron
    from cruse.gateway.fileparts import FilePart
    from cruse.headerfields import Fields
    from cruse.plans import Entrance, Plan
    from cruse.responses import Response
    from cruse.typing import Send
    from cruse.workers import KeptThread, WorkerPool

__all__ = ["ANNOUNCING", "WITHOUT_BODY", "LoopBody", "Transport", "serve"]

#: Methods whose requests have a body only if they announce one, which HTTP/1 has to (RFC 9112
#: section 6.3).
WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "DELETE", "TRACE"})
ANNOUNCING = frozenset({"1", "1.0", "1.1"})


class Transport(Protocol):
    """How a response gets to the client."""

    #: The loop that the request is served on; :func:`serve` sets it.
    loop: asyncio.AbstractEventLoop
    #: Sends a message of the protocol, where it has any.
    send: Send
    #: Whether it has been noticed that the client has left.
    disconnected: bool

    def make_environ(self) -> LazyEnviron:
        """Make the environ of the request."""

    def query(self) -> str:
        """Return the query as it came, as an environ has it."""

    def content_type(self) -> str | None:
        """Return the field Content-Type as it came; ``None`` where only the environ tells."""

    def announced(self) -> int:
        """Return how many bytes the body has, if the head tells, and it can be taken from here."""

    async def next_chunk(self) -> bytes:
        """Return the next bytes of the body, ``b""`` at its end."""

    def is_whole(self, ctx: Context, body: bytes, length: int) -> bool:
        """Whether the first bytes are all of a body, and nobody has asked for it meanwhile.

        Otherwise they are left to who reads it.
        """

    def takes_anything(self) -> bool:
        """Whether it is seen, without an environ, that the client takes any type and sent none.

        False where there is an environ, which may have been changed.
        """

    def send_whole(
        self, status: int, head: list[tuple[str, str]], body: bytes, behind: Fields | None = None
    ) -> Iterable[Any]:
        """Send a response that is complete.

        Args:
            status: The status.
            head: The header fields.
            body: The body.
            behind: What follows the header fields, the same in many responses.

        Returns:
            The messages that are to be sent for it, where that has to be waited for.
        """

    def send_plain(self, response: Response, fields: Fields) -> Iterable[Any] | None:
        """Send a plain response: its head is these fields and what follows from its body.

        ``None`` for a response that is not :attr:`~cruse.responses.Response.plain`.
        """

    async def start(self, status: int, head: list[tuple[str, str]]) -> None:
        """Send the head of a response whose body follows."""

    def start_plain(self, response: Response, fields: Fields) -> Awaitable[None]:
        """Send the head of a plain stream: these fields and what follows from its body.

        Raises:
            OSError: When awaited: the client has left.
        """

    def send_chunk(self, chunk: bytes) -> Awaitable[None]:
        """Send a piece of the body."""

    def end(self) -> Awaitable[None]:
        """Say that the body is complete."""

    async def send_pieces(self, pieces: AsyncIterator[str | bytes]) -> None:
        """Send all pieces of the body; see :func:`~cruse.gateway.streams.send_each`."""

    async def wait_disconnect(self) -> None:
        """Return when the client has left."""

    def takes_file(self, part: FilePart) -> bool:
        """Whether the server can send this part of a file by itself."""

    async def send_file(self, status: int, head: list[tuple[str, str]], part: FilePart) -> None:
        """Let the server send a response whose body is in a file."""


class Source(Protocol):
    """Where the body of a request comes from."""

    #: Whether the client is known to have left.
    disconnected: bool

    @property
    def forgets(self) -> bool:
        """Whether a wait that is cancelled may lose what arrives at that moment."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop it is received on."""

    async def next_chunk(self) -> bytes:
        """Return the next bytes of the body, ``b""`` at its end."""

    async def gather(self, pieces: list[bytes], wanted: int) -> None:
        """Add the next pieces, until these are so many bytes; none at the end of the body."""


class LoopBody:
    """The body of a request on an event loop, as ``wsgi.input`` for sync code in a thread.

    Args:
        source: What takes it from the server.
        empty: Whether it is known that there is no body.
    """

    def __init__(self, source: Source, empty: bool = False) -> None:
        self._source = source
        self._empty = empty
        self._ahead: list[bytes] = []  # pieces that have come; the next one is the last of them
        self._kept: Kept | None = None

    @property
    def disconnected(self) -> bool:
        """Whether the client is known to have left."""
        return self._source.disconnected

    def first_chunk(self) -> Coroutine[Any, Any, bytes]:
        """Return the next bytes, to be awaited; for who knows how many there have to be."""
        if self._ahead or self._empty or self._kept is not None:
            return self.next_chunk()
        return self._source.next_chunk()

    def next_chunk(self) -> Coroutine[Any, Any, bytes]:
        """Return the next bytes, to be awaited; ``b""`` at the end.

        When that is cancelled, they are left to the next call.
        """
        if self._ahead or self._empty:
            return _given(self._ahead.pop() if self._ahead else b"")
        if self._kept is None:
            if not self._source.forgets:
                return self._source.next_chunk()
            self._kept = Kept()
        return self._kept.read(self._source.next_chunk)

    def gather(self, pieces: list[bytes], wanted: int) -> Coroutine[Any, Any, None]:
        """Add the next pieces, to be awaited, until these are so many bytes; none at the end."""
        if self._ahead or self._empty or self._source.forgets:
            return self._add_chunk(pieces)
        return self._source.gather(pieces, wanted)

    async def _add_chunk(self, pieces: list[bytes]) -> None:
        if chunk := await self.next_chunk():
            pieces.append(chunk)

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes from a thread, waiting for the event loop.

        Whoever wants a piece gets what is there, as from a socket.

        Raises:
            RuntimeError: On the event loop itself, which would wait for itself.
        """
        if size < 0:
            return b"".join(iter(lambda: self.read_ahead(BULK, BULK), b""))
        return self.read_ahead(size, 1)

    def read_ahead(self, size: int, most: int) -> bytes:
        """Return up to ``size`` bytes as :meth:`read` does.

        Where nothing has come yet it waits for ``most``, in one go.
        """
        if size and not (self._ahead or self._empty):
            self._fetch(most)
        if not size or not self._ahead:
            return b""
        piece = self._ahead.pop()
        if len(piece) > size:
            self._ahead.append(piece[size:])
            piece = piece[:size]
        return piece

    def _fetch(self, wanted: int) -> None:
        loop = self._source.loop
        if asyncio._get_running_loop() is loop:
            raise RuntimeError(
                "The request's body has not been read, and reading it here would block the event "
                "loop. In an async hook, 'await request.load_body()' first; in a view whose route "
                "has stream=True, use 'async for chunk in request.stream'."
            )
        pieces = asyncio.run_coroutine_threadsafe(self._gather(wanted), loop).result()
        self._ahead = pieces[::-1]

    async def _gather(self, wanted: int) -> list[bytes]:
        pieces: list[bytes] = []
        if self._kept is not None and self._kept.waiting:
            return [await self.next_chunk()]
        await self._source.gather(pieces, wanted)
        return pieces


async def _given(chunk: bytes) -> bytes:
    return chunk


async def serve(  # noqa: C901 - a call for each step would cost as much as the steps
    app: Cruse, entrance: Entrance, ctx: Context, transport: Transport
) -> None:
    """Answer one request; ``ctx`` is not entered yet."""
    token = _enter(ctx)
    transport.loop = get_running_loop()
    try:
        if ctx.routing_exception is None or entrance.pushes:
            entrance.match(ctx)
        if app.observers:
            transport = cast("Transport", ObservedTransport(ctx, transport))
        plan = app.plan_without_route if (route := ctx.route) is None else route.plan
        if plan is None or plan.entrance is not entrance:
            plan = plan_of(ctx)
        if plan.hop:
            place = await _answer_in_thread(ctx, plan)
        else:
            if type(value := enter(ctx, plan)) is CoroutineType:
                try:
                    value = await value
                except BaseException as error:
                    value = raising(error)
            if (later := conclude(ctx, plan, value, None)) is not None:
                await later
        response = ctx.response
        fields = entrance.fields
        if fields is None or ctx.tls_host is not None:
            fields = app.security_headers.of(ctx, response)
        if ctx.method == "HEAD" or (
            (messages := transport.send_plain(response, fields)) is None
            and not (response.whole and response.only_whole)
        ):
            messages = ()
            await _send(ctx, plan, transport, fields, place if plan.hop else None)
        elif messages is None:
            head, behind = response.own_parts(ctx, fields)
            messages = transport.send_whole(response._status_code, head, response.whole[0], behind)
        try:
            for message in messages:
                await transport.send(message)
        except OSError:  # ASGI 2.4: the client has left, which is no error of the application
            transport.disconnected = True
        if ctx.observation is not None:
            ctx.observation.end(None)
    except BaseException as error:
        if ctx.observation is not None:
            ctx.observation.end(error)
        raise
    finally:
        _leave(token)


async def _answer_in_thread(ctx: Context, plan: Plan) -> _Place:
    """Run the whole sync pipeline, teardown included, in one hop to a thread; return where.

    In a copy of the context variables: the task's own would be entered by two threads. A stream
    keeps the thread, for it may use what the view has opened there.
    """
    loop, pool = get_running_loop(), ctx.app.pool
    ctx.bridge = OffLoop(lambda: loop)
    variables = copy_context()
    made: list[tuple[Response, KeptThread | None] | None] = []
    try:
        await pool.run(variables.run, _answer_into, made, ctx, plan)
    except asyncio.CancelledError as error:
        made.append(None)
        if made[0] is not None:  # nobody will send it
            response, kept = made[0]
            place = _Place(pool, variables, kept)
            await _close(ctx, plan, response, place, error, outlives_view(response))
        raise
    ((ctx.response, kept),) = made  # type: ignore[misc]
    return _Place(pool, variables, kept)


def _answer_into(
    made: list[tuple[Response, KeptThread | None] | None], ctx: Context, plan: Plan
) -> None:
    later = answer(ctx, plan)
    if later is not None:
        drive_to_end(later)
    response = ctx.response
    kept = None
    if (
        not response.plain
        and outlives_view(response)
        and not hasattr(response.response, "__anext__")
    ):
        kept = ctx.app.pool.keep_thread()
    made.append((response, kept))
    if made[0] is None:  # the task was cancelled twice, and waits no more
        _abandon(ctx, plan, response, kept)


def _abandon(ctx: Context, plan: Plan, response: Response, kept: KeptThread | None) -> None:
    """Close a response that nobody waits for, in the thread that has made it."""
    try:
        response.close()
    finally:
        if kept is not None:
            kept.release()
        if outlives_view(response):
            drive(finish(ctx, plan, asyncio.CancelledError()))


class _Place:
    """Where the sync code of a response runs after the view: in the view's thread or in any.

    Args:
        pool: The application's threads.
        variables: The context variables of a view that ran in a thread; else the task's are used.
        kept: The thread it ran in, if it is kept.
    """

    def __init__(
        self, pool: WorkerPool, variables: Variables | None, kept: KeptThread | None
    ) -> None:
        self.off_loop = variables is not None
        self._pool = pool
        self._variables = variables
        self._kept = kept

    async def run(self, function: Callable[..., Any], *args: Any, urgent: bool = False) -> Any:
        """Run a function there."""
        if self._variables is None:
            self._variables = copy_context()
        if self._kept is not None:
            return await self._kept.run(self._variables.run, function, *args)
        return await self._pool.run(self._variables.run, function, *args, urgent=urgent)

    def release(self) -> None:
        """Let the pool have the thread again."""
        if self._kept is not None:
            self._kept.release()


def _send(
    ctx: Context, plan: Plan, transport: Transport, fields: Fields, place: _Place | None
) -> Awaitable[None]:
    """Send a response that may have something to be closed or to be ended."""
    response = ctx.response
    kind: type = type(response.response)
    if place is None and kind is not AsyncGeneratorType:  # which runs here
        place = _Place(ctx.app.pool, None, None)
    if (
        ctx.method == "HEAD"
        or has_no_body(response._status_code)
        or not (kind in STREAMS or response.direct_passthrough or outlives_view(response))
    ):
        return _send_ready(ctx, plan, transport, fields, place)
    sending = _send_stream(ctx, plan, transport, fields, place)
    # A server may drive coroutines by itself: what it shows as the task can't be cancelled.
    usual = type(current_task()) is Task
    return sending if usual else _in_task(sending, transport.loop)


async def _in_task(sending: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> None:
    task = loop.create_task(sending)
    try:
        await asyncio.wait({task})
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
    task.result()


async def _send_ready(
    ctx: Context, plan: Plan, transport: Transport, fields: Fields, place: _Place | None
) -> None:
    """Send a response whose body is there, or that has none to send."""
    response = ctx.response
    status = response._status_code
    streamed = outlives_view(response)
    error: BaseException | None = None
    try:
        no_body = ctx.method == "HEAD"  # of others it is known that they are not plain
        head_of = response.head if no_body else response.own_head
        no_body = no_body or has_no_body(status)
        head = head_of(ctx, fields)
        body = b"" if no_body else b"".join(response.iter_encoded())
        await _tell(transport, transport.send_whole(status, head, body))
    except BaseException as raised:
        error = raised
        raise
    finally:
        await _close(ctx, plan, response, place, error if streamed else None, streamed)


async def _tell(transport: Transport, messages: Iterable[Any]) -> None:
    try:
        for message in messages:
            await transport.send(message)
    except OSError:  # as in `serve`
        transport.disconnected = True


async def _send_stream(
    ctx: Context, plan: Plan, transport: Transport, fields: Fields, place: _Place | None
) -> None:
    """Send a response piece by piece, or let the server send a file."""
    response = ctx.response
    streamed = not response.direct_passthrough
    error: BaseException | None = None
    exhausted = False  # a generator, and there is nothing of it to be closed
    try:
        if response.plain_stream:
            try:
                await transport.start_plain(response, fields)
            except OSError:  # as in `serve`
                transport.disconnected = True
        else:
            head = response.own_head(ctx, fields)
            if not streamed and await _hand_over(response, transport, head):
                response.direct_passthrough = False  # nothing left wants a thread to be closed
                return
            await transport.start(response._status_code, head)
        stream = Stream(response, place, transport, ctx.app.lifecycle)
        try:
            sending = stream.send()
            # An iterator tells of the end without an exception, where `send` would raise one.
            if (waits_for := next(sending.__await__(), DONE)) is not DONE:
                await go_on(stream, sending, waits_for)
            exhausted = type(stream.pieces) is AsyncGeneratorType
        except BaseException as raised:
            if not await stream.has_ended(raised):
                raise
        finally:
            if stream.watchers is not None or not exhausted:
                await stream.close(exhausted)
    except BaseException as raised:
        error = raised
        raise
    finally:
        if (
            not exhausted
            or stream.in_threads
            or response._closing
            or response._own_ways
            or plan.ends
            or ctx.ends
            or (ctx.made_request is not None and ends_with_something(ctx, plan))
        ):
            await _close(ctx, plan, response, place, error if streamed else None, streamed)


async def _hand_over(
    response: Response, transport: Transport, head: list[tuple[str, str]]
) -> bool:
    """Let the server send a file by its own means, if it has any and knows which one."""
    part = part_of_file(response)
    if part is None or not transport.takes_file(part):
        return False
    await transport.send_file(response._status_code, head, part)
    return True


async def _close(
    ctx: Context,
    plan: Plan,
    response: Response,
    place: _Place | None,
    error: BaseException | None,
    streamed: bool,
) -> None:
    """Close the response and, behind a stream, tear its context down."""
    place = place or _Place(ctx.app.pool, None, None)
    try:
        source: Any = response.response
        asynchronous = hasattr(source, "aclose")
        if asynchronous:
            await source.aclose()
            if not response.to_close:
                return
        if asynchronous or streamed or response.direct_passthrough:
            await place.run(response.close, urgent=True)
        else:
            response.close()
    finally:
        try:
            if streamed and ends_with_something(ctx, plan):
                if place.off_loop:
                    await place.run(drive, finish(ctx, plan, error), urgent=True)
                else:
                    await finish(ctx, plan, error)
        finally:
            place.release()
