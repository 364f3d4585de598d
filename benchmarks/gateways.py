"""A server without a network: makes requests of an application as a server does."""

from __future__ import annotations

import asyncio
import io
import sys
import time
from typing import Any

from benchmarks.peers.common import WEBSOCKET_MESSAGES
from benchmarks.workloads import HEADERS, Answer, Sent

PIECE = 65_536  # bytes of a body in one message


class WSGI:
    """Calls a WSGI application (PEP 3333)."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def prepare(self, sent: Sent) -> tuple[dict[str, Any], bytes]:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": sent.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": sent.path,
            "QUERY_STRING": sent.query,
            "RAW_URI": f"{sent.path}?{sent.query}" if sent.query else sent.path,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "REMOTE_PORT": "50000",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        for name, value in {**HEADERS, **sent.headers}.items():
            key = name.upper().replace("-", "_")
            environ[key if key.startswith("CONTENT_") else f"HTTP_{key}"] = value
        return environ, sent.body

    def ask(self, prepared: tuple[dict[str, Any], bytes]) -> Answer:
        head: list[Any] = []
        body = self._run(prepared, lambda *arguments: head.append(arguments))
        status, headers = head[-1][:2]
        return Answer(int(status[:3]), headers, body)

    def _run(self, prepared: tuple[dict[str, Any], bytes], start_response: Any) -> bytes:
        environ = prepared[0].copy()
        environ["wsgi.input"] = io.BytesIO(prepared[1])
        result = self.app(environ, start_response)
        try:
            return b"".join(result)
        finally:
            if hasattr(result, "close"):
                result.close()

    def batch(self, requests: list[Any], count: int) -> float:
        """Make so many requests and return the CPU seconds of the process."""

        def start_response(status: str, headers: Any, exc_info: Any = None) -> None: ...

        before = time.process_time()
        for n in range(count):
            self._run(requests[n % len(requests)], start_response)
        return time.process_time() - before

    def close(self) -> None: ...


class ASGI:
    """Calls an ASGI 3 application on one event loop, with its lifespan around all requests."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.loop = asyncio.new_event_loop()
        self.lifespan = _Lifespan(app)
        self.state = self.loop.run_until_complete(self.lifespan.start())

    def prepare(self, sent: Sent) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        scope = {
            "type": "websocket" if sent.websocket else "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "ws" if sent.websocket else "http",
            "path": sent.path,
            "raw_path": sent.path.encode(),
            "root_path": "",
            "query_string": sent.query.encode(),
            "headers": [
                (name.encode(), value.encode())
                for name, value in {**HEADERS, **sent.headers}.items()
            ],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 80),
            "extensions": {},
        }
        if sent.websocket:
            said = {"type": "websocket.receive", "text": "hello"}
            messages = [{"type": "websocket.connect"}, *[said] * WEBSOCKET_MESSAGES]
            return {**scope, "subprotocols": []}, messages
        scope["method"] = sent.method
        pieces = [sent.body[at : at + PIECE] for at in range(0, len(sent.body), PIECE)] or [b""]
        messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
        messages[-1]["more_body"] = False
        return scope, messages

    def ask(self, prepared: tuple[dict[str, Any], list[dict[str, Any]]]) -> Answer:
        async def ask() -> _Connection:
            connection = _Connection(prepared[1])
            await self.app(self._scope(prepared[0]), connection.receive, connection.send)
            return connection

        sent = self.loop.run_until_complete(ask()).sent
        if prepared[0]["type"] == "websocket":
            texts = [m["text"] for m in sent if m["type"] == "websocket.send"]
            return Answer(200, [], "".join(texts).encode())
        (start,) = (m for m in sent if m["type"] == "http.response.start")
        body = b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
        headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in start["headers"]]
        return Answer(start["status"], headers, body)

    def _scope(self, scope: dict[str, Any]) -> dict[str, Any]:
        return {**scope, "state": self.state.copy()}

    def batch(self, requests: list[Any], count: int) -> float:
        """Make so many requests and return the CPU seconds of the process."""

        async def ask() -> None:
            for n in range(count):
                scope, messages = requests[n % len(requests)]
                connection = _Connection(messages)
                await self.app(self._scope(scope), connection.receive, connection.send)

        before = time.process_time()
        self.loop.run_until_complete(ask())
        return time.process_time() - before

    def close(self) -> None:
        self.loop.run_until_complete(self.lifespan.stop())
        self.loop.close()


class _Connection:
    """One connection: gives messages to the application and keeps what it sends."""

    __slots__ = ("at", "ended", "messages", "sent", "waiter")

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.messages = messages
        self.at = 0
        self.sent: list[dict[str, Any]] = []
        self.waiter: asyncio.Future[None] | None = None
        self.ended = False

    async def receive(self) -> dict[str, Any]:
        if self.at < len(self.messages):
            self.at += 1
            return self.messages[self.at - 1]
        if not self.ended:  # a client leaves when it has its answers
            self.waiter = asyncio.get_running_loop().create_future()
            await self.waiter
        if self.messages[0]["type"] == "websocket.connect":
            return {"type": "websocket.disconnect", "code": 1000, "reason": ""}
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)
        if message["type"] == "http.response.body":
            last = not message.get("more_body")
        else:  # of a websocket, the accept and as many echoes as there were messages
            last = len(self.sent) == 1 + WEBSOCKET_MESSAGES
        if last:
            self.ended = True
            if self.waiter is not None and not self.waiter.done():
                self.waiter.set_result(None)


class _Lifespan:
    """The lifespan protocol, for those that speak it."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.state: dict[str, Any] = {}
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.started: asyncio.Event = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> dict[str, Any]:
        self.task = asyncio.ensure_future(self._run())
        await self.incoming.put({"type": "lifespan.startup"})
        await self.started.wait()
        return self.state

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self.state}
        try:
            await self.app(scope, self.incoming.get, self._sent)
        except Exception as error:  # how an application says that it has none
            if not self.started.is_set():
                print(f"no lifespan: {error!r}", file=sys.stderr)
        finally:
            self.started.set()

    async def _sent(self, message: dict[str, Any]) -> None:
        if message["type"] == "lifespan.startup.failed":
            raise RuntimeError(message)
        self.started.set()

    async def stop(self) -> None:
        await self.incoming.put({"type": "lifespan.shutdown"})
        await asyncio.wait({self.task}, timeout=5)
