"""Server-sent events (HTML standard, section 9.2): a response that goes on.

Browsers read them with ``new EventSource(url)`` and come back by themselves when the connection
ends, telling the id of the last event that they got.
"""

from __future__ import annotations

import asyncio
import re
from types import GeneratorType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from cruse.globals import current_context
from cruse.headerfields import Fields
from cruse.responses import EVENTS, STREAMS, Response

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterable,
        AsyncIterator,
        Iterable,
        Iterator,
        Mapping,
    )

__all__ = ["Event", "EventStream"]

_LINE_END = re.compile(r"\r\n|\r|\n")
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the latter is nginx's
_FIELDS = tuple(_HEADERS.items())
_NAMES = frozenset({"content-type", *map(str.lower, _HEADERS)})  # what it has by itself
_BEAT = ":\n\n"  # a comment, which browsers skip


class Event(NamedTuple):
    """One event.

    Args:
        data: Text, or what ``app.json`` can say.
        event: The type; ``"message"`` for browsers unless given.
        id: What the browser says in ``Last-Event-ID`` when it comes back.
        retry: The seconds after which it comes back when the connection ends.
    """

    data: Any = ""
    event: str | None = None
    id: str | int | None = None
    retry: float | None = None

    def encode(self) -> str:
        """Return the event as it is sent.

        Raises:
            ValueError: When its id or type has a line break in it, or its id a NUL.
        """
        lines = []
        for name, value in (("event", self.event), ("id", self.id)):
            if value is not None:
                if _LINE_END.search(str(value)) or (name == "id" and "\0" in str(value)):
                    raise ValueError(f"The {name} of an event is one line, not {value!r}.")
                lines.append(f"{name}: {value}\n")
        if self.retry is not None:
            lines.append(f"retry: {round(self.retry * 1000)}\n")
        data = self.data
        text = data if isinstance(data, str) else current_context().app.json.dumps(data)
        if "\n" not in text and "\r" not in text:  # the usual case
            lines.append(f"data: {text}\n\n")
        else:
            lines += [f"data: {line}\n" for line in _LINE_END.split(text)]
            lines.append("\n")
        return "".join(lines)


