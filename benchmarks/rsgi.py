"""A server without a network for RSGI 1 (granian's own interface), as those in ``gateways.py``."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.peers.common import WEBSOCKET_MESSAGES
from benchmarks.workloads import HEADERS, Answer, Sent

PIECE = 65_536  # bytes of a body in one piece


class RSGI:
    """Calls an RSGI application on one event loop, begun and ended as granian does it."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.loop = asyncio.new_event_loop()
        if hasattr(app, "__rsgi_init__"):
            app.__rsgi_init__(self.loop)

    def prepare(self, sent: Sent) -> tuple[_Scope, list[bytes]]:
        pieces = [sent.body[at : at + PIECE] for at in range(0, len(sent.body), PIECE)]
        return _Scope(sent), pieces

    def ask(self, prepared: tuple[_Scope, list[bytes]]) -> Answer:
        async def ask() -> _Protocol:
            protocol = _Protocol(prepared[1])
            await self.app.__rsgi__(prepared[0], protocol)
            return protocol

        protocol = self.loop.run_until_complete(ask())
        return Answer(protocol.status, protocol.head, b"".join(protocol.sent))

    def batch(self, requests: list[Any], count: int) -> float:
        """Make so many requests and return the CPU seconds of the process."""

        async def ask() -> None:
            for n in range(count):
                scope, pieces = requests[n % len(requests)]
                await self.app.__rsgi__(scope, _Protocol(pieces))

        before = time.process_time()
        self.loop.run_until_complete(ask())
        return time.process_time() - before

    def close(self) -> None:
        if hasattr(self.app, "__rsgi_del__"):
            self.app.__rsgi_del__(self.loop)
        self.loop.close()


class _Headers(dict[str, str]):
    """The fields of a request, which have one value each here."""

    def get_all(self, name: str) -> list[str]:
        return [self[name]] if name in self else []


class _Scope:
    """What is known of a request when it begins."""

    rsgi_version = "1.6"
    http_version = "1.1"
    server, client = "127.0.0.1:80", "127.0.0.1:50000"
    authority = None

    def __init__(self, sent: Sent) -> None:
        self.proto = "ws" if sent.websocket else "http"
        self.scheme = "http"
        self.method = sent.method
        self.path = sent.path
        self.query_string = sent.query
        self.headers = _Headers(HEADERS | sent.headers)


class _Message(NamedTuple):
    """One of a websocket: 0 is the end of it, 1 bytes, 2 text."""

    kind: int
    data: str = ""


class _Protocol:
    """One connection: gives what the client sends to the application and keeps its answer.

    It is the transport of a stream and of a websocket, too.
    """

    __slots__ = ("head", "pieces", "received", "sent", "status")

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces
        self.status = 200
        self.head: list[tuple[str, str]] = []
        self.sent: list[bytes] = []
        self.received = 0

    async def __call__(self) -> bytes:
        return b"".join(self.pieces)

    def __aiter__(self) -> _Protocol:
        return self

    async def __anext__(self) -> bytes:
        self.received += 1
        if self.received > len(self.pieces):
            raise StopAsyncIteration
        return self.pieces[self.received - 1]

    async def client_disconnect(self) -> None:
        """Wait: these clients leave when they have their answers."""
        await asyncio.get_running_loop().create_future()

    def response_empty(self, status: int, head: list[tuple[str, str]]) -> None:
        self.status, self.head = status, head

    def response_bytes(self, status: int, head: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.head = status, head
        self.sent.append(body)

    def response_str(self, status: int, head: list[tuple[str, str]], body: str) -> None:
        self.response_bytes(status, head, body.encode())

    def response_file(self, status: int, head: list[tuple[str, str]], file: str) -> None:
        self.response_bytes(status, head, Path(file).read_bytes())

    def response_stream(self, status: int, head: list[tuple[str, str]]) -> _Protocol:
        self.status, self.head = status, head
        return self

    async def accept(self) -> _Protocol:
        return self

    async def receive(self) -> _Message:
        self.received += 1
        return _Message(2, "hello") if self.received <= WEBSOCKET_MESSAGES else _Message(0)

    async def send_bytes(self, data: bytes) -> None:
        self.sent.append(data)

    async def send_str(self, data: str) -> None:
        self.sent.append(data.encode())

    def close(self, status: int | None = None) -> None: ...
