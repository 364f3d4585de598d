"""Websockets of the test clients (ASGI specification, websocket message format 2.5)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import Headers

from cruse.testing.asgi import PATIENCE, scope_from_environ
from cruse.websockets import WebSocketDisconnect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from werkzeug.test import TestResponse

    from cruse.testing.base import BaseClient
    from cruse.testing.loop import AsgiOnLoop
    from cruse.typing import Message, Scope

__all__ = ["AsyncTestWebSocket", "TestWebSocket", "WebSocketRejected"]

_END = None  # in the queue of messages: the application has returned or raised


class WebSocketRejected(Exception):  # noqa: N818 - tests expect it
    """The application did not accept the websocket.

    Args:
        response: What it answered instead.
    """

    __test__ = False

    def __init__(self, response: TestResponse) -> None:
        super().__init__(response.status)
        self.response = response


class AsyncTestWebSocket:
    """The client's end of a websocket, open inside its ``async with`` block.

    Args:
        client: Whose cookies are sent and kept.
        arguments: What the handshake is made of, as for ``client.open()``.
        options: The same.
        subprotocols: What to offer, best first.
        state: What the lifespan's startup left for requests.
    """

    __test__ = False

    def __init__(
        self,
        client: BaseClient,
        arguments: tuple[Any, ...],
        options: dict[str, Any],
        subprotocols: Sequence[str] = (),
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self._client = client
        self._request = client.build_request(arguments, options)
        self._environ = dict(self._request.environ)
        client.add_cookies(self._environ)
        self._scope = _websocket_scope(scope_from_environ(self._environ, state), subprotocols)
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._closed: WebSocketDisconnect | None = None
        self._gone = False
        #: The header fields of the answer to the handshake.
        self.headers = Headers()
        #: What the application chose to speak.
        self.subprotocol: str | None = None

    async def send(self, message: str | bytes) -> None:
        """Send a text message for ``str``, a binary one for ``bytes``."""
        kind = "text" if isinstance(message, str) else "bytes"
        self._to_app.put_nowait({"type": "websocket.receive", kind: message})

    async def send_json(self, value: Any) -> None:
        """Send JSON in a text message."""
        await self.send(self._client.application.json.dumps(value))

    async def receive(self) -> str | bytes:
        """Wait for the next message.

        Raises:
            WebSocketDisconnect: When the application has closed the websocket.
            Exception: What the application raised.
        """
        if self._closed is None:
            message = await self._next_message()
            if message["type"] == "websocket.send":
                text: str | None = message.get("text")
                return bytes(message["bytes"]) if text is None else text
            code, reason = message["code"], message.get("reason") or ""
            self._closed = WebSocketDisconnect(code, reason)
            # Clients answer that they are closed, and servers tell the application.
            answer = {"type": "websocket.disconnect", "code": code, "reason": reason}
            self._to_app.put_nowait(answer)
            await self._next_message()  # the application ends, or raises why it closed
        raise self._closed

    async def receive_json(self) -> Any:
        """Wait for the next message and parse it as JSON."""
        return self._client.application.json.loads(await self.receive())

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        try:
            while True:
                yield await self.receive()
        except WebSocketDisconnect:
            return

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Leave, and wait until the application has come to its end.

        Args:
            code: The close code; 1006 is a connection that broke.
            reason: The reason.

        Raises:
            Exception: What the application raised.
        """
        if self._task is None:
            return
        self._gone = True
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        done, _ = await asyncio.wait({self._task}, timeout=PATIENCE)
        if not done:
            self._task.cancel()
            await asyncio.wait({self._task})
        task, self._task = self._task, None
        if not task.cancelled():
            task.result()

    async def __aenter__(self) -> Self:
        self._to_app.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.create_task(self._run())
        message = await self._next_message()
        for name, value in message.get("headers") or ():
            self.headers.add(name.decode("latin-1"), value.decode("latin-1"))
        self._client.keep_cookies(self._environ, self.headers)
        if message["type"] == "websocket.accept":
            self.subprotocol = message.get("subprotocol")
            return self
        status, body = 403, b""
        if message["type"] == "websocket.http.response.start":
            status = message["status"]
            body = (await self._next_message()).get("body", b"")
        await self.close()
        response = self._client.response_wrapper(
            [body], f"{status} REJECTED", self.headers, request=self._request
        )
        raise WebSocketRejected(self._client.finish(response))

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self.close()
        except Exception:
            if exc is None:
                raise

    async def _run(self) -> None:
        try:
            await self._client.application(self._scope, self._to_app.get, self._send)
        finally:
            self._from_app.put_nowait(_END)

    async def _send(self, message: Message) -> None:
        if self._gone:
            raise OSError("The client has left.")  # specification 2.4, "Disconnected client"
        self._from_app.put_nowait(message)

    async def _next_message(self) -> Message:
        message = await self._from_app.get()
        if message is _END:
            task, self._task = self._task, None
            if task is not None:
                await task  # raises what the application raised
            return {"type": "websocket.close", "code": 1006}
        return message


class TestWebSocket:
    """The client's end of a websocket in sync tests, open inside its ``with`` block.

    The application runs while something here waits for it.

    Args:
        driver: The event loop.
        socket: What happens on it.
    """

    __test__ = False

    def __init__(self, driver: AsgiOnLoop, make: Callable[[], AsyncTestWebSocket]) -> None:
        self._driver = driver
        self._make = make

    async def _open(self) -> AsyncTestWebSocket:
        return await self._make().__aenter__()  # its queues belong to the running loop

    @property
    def headers(self) -> Headers:
        """The header fields of the answer to the handshake."""
        return self._socket.headers

    @property
    def subprotocol(self) -> str | None:
        """What the application chose to speak."""
        return self._socket.subprotocol

    def send(self, message: str | bytes) -> None:
        """Send a text message for ``str``, a binary one for ``bytes``."""
        self._driver.run(self._socket.send(message))

    def send_json(self, value: Any) -> None:
        """Send JSON in a text message."""
        self._driver.run(self._socket.send_json(value))

    def receive(self) -> str | bytes:
        """Wait for the next message; see :meth:`AsyncTestWebSocket.receive`."""
        return self._driver.run(self._socket.receive())

    def receive_json(self) -> Any:
        """Wait for the next message and parse it as JSON."""
        return self._driver.run(self._socket.receive_json())

    def __iter__(self) -> Iterator[str | bytes]:
        try:
            while True:
                yield self.receive()
        except WebSocketDisconnect:
            return

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Leave, and wait until the application has come to its end."""
        self._driver.run(self._socket.close(code, reason))

    def __enter__(self) -> Self:
        self._socket = self._driver.run(self._open())
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self._driver.run(self._socket.__aexit__(*exc_info))


def _websocket_scope(scope: Scope, subprotocols: Sequence[str]) -> Scope:
    """Make the scope of a websocket from that of its handshake."""
    handshake = {key: value for key, value in scope.items() if key != "method"}
    return {
        **handshake,
        "type": "websocket",
        "scheme": "wss" if scope["scheme"] in {"https", "wss"} else "ws",
        "subprotocols": list(subprotocols),
        "extensions": {"websocket.http.response": {}},
    }
