"""How observers see what the gateways send; only applications that have observers use this."""

from __future__ import annotations

from contextvars import copy_context
from typing import TYPE_CHECKING, Any, cast

from cruse.gateway.streams import send_each
from cruse.globals import _cv
from cruse.observers import Observation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
    from contextvars import Context as Variables

    from cruse.context import Context
    from cruse.gateway.fileparts import FilePart
    from cruse.gateway.onloop import Transport
    from cruse.headerfields import Fields
    from cruse.responses import Response

__all__ = ["ObservedTransport", "observe_wsgi"]


class ObservedTransport:
    """A transport that keeps a request's observation up to date.

    Args:
        ctx: The context of the request.
        transport: What sends.
    """

    def __init__(self, ctx: Context, transport: Transport) -> None:
        self.observation = ctx.observation = Observation(ctx)
        self.transport = transport
        self.loop = transport.loop
        self.wait_disconnect = transport.wait_disconnect
        self.takes_file = transport.takes_file

    @property
    def disconnected(self) -> bool:
        """Whether it has been noticed that the client has left, which is no error here."""
        return self.transport.disconnected

    @disconnected.setter
    def disconnected(self, left: bool) -> None:
        self.transport.disconnected = left

    def send_whole(
        self, status: int, head: list[tuple[str, str]], body: bytes, behind: Fields | None = None
    ) -> Iterable[Any]:
        """Return all of a response that is complete as one message, for :meth:`send`."""
        return ((status, head if behind is None else head + behind, body),)

    def send_plain(self, response: Response, fields: Fields) -> Iterable[Any] | None:
        """Return a response whose head follows from its body, likewise; ``None`` for another."""
        if not response.plain:
            return None
        head = response.plain_head(response.behind_added(fields))
        return self.send_whole(response._status_code, head, response.whole[0])

    async def send(self, whole: Any) -> None:
        """Send a response that is complete: the arguments of :meth:`send_whole`."""
        status, head, body = whole
        head = self.observation.head(status, head)
        for message in self.transport.send_whole(status, head, body):
            await self.transport.send(message)
        self.observation.sent(len(body))
        self.observation.complete = True

    async def start(self, status: int, head: list[tuple[str, str]]) -> None:
        """Send the head of a response whose body follows."""
        await self.transport.start(status, self.observation.head(status, head))

    async def start_plain(self, response: Response, fields: Fields) -> None:
        """Send the head of a stream, which follows from its body."""
        await self.start(response._status_code, response.plain_head(fields))

    async def send_chunk(self, chunk: bytes) -> None:
        """Send a piece of the body."""
        await self.transport.send_chunk(chunk)
        self.observation.sent(len(chunk))

    async def end(self) -> None:
        """Say that the body is complete."""
        await self.transport.end()
        self.observation.complete = not self.disconnected

    def send_pieces(self, pieces: AsyncIterator[str | bytes]) -> Coroutine[Any, Any, None]:
        """Send all pieces of the body."""
        return send_each(cast("Transport", self), pieces)

    async def send_file(self, status: int, head: list[tuple[str, str]], part: FilePart) -> None:
        """Let the server send a response whose body is in a file."""
        await self.transport.send_file(status, self.observation.head(status, head), part)
        if not self.disconnected:
            self.observation.sent(part.stop - part.start)
            self.observation.complete = True


def observe_wsgi(
    serve: Callable[..., Iterable[bytes]],
    app: Any,
    entrance: Any,
    environ: dict[str, Any],
    start_response: Callable[..., Any],
) -> Iterable[bytes]:
    """Serve a request under WSGI; ``serve`` makes the context, and the observation within it."""
    variables = copy_context()

    def start(status: str, head: list[tuple[str, str]]) -> Any:
        observation: Observation = _cv.get().observation  # type: ignore[assignment]
        return start_response(status, observation.head(int(status[:3]), head))

    try:
        body = variables.run(serve, app, entrance, environ, start, variables)
    except BaseException as error:
        ctx = variables.get(_cv)
        if ctx is not None and ctx.observation is not None:
            variables.run(ctx.observation.end, error)
        raise
    return _ObservedBody(body, variables)


class _ObservedBody:
    """A WSGI body whose end is the end of the observation."""

    def __init__(self, body: Iterable[bytes], variables: Variables) -> None:
        self.body = body
        self.chunks = iter(body)
        self.variables = variables
        self.observation: Observation = variables[_cv].observation  # type: ignore[assignment]

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            chunk = next(self.chunks)
        except StopIteration:
            self.observation.complete = True
            raise
        except BaseException as error:
            self.variables.run(self.observation.end, error)  # not every server closes it now
            raise
        self.observation.sent(len(chunk))
        return chunk

    def close(self) -> None:
        """Close the body and end the observation."""
        error: BaseException | None = None
        try:
            close = getattr(self.body, "close", None)
            if close is not None:
                close()
        except BaseException as raised:
            error = raised
            raise
        finally:
            self.variables.run(self.observation.end, error)
            error = None  # its traceback leads back here: a cycle
