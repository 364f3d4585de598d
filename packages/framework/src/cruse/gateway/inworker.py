"""A WSGI application that answers an ASGI request: in one thread, from its call to its end.

What it yields is sent piece by piece, and the next is not asked for before the server has taken
the last: a slow client costs a thread, as under a WSGI server, and no memory.
"""

from __future__ import annotations

import asyncio
import io
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from cruse.body import BodyStream
from cruse.gateway.asgi import _Transport
from cruse.gateway.asgi_environ import environ_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from cruse.typing import Receive, Scope, Send, WSGIEnvironment
    from cruse.workers import WorkerPool

__all__ = ["run_wsgi"]


async def run_wsgi(
    pool: WorkerPool, app: Callable[..., Any], scope: Scope, receive: Receive, send: Send
) -> None:
    """Let a WSGI application answer one request.

    Raises:
        Exception: What the application raised.
    """
    transport = _Transport(scope, receive, send)
    transport.loop = loop = asyncio.get_running_loop()
    environ: WSGIEnvironment = environ_of(transport).copy()
    environ["cruse.loop"] = loop  # for async code of an application of ours
    # PEP 3333 wants lines too.
    environ["wsgi.input"] = io.BufferedReader(BodyStream(environ["wsgi.input"], None, None))
    exchange = _Exchange(app, environ, transport, loop)
    work = asyncio.ensure_future(pool.run(copy_context().run, exchange.run))
    watcher = asyncio.ensure_future(transport.wait_disconnect())
    try:
        await asyncio.wait({work, watcher}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        exchange.gone = True  # a thread can't be stopped: it looks at this between two pieces
        watcher.cancel()
        await asyncio.wait({work, watcher})
    work.result()


class _Exchange:
    """One call of the application."""

    #: Whether the client has left.
    gone = False
    status = 0
    head: list[tuple[str, str]] = []  # noqa: RUF012 - replaced, never changed
    sent = False  # the head

    def __init__(
        self,
        app: Callable[..., Any],
        environ: WSGIEnvironment,
        transport: _Transport,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.app = app
        self.environ = environ
        self.transport = transport
        self.loop = loop

    def run(self) -> None:
        """Call the application and send what it yields; in a thread."""
        body = self.app(self.environ, self.start_response)
        try:
            for chunk in body:
                if self.gone:
                    return
                if chunk:
                    self.write(chunk)
            self._send(self._finish())
        except OSError:
            if not self.gone:  # an error of the application's own
                raise
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """Take status and headers; they are sent with the first piece of the body (PEP 3333)."""
        if exc_info is not None and self.sent:
            raise exc_info[1].with_traceback(exc_info[2])
        if exc_info is None and self.status:
            raise AssertionError("The application called start_response twice.")
        self.status, self.head = int(status[:3]), headers
        return self.write

    def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        self._send(self._piece(data))

    def _send(self, sending: Coroutine[Any, Any, None]) -> None:
        if self.gone:
            sending.close()
            raise ConnectionError("The client has left.")
        try:
            asyncio.run_coroutine_threadsafe(sending, self.loop).result()
        except OSError:  # ASGI 2.4: the client has left
            self.gone = True
            raise

    async def _piece(self, data: bytes) -> None:
        await self._start()
        await self.transport.send_chunk(data)

    async def _finish(self) -> None:
        await self._start()
        await self.transport.end()

    async def _start(self) -> None:
        if self.sent:
            return
        if not self.status:
            raise RuntimeError("The application answered without calling start_response.")
        self.sent = True
        await self.transport.start(self.status, self.head)