class EventStream(Response):
    """A response that sends events as they come.

    It ends when there are no more, or when the client has left; the iterator is closed then (who
    puts another body in the place of this one closes it). With an async iterator, and under ASGI
    and RSGI, a client that waits costs no thread.

    Args:
        events: Yields :class:`Event` objects, or their data alone. It is at most
            two events ahead of what was sent, under ASGI and RSGI one.
        heartbeat: Seconds without an event after which a sign of life is sent. It keeps proxies
            from hanging up, and shows under WSGI that the client has left. An async iterator's
            only; ``None`` sends none.
        retry: Seconds after which browsers come back when the connection ends.
        headers: Further header fields.
    """

    default_mimetype = EVENTS
    _head_kind = ("events",)  # no mimetype is one

    def __init__(
        self,
        events: Iterable[Any] | AsyncIterable[Any],
        *,
        heartbeat: float | None = 15.0,
        retry: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        first = "" if retry is None else f"retry: {round(retry * 1000)}\n\n"
        source: Any = events
        closing = None
        if type(source) is GeneratorType:
            body: Any = _encoded(source, first, source)
            next(body)  # from here on its end is the source's
        elif hasattr(source, "__aiter__"):
            body = EventBody(source, first, heartbeat)
        else:
            body = _encoded(iter(source), first, None)
            next(body)
            closing = getattr(source, "close", None)
        fields = {**_HEADERS, **headers} if headers else None
        # With all of its arguments in their order: Python's short way to it.
        super().__init__(body, None, fields, None, None, False)
        if closing is not None:
            self._closing = [closing]

    def plain_head(self, defaults: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the header fields of all streams of events, and those of the given ones."""
        if not (isinstance(defaults, Fields) and defaults.names.isdisjoint(_NAMES)):
            defaults = [field for field in defaults if field[0].lower() not in _NAMES]
        return super().plain_head([*_FIELDS, *defaults])


def _encoded(
    events: Iterator[Any], first: str, generator: GeneratorType[Any, Any, Any] | None
) -> Iterator[str]:
    """Encode the events of an iterator, after nothing; and close it at the end if told so."""
    try:
        yield ""
        if first:
            yield first
        for item in events:
            if type(item) is str and "\n" not in item and "\r" not in item:  # the usual case
                yield f"data: {item}\n\n"
            else:
                yield _encode(item)
    finally:
        if generator is not None:
            generator.close()


def _encode(item: Any) -> str:
    if type(item) is str and "\n" not in item and "\r" not in item:  # the usual case
        return f"data: {item}\n\n"
    return (item if isinstance(item, Event) else Event(item)).encode()


class _Relay:
    """Hands pieces from the task that makes them to the one that sends them, one at a time.

    A queue of asyncio's with a time limit around its ``get`` does it in five times the calls.

    Args:
        heartbeat: Seconds after which who waits for a piece gets a sign of life instead.
    """

    def __init__(self, heartbeat: float | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._heartbeat = heartbeat
        self._timer: asyncio.TimerHandle | None = None
        self._since = 0.0
        self._full = False
        self._piece: str | Exception | None = None
        self._wanted: asyncio.Future[bool] | None = None
        self._room: asyncio.Future[None] | None = None

    async def put(self, piece: str | Exception | None) -> None:
        """Hand a piece on, as soon as the one before it was taken."""
        if self._full:
            self._room = self._loop.create_future()
            await self._room
        self._full, self._piece = True, piece
        _wake(self._wanted, True)

    async def get(self) -> str | Exception | None:
        """Return the next piece, or a sign of life when there is none for a while."""
        if not self._full:
            self._since = self._loop.time()
            if self._timer is None and self._heartbeat is not None:
                self._timer = self._loop.call_later(self._heartbeat, self._beat)
            self._wanted = self._loop.create_future()
            if not await self._wanted:
                return _BEAT
        self._full = False
        _wake(self._room, None)
        return self._piece

    def _beat(self) -> None:
        """Wake who has waited for so long; or look again when that will be."""
        heartbeat, self._timer = self._heartbeat or 0, None
        rest = self._since + heartbeat - self._loop.time()
        if rest <= 0:
            _wake(self._wanted, False)
        else:
            self._timer = self._loop.call_later(rest, self._beat)

    def stop(self) -> None:
        """Let the timer go."""
        if self._timer is not None:
            self._timer.cancel()


def _wake(future: asyncio.Future[Any] | None, value: Any) -> None:
    if future is not None and not future.done():
        future.set_result(value)


class EventBody:
    """The events of an async iterator, as the body of a response.

    The gateways of event loops take them one by one and give the signs of life themselves. Whoever
    iterates gets all of it encoded, signs of life included.

    Args:
        events: Yields them.
        first: What is sent before them.
        heartbeat: Seconds without an event after which a sign of life is due.
    """

    beat = _BEAT.encode()
    encode = staticmethod(_encode)
    _relayed: AsyncGenerator[str] | None = None

    def __init__(self, events: AsyncIterable[Any], first: str, heartbeat: float | None) -> None:
        self.events = events
        self.first = first
        self.heartbeat = heartbeat

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        if self._relayed is None:
            self._relayed = _relayed(self.events, self.first, self.heartbeat)
        return await anext(self._relayed)

    async def aclose(self) -> None:
        """Stop what relays the events, if anything does."""
        if self._relayed is not None:
            await self._relayed.aclose()


STREAMS.add(EventBody)


async def _relayed(
    events: AsyncIterable[Any], first: str, heartbeat: float | None
) -> AsyncGenerator[str]:
    yield first
    relay = _Relay(heartbeat)
    # In a task of its own: waiting for an event with a time limit must not disturb the iterator,
    # and what it does with context variables and timeouts belongs to one task.
    producer = asyncio.ensure_future(_produce(events, relay))
    try:
        while (piece := await relay.get()) is not None:
            if isinstance(piece, Exception):
                raise piece
            yield piece
    finally:
        relay.stop()
        producer.cancel()
        await asyncio.wait({producer})


def cancelled_within(error: asyncio.CancelledError) -> RuntimeError:
    """Return what is wrong with an iterator that let a cancellation out.

    Raises:
        CancelledError: When it is the task here that was cancelled.
    """
    if cast("asyncio.Task[None]", asyncio.current_task()).cancelling():
        raise error
    failure = RuntimeError("A task that the iterator of a stream waited for was cancelled.")
    failure.__cause__ = error
    return failure


async def _produce(events: AsyncIterable[Any], relay: _Relay) -> None:
    iterator: Any = aiter(events)
    try:
        async for item in iterator:
            await relay.put(_encode(item))
    except Exception as error:
        await relay.put(error)
    except asyncio.CancelledError as error:
        # Unless by who waits for the events: the client would wait for ever, too.
        await relay.put(cancelled_within(error))
    else:
        await relay.put(None)
    finally:
        if hasattr(iterator, "aclose"):
            await iterator.aclose()
