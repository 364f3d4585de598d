"""Plays the server to an ASGI application: one exchange, or its lifespan.

The rules are those of the ASGI specification, HTTP message format 2.5 and lifespan 2.0. What
comes in is a WSGI environ: a WSGI server's, when an ASGI application is mounted (see
:mod:`cruse.gateway.mounts`), or one that the test client made.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from werkzeug.datastructures import Headers
from werkzeug.exceptions import ClientDisconnected
from werkzeug.http import HTTP_STATUS_CODES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from cruse.typing import Message, Scope

__all__ = ["Body", "Exchange", "Lifespan", "scope_from_environ"]

CHUNK = 64 * 1024  # bytes of the request's body in one message
PATIENCE = 5  # seconds an application has to notice that its client has left
ASGI = {"version": "3.0", "spec_version": "2.5"}

_END = None  # in the queue of messages: the application has returned or raised


class Exchange:
    """One request and its answer, which may be taken piece by piece.

    Args:
        app: The ASGI application.
        environ: The request.
        state: What the lifespan's startup left for requests.
        read: Returns the next piece of the body, and whether there may be more; unless given, the
            body is read where the application runs, which is for files in memory.
    """

    def __init__(
        self,
        app: Callable[..., Any],
        environ: WSGIEnvironment,
        state: Mapping[str, Any] | None = None,
        read: Callable[[], Awaitable[tuple[bytes, bool]]] | None = None,
    ) -> None:
        self.app = app
        self.scope = scope_from_environ(environ, state)
        self.status = ""
        self.headers = Headers()
        self._body = environ["wsgi.input"]
        self._read_body = read or self._read_here
        self._body_sent = False
        self._gone = asyncio.Event()
        self._messages: asyncio.Queue[Message | None] = asyncio.Queue()
        # The application may be one piece ahead of who reads, or an endless answer would fill
        # the memory.
        self._room = asyncio.Semaphore(1)
        #: Whether the application has returned, or raised.
        self.ended = False
        self._first = b""
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Send the request and wait for status and headers, and the first piece of the body.

        An answer that has only one piece is complete then, and the application has returned.

        Raises:
            Exception: What the application raised before it answered.
        """
        self._task = asyncio.create_task(self._run())
        try:
            await self._start()
        except BaseException:
            await self.close()
            raise

    async def _start(self) -> None:
        message = await self._next_message()
        if message is None:
            raise RuntimeError("The application returned without sending a response.")
        if message["type"] != "http.response.start":
            raise RuntimeError(f"The application began its response with {message['type']!r}.")
        code = message["status"]
        self.status = f"{code} {HTTP_STATUS_CODES.get(code, 'UNKNOWN').upper()}"
        for name, value in message.get("headers", ()):
            self.headers.add(name.decode("latin-1"), value.decode("latin-1"))
        self._first = await self.read() or b""

    async def read(self) -> bytes | None:
        """Return the next piece of the body, or ``None`` at its end.

        Raises:
            Exception: What the application raised.
        """
        if self._first:
            first, self._first = self._first, b""
            return first
        message = None if self.ended else await self._next_message()
        if message is None:
            return None
        if message["type"] != "http.response.body":
            raise RuntimeError(f"The application sent {message['type']!r} amid its response.")
        if message.get("more_body", False):
            self._room.release()
        else:
            self._gone.set()  # the client has what it asked for: receive() says so from here on
            if await self._next_message() is not None:
                raise RuntimeError("The application sent something after the end of its response.")
        return bytes(message.get("body", b""))

    async def close(self) -> None:
        """Leave, like a client that closes its connection, and wait for the application."""
        if self._task is None or self._task.done():
            return
        self._gone.set()
        self._room.release()
        done, _ = await asyncio.wait({self._task}, timeout=PATIENCE)
        if not done:
            self._task.cancel()
            await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.exception()  # seen: nobody is there any more to be told

    async def _run(self) -> None:
        try:
            await self.app(self.scope, self._receive, self._send)
        finally:
            self._messages.put_nowait(_END)

    async def _next_message(self) -> Message | None:
        message = await self._messages.get()
        if message is _END:
            self.ended = True
            if self._task is not None:
                await self._task  # raises what the application raised
        return message

    async def _receive(self) -> Message:
        if self._body_sent:
            await self._gone.wait()
            return {"type": "http.disconnect"}
        try:
            body, more = await self._read_body()
        except ClientDisconnected:
            self._body_sent = True
            self._gone.set()
            return {"type": "http.disconnect"}
        self._body_sent = not more
        return {"type": "http.request", "body": body, "more_body": more}

    async def _read_here(self) -> tuple[bytes, bool]:
        body = self._body.read(CHUNK)
        return body, len(body) == CHUNK

    async def _send(self, message: Message) -> None:
        if message.get("more_body", False):
            await self._room.acquire()
        if self._gone.is_set():
            raise OSError("The client has left.")  # specification 2.4, "Disconnected client"
        self._messages.put_nowait(message)


