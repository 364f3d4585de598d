"""No framework: what a function costs that does nothing but answer. Nothing can be faster."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.peers.common import ANSWER, CHUNK, CHUNKS


def _answer(start_response: Any, body: bytes, kind: str = "text/plain") -> list[bytes]:
    start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


def hello():
    return lambda environ, start_response: _answer(start_response, b"hello")


def give_json():
    def app(environ, start_response):
        return _answer(start_response, json.dumps(ANSWER).encode(), "application/json")

    return app


def echo():
    def app(environ, start_response):
        value = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        return _answer(start_response, json.dumps(value).encode(), "application/json")

    return app


def stream():
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (CHUNK.encode() for _ in range(CHUNKS))

    return app
