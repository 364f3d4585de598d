"""The application that a server is started with, named in the environment variable BENCHMARK."""

from __future__ import annotations

import os

from benchmarks.measured import make_app
from benchmarks.workloads import workload_of


def lacking(environ, start_response):
    start_response("501 Not Implemented", [("Content-Length", "0")])
    return [b""]


async def lacking_too(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    await send({"type": "http.response.start", "status": 501, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class LackingToo:
    async def __rsgi__(self, scope, protocol):
        protocol.response_empty(501, [])


face, peer, name = os.environ["BENCHMARK"].split()
workload = workload_of(name)
try:
    app = make_app(face, peer, workload.build, *workload.arguments)
except LookupError:
    app = {"wsgi": lacking, "asgi": lacking_too, "rsgi": LackingToo()}[face]