class Body:
    """The body of an answer as WSGI wants it: taken from the application piece by piece.

    Args:
        exchange: The exchange.
        wait: Runs a coroutine on the application's loop and returns its result.
    """

    def __init__(self, exchange: Exchange, wait: Callable[[Any], Any]) -> None:
        self._exchange = exchange
        self._wait = wait

    @classmethod
    def of(
        cls, exchange: Exchange, wait: Callable[[Any], Any], start_response: StartResponse
    ) -> Body:
        """Send the request, tell the server the status and headers, and return the body."""
        wait(exchange.start())
        start_response(exchange.status, exchange.headers.to_wsgi_list())
        return cls(exchange, wait)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece: bytes | None = self._wait(self._exchange.read())
        if piece is None:
            raise StopIteration
        return piece

    def close(self) -> None:
        """Leave before the end, as a client does that closes its connection."""
        if not self._exchange.ended:
            self._wait(self._exchange.close())


class Lifespan:
    """The startup and shutdown of an application, as a server asks for them.

    Args:
        app: The ASGI application. One that does not know the protocol is left alone.
    """

    def __init__(self, app: Callable[..., Any]) -> None:
        self.app = app
        #: What startup left for requests: each gets a copy as ``scope["state"]``.
        self.state: dict[str, Any] = {}
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._error: BaseException | None = None

    async def startup(self) -> None:
        """Start the application.

        Raises:
            RuntimeError: When it says that this failed.
        """
        self._task = asyncio.create_task(self._run())
        await self._ask("startup")

    async def shutdown(self) -> None:
        """Stop the application.

        Raises:
            RuntimeError: When it says that this failed.
        """
        await self._ask("shutdown")
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        scope: Scope = {"type": "lifespan", "asgi": ASGI, "state": self.state}
        try:
            await self.app(scope, self._to_app.get, self._from_app.put)
        except Exception as error:  # kept for _ask(): whether it matters depends on the step
            self._error = error
        finally:
            self._from_app.put_nowait(_END)

    async def _ask(self, step: str) -> None:
        if self._task is None or self._task.done():
            return
        self._to_app.put_nowait({"type": f"lifespan.{step}"})
        answer = await self._from_app.get()
        if answer is _END:
            # An exception before any answer means: this application has no lifespan.
            return
        if answer["type"] == f"lifespan.{step}.failed":
            await self._task
            reason = answer.get("message") or "no reason was given"
            raise RuntimeError(f"The application's {step} failed: {reason}") from self._error


def scope_from_environ(environ: WSGIEnvironment, state: Mapping[str, Any] | None = None) -> Scope:
    """Return the ASGI scope of the request that a WSGI environ describes.

    Keys with a dot that are neither PEP 3333's nor werkzeug's go along, so that a test can hand
    something to middleware the same way under both protocols.
    """
    root = environ.get("SCRIPT_NAME", "").rstrip("/")
    path = root + environ.get("PATH_INFO", "")
    scope: Scope = {
        "type": "http",
        "asgi": ASGI,
        "http_version": environ.get("SERVER_PROTOCOL", "HTTP/1.1").partition("/")[2],
        "method": environ["REQUEST_METHOD"],
        "scheme": environ["wsgi.url_scheme"],
        "path": path.encode("latin-1").decode(errors="replace"),
        "raw_path": _raw_path(environ, root, path),
        "query_string": environ.get("QUERY_STRING", "").encode("latin-1"),
        "root_path": root.encode("latin-1").decode(errors="replace"),
        "headers": _headers(environ),
        "client": (environ.get("REMOTE_ADDR", "127.0.0.1"), int(environ.get("REMOTE_PORT", 0))),
        "server": (environ["SERVER_NAME"], int(environ["SERVER_PORT"])),
        "extensions": {},
    }
    if state is not None:
        scope["state"] = dict(state)
    for key, value in environ.items():
        if "." in key and not key.startswith(("wsgi.", "werkzeug.")):
            scope[key] = value
    return scope


def _raw_path(environ: WSGIEnvironment, root: str, path: str) -> bytes:
    """Return the path as it was on the wire, percent-encoded."""
    sent: str = environ.get("REQUEST_URI", "").partition("?")[0]
    if sent.startswith("/") and sent.isascii():
        return (quote(root, encoding="latin-1") + sent).encode("ascii")
    return quote(path, encoding="latin-1").encode("ascii")


def _headers(environ: WSGIEnvironment) -> list[tuple[bytes, bytes]]:
    headers = []
    for key, value in environ.items():
        if key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            name = key
        elif key.startswith("HTTP_"):
            name = key.removeprefix("HTTP_")
        else:
            continue
        name = name.lower().replace("_", "-")
        headers.append((name.encode("latin-1"), str(value).encode("latin-1")))
    return headers
