"""No framework: what a function costs that does nothing but answer. Nothing can be faster."""

from __future__ import annotations

import json

from benchmarks.peers.common import ANSWER, CHUNK, CHUNKS

TEXT = [("content-type", "text/plain")]
JSON = [("content-type", "application/json")]


class _Application:
    """What granian takes for an RSGI application: an object with this method."""

    def __init__(self, answer):
        self.__rsgi__ = answer


def hello():
    async def answer(scope, protocol):
        protocol.response_str(200, TEXT, "hello")

    return _Application(answer)


def give_json():
    async def answer(scope, protocol):
        protocol.response_bytes(200, JSON, json.dumps(ANSWER).encode())

    return _Application(answer)


def echo():
    async def answer(scope, protocol):
        value = json.loads(await protocol())
        protocol.response_bytes(200, JSON, json.dumps(value).encode())

    return _Application(answer)


def stream():
    async def answer(scope, protocol):
        transport = protocol.response_stream(200, TEXT)
        for _ in range(CHUNKS):
            await transport.send_str(CHUNK)

    return _Application(answer)


def websocket_echo():
    async def answer(scope, protocol):
        transport = await protocol.accept()
        while (message := await transport.receive()).kind:
            await transport.send_str(message.data)

    return _Application(answer)
