"""How low the rows of streams could be: functions by hand that keep their promises.

As in :mod:`benchmarks.floors`, which prints them. A piece is made in its request's context, text
is encoded, and the iterator is closed at the end, whatever happens. Under ASGI a stream is driven
until it waits for the first time: only then has anybody to look out for the client, which these
rows never come to. A websocket looks at the origin and at the size of messages.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import copy_context
from typing import Any

from benchmarks.peers.common import CHUNK, CHUNKS, EVENTS
from cruse import Cruse
from cruse.context import Context
from cruse.globals import _cv
from cruse.hosts import SEEN_HOSTS, refusal

APP = Cruse("floor")
FIELDS = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "SAMEORIGIN"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
]
EVENT_FIELDS = [
    ("Content-Type", "text/event-stream; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("X-Accel-Buffering", "no"),
    *FIELDS[1:],
]
MAX_SIZE = 1024 * 1024
_END = object()

ROWS = ("stream", "events", "websocket")


def event(item: Any) -> str:
    assert type(item) is str
    assert "\n" not in item
    assert "\r" not in item
    return f"data: {item}\n\n"


def pieces(name: str) -> Iterator[str]:
    if name == "events":
        return (str(n) for n in range(EVENTS))
    return (CHUNK for _ in range(CHUNKS))


async def later(name: str) -> AsyncIterator[str]:
    if name == "events":
        for n in range(EVENTS):
            yield str(n)
    else:
        for _ in range(CHUNKS):
            yield CHUNK


def wsgi(name: str) -> Any:
    """Return a WSGI application for one row."""
    encode = event if name == "events" else str
    fields = EVENT_FIELDS if name == "events" else FIELDS

    def serve(environ: dict[str, Any], start_response: Any) -> Iterator[str]:
        _cv.set(Context(APP, environ, None, None))
        host = environ["HTTP_HOST"]
        assert host in SEEN_HOSTS or refusal(host) is None
        assert environ["PATH_INFO"] == f"/{name}"
        start_response("200 OK", [*fields])
        return pieces(name)

    def body(run: Callable[..., Any], source: Any) -> Iterator[bytes]:
        try:
            yield b""
            while (piece := run(next, source, _END)) is not _END:
                yield (encode(piece) if encode is event else piece).encode()
        finally:
            run(source.close)

    def called(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        run = copy_context().run
        made = body(run, run(serve, environ, start_response))
        next(made)
        return made

    return called


def _host(scope: Any) -> None:
    for field, value in scope["headers"]:
        if field == b"host":
            assert value in SEEN_HOSTS or refusal(value) is None


def asgi(name: str) -> Any:
    """Return an ASGI application for one row."""
    fields = EVENT_FIELDS if name == "events" else FIELDS
    head = [(field.lower().encode(), value.encode()) for field, value in fields]
    encode = event if name == "events" else None

    async def send_all(send: Any, source: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [*head]})
        async for piece in source:
            text = piece if encode is None else encode(piece)
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        _host(scope)
        assert scope["path"] == f"/{name}"
        token = _cv.set(Context(APP, {}, None, None))
        source = later(name)
        sending = send_all(send, source)
        try:
            sending.send(None)  # nobody has to look out for the client before it waits
        except StopIteration:
            _cv.reset(token)
            return
        raise AssertionError("It had to wait, which is not measured here.")

    async def converse(scope: Any, receive: Any, send: Any) -> None:
        _host(scope)
        assert all(field != b"origin" for field, _ in scope["headers"])
        token = _cv.set(Context(APP, {}, None, None))
        await receive()
        await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
        while (said := await receive())["type"] != "websocket.disconnect":
            text = said["text"]
            assert len(text) <= MAX_SIZE // 4
            await send({"type": "websocket.send", "text": text})
        _cv.reset(token)

    def called(scope: Any, receive: Any, send: Any) -> Any:
        if scope["type"] == "lifespan":
            return APP(scope, receive, send)
        return (serve if scope["type"] == "http" else converse)(scope, receive, send)

    return called
