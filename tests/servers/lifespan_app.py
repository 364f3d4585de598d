"""Two applications, one mounted on the other, that write down what happens to them."""

import asyncio
import os
import time
from pathlib import Path

from cruse import Cruse, abort, g, request

EVENTS = Path("events.txt")
PIECE = b"x" * 65536


def note(event):
    with EVENTS.open("a") as file:
        file.write(f"{event}\n")


def watched(name):
    app = Cruse(name, static_folder=None)

    @app.startup
    async def connect():
        if os.environ.get("BROKEN") == name:
            raise RuntimeError("no database there")
        note(f"{name} started")

    @app.shutdown
    def disconnect():
        note(f"{name} stopped")

    @app.get("/events")
    def events():
        return EVENTS.read_text()

    return app


app = watched("outer")
inner = watched("inner")
app.mount("/inner", inner)


@app.teardown_request
def tear_down(error):
    if "stream" in g:
        note(f"{g.stream} torn down")


@app.get("/stream/sync")
def stream():
    g.stream = "sync"

    def pieces():
        try:
            while True:
                yield PIECE
                time.sleep(0.01)
        finally:
            note("sync closed")

    return pieces(), {"Content-Type": "text/plain"}


@app.get("/stream/async")
async def stream_async():
    g.stream = "async"

    async def pieces():
        try:
            while True:
                yield PIECE
                await asyncio.sleep(0.01)
        finally:
            note("async closed")

    return pieces(), {"Content-Type": "text/plain"}


@app.post("/refused", stream=True)
async def refused():
    abort(403)


@app.post("/read")
async def read():
    return str(len(request.get_data()))


@app.post("/counted", stream=True)
async def counted():
    size = 0
    async for chunk in request.stream:
        size += len(chunk)
    return str(size)


@app.get("/nothing/<int:status>")
def nothing(status):
    return b"not to be sent", status
