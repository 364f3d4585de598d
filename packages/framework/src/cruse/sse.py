"""Server-sent events (HTML standard, section 9.2): a response that goes on.

Browsers read them with ``new EventSource(url)`` and come back by themselves when the connection
ends, telling the id of the last event that they got.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from cruse.globals import current_context
from cruse.responses import Response

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping

__all__ = ["Event", "EventStream"]

_LINE_END = re.compile(r"\r\n|\r|\n")
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the latter is nginx's
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
        lines += (f"data: {line}\n" for line in _LINE_END.split(text))
        return "".join(lines) + "\n"


class EventStream(Response):
    """A response that sends events as they come.

    It ends when there are no more, or when the client has left; the iterator is closed then. With
    an async iterator, and under ASGI and RSGI, a client that waits costs no thread.

    Args:
        events: Yields :class:`Event` objects, or their data alone. It is at most
            two events ahead of what was sent.
        heartbeat: Seconds without an event after which a sign of life is sent. It keeps proxies
            from hanging up, and shows under WSGI that the client has left. An async iterator's
            only; ``None`` sends none.
        retry: Seconds after which browsers come back when the connection ends.
        headers: Further header fields.
    """

    default_mimetype = "text/event-stream"

    def __init__(
        self,
        events: Iterable[Any] | AsyncIterable[Any],
        *,
        heartbeat: float | None = 15.0,
        retry: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        first = "" if retry is None else f"retry: {round(retry * 1000)}\n\n"
        body = (
            _encoded_async(cast("AsyncIterable[Any]", events), first, heartbeat)
            if hasattr(events, "__aiter__")
            else _encoded(events, first)
        )
        super().__init__(body, headers={**_HEADERS, **(headers or {})})


def _encode(item: Any) -> str:
    return (item if isinstance(item, Event) else Event(item)).encode()


def _encoded(events: Iterable[Any], first: str) -> Iterator[str]:
    try:
        yield first
        for item in events:
            yield _encode(item)
    finally:
        close = getattr(events, "close", None)
        if close is not None:
            close()


async def _encoded_async(
    events: AsyncIterable[Any], first: str, heartbeat: float | None
) -> AsyncIterator[str]:
    yield first
    waiting: asyncio.Queue[str | Exception | None] = asyncio.Queue(1)
    # In one task of its own: waiting for an event with a time limit must not disturb the iterator,
    # and what it does with context variables and timeouts belongs to one task.
    producer = asyncio.ensure_future(_produce(events, waiting))
    try:
        while True:
            try:
                async with asyncio.timeout(heartbeat):
                    piece = await waiting.get()
            except TimeoutError:
                yield _BEAT
                continue
            if piece is None:
                return
            if isinstance(piece, Exception):
                raise piece
            yield piece
    finally:
        producer.cancel()
        await asyncio.wait({producer})


async def _produce(
    events: AsyncIterable[Any], waiting: asyncio.Queue[str | Exception | None]
) -> None:
    iterator: Any = aiter(events)
    try:
        async for item in iterator:
            await waiting.put(_encode(item))
    except Exception as error:
        await waiting.put(error)
    except asyncio.CancelledError as error:
        if cast("asyncio.Task[None]", asyncio.current_task()).cancelling():
            raise  # by who waits for the events
        # By what the iterator waited for: the client would wait for ever, too.
        failure = RuntimeError("The task that the iterator of the events waited for was cancelled")
        failure.__cause__ = error
        await waiting.put(failure)
    else:
        await waiting.put(None)
    finally:
        if hasattr(iterator, "aclose"):
            await iterator.aclose()
