"""An application's third face for its test clients: what granian does, without granian.

``through_rsgi(app)`` puts the RSGI face in the place of the ASGI one, so that the clients for ASGI
reach the application by ``__rsgi__``: whatever is tested through them is tested under RSGI too.
"""

import asyncio
from types import SimpleNamespace
from urllib.parse import quote

FACES = ["wsgi", "asgi", "rsgi"]


def client_of(app, face, **options):
    """Return a test client that reaches an application by one of its faces."""
    if face == "rsgi":
        through_rsgi(app)
    return app.test_client(gateway="wsgi" if face == "wsgi" else "asgi", **options)


def through_rsgi(app):
    """Let the ASGI clients of an application reach it by RSGI; return the application."""
    lifespan = app.asgi_app

    async def asgi_app(scope, receive, send):
        if scope["type"] == "lifespan":
            await lifespan(scope, receive, send)
            return
        kind = _Http if scope["type"] == "http" else _WebSocket
        protocol = kind(receive, send)
        await app.__rsgi__(_scope(scope), protocol)
        await protocol.flush()

    app.asgi_app = asgi_app
    return app


class ClosedError(RuntimeError):
    """As granian's RSGIProtocolClosed: the client has left."""


class _Fields:
    """The header fields of an RSGI scope."""

    def __init__(self, pairs):
        self.pairs = [(name.decode(), value.decode("latin-1")) for name, value in pairs]

    def __contains__(self, name):
        return any(name == each for each, _ in self.pairs)

    def keys(self):
        return list(dict(self.pairs))

    def get(self, name, default=None):
        return next(iter(self.get_all(name)), default)

    def get_all(self, name):
        return [value for each, value in self.pairs if each == name]


def _scope(scope):
    return SimpleNamespace(
        proto="http" if scope["type"] == "http" else "ws",
        http_version=scope.get("http_version", "1.1"),
        server="127.0.0.1:8000",
        client="127.0.0.1:4711",
        scheme=scope.get("scheme", "http").replace("ws", "http"),
        method=scope.get("method", "GET"),
        path=scope["raw_path"].decode() if scope.get("raw_path") else quote(scope["path"]),
        query_string=scope.get("query_string", b"").decode(),
        authority=None,
        headers=_Fields(scope["headers"]),
    )


class _Http:
    """The protocol object of a request."""

    def __init__(self, receive, send):
        self.receive, self.send = receive, send
        self.answer = None  # status, head, body; None for the body of a stream
        self.started = self.gone = self.read = False

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self.read:
            raise StopAsyncIteration
        message = await self.receive()
        if message["type"] == "http.disconnect":
            self.gone = True
            raise ClosedError
        self.read = not message.get("more_body")
        return message.get("body", b"")

    async def client_disconnect(self):
        if not self.read:  # the connection is watched, whether or not the body was read
            async for _ in self:
                pass
        while not self.gone:
            self.gone = (await self.receive())["type"] == "http.disconnect"

    def response_empty(self, status, head):
        self.answer = status, head, b""

    def response_bytes(self, status, head, body):
        self.answer = status, head, body

    def response_stream(self, status, head):
        self.answer = status, head, None
        return self

    async def send_bytes(self, data):
        await self._start()
        try:
            await self.send({"type": "http.response.body", "body": data, "more_body": True})
        except OSError as error:
            raise ClosedError from error

    async def _start(self):
        if not self.started:
            self.started = True
            head = [(n.lower().encode(), v.encode("latin-1")) for n, v in self.answer[1]]
            await self.send(
                {"type": "http.response.start", "status": self.answer[0], "headers": head}
            )

    async def flush(self):
        """Send what is left when the application has returned."""
        try:
            await self._start()
            await self.send({"type": "http.response.body", "body": self.answer[2] or b""})
        except OSError:
            self.gone = True


class _WebSocket:
    """The protocol object, and the transport, of a websocket."""

    accepted = closed = False

    def __init__(self, receive, send):
        self.inner_receive, self.inner_send = receive, send

    async def accept(self):
        await self.inner_receive()  # the message that asks for it
        await self.inner_send({"type": "websocket.accept"})
        self.accepted = True
        return self

    async def receive(self):
        message = await self.inner_receive()
        if message["type"] == "websocket.disconnect":
            return SimpleNamespace(kind=0)
        text = message.get("text")
        if text is None:
            return SimpleNamespace(kind=1, data=message["bytes"])
        return SimpleNamespace(kind=2, data=text)

    async def _send(self, **content):
        try:
            await self.inner_send({"type": "websocket.send", **content})
        except OSError as error:
            raise ClosedError from error

    async def send_str(self, data):
        await self._send(text=data)

    async def send_bytes(self, data):
        await self._send(bytes=data)

    def close(self, status=None):
        self.closed = True

    async def flush(self):
        """Close what the application has closed."""
        try:
            await self.inner_send({"type": "websocket.close", "code": 1000})
        except OSError:
            await asyncio.sleep(0)
