"""No framework: what a function costs that does nothing but answer. Nothing can be faster."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.peers.common import ANSWER, CHUNK, CHUNKS


async def _answer(send: Any, body: bytes, kind: bytes = b"text/plain") -> None:
    fields = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def hello():
    async def app(scope, receive, send):
        await _answer(send, b"hello")

    return app


def give_json():
    async def app(scope, receive, send):
        await _answer(send, json.dumps(ANSWER).encode(), b"application/json")

    return app


def echo():
    async def app(scope, receive, send):
        value = json.loads((await receive())["body"])
        await _answer(send, json.dumps(value).encode(), b"application/json")

    return app


def stream():
    async def app(scope, receive, send):
        fields = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        for _ in range(CHUNKS):
            body = {"type": "http.response.body", "body": CHUNK.encode(), "more_body": True}
            await send(body)
        await send({"type": "http.response.body", "body": b""})

    return app


def websocket_echo():
    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})

    return app
