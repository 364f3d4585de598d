"""A server that is told to stop answers what it is at work on, and ends what has no end."""

import asyncio
import re
import time

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.servers.conftest import SERVERS
from tests.servers.serving import serve

APP = """
import asyncio, time
from cruse import Cruse

app = Cruse(__name__, static_folder=None)
app.config["THREAD_POOL_SIZE"] = 20
app.shutdown(lambda: print("all is put away", flush=True))

@app.get("/plain")
def plain():
    print("at work", flush=True)
    time.sleep(1)
    return "done"

@app.get("/async")
async def from_async():
    print("at work", flush=True)
    await asyncio.sleep(1)
    return "done"
"""
#: What servers that run views in their own threads have to be told: how many.
OPTIONS = {
    "gunicorn": ["--threads", "20"],
    "granian-wsgi": ["--blocking-threads", "20"],
}
COMMANDS = {
    name: ["-m", *SERVERS[name].replace("{app}", "app:app").split(), *OPTIONS.get(name, [])]
    for name in (
        "gunicorn",
        "uvicorn",
        "hypercorn",
        "granian-wsgi",
        "granian-asgi",
        "granian-rsgi",
    )
} | {"cruse-serve": ["-m", "cruse", "serve", "--port", "{port}"]}


async def ask_and_stop(running):
    """Ask twenty times, stop the server when it is at work on all, and return the answers."""
    async with httpx2.AsyncClient(base_url=running.url, timeout=60) as client:
        paths = ["/plain", "/async"] * 10
        asked = [asyncio.ensure_future(client.get(path)) for path in paths]
        deadline = time.monotonic() + 60
        while (count := running.log.read_text().count("at work")) < 20:
            assert time.monotonic() < deadline, f"It began {count}."
            await asyncio.sleep(0.02)
        running.process.terminate()
        answers = await asyncio.gather(*asked)
    return [answer.text for answer in answers]


@pytest.mark.parametrize("server", COMMANDS)
def test_twenty_requests_in_flight_are_answered_before_the_end(server, tmp_path):
    (tmp_path / "app.py").write_text(APP)
    with serve(COMMANDS[server], tmp_path, {"PYTHONPATH": str(tmp_path)}) as running:
        assert asyncio.run(ask_and_stop(running)) == ["done"] * 20
        running.process.wait(30)
        assert running.log.read_text().count("all is put away") == 1


ENDLESS = """
import asyncio, time
from cruse import Cruse, EventStream, websocket

app = Cruse(__name__, static_folder=None)
app.shutdown(lambda: print("all is put away", flush=True))

async def silence():
    yield "hello"
    try:
        await asyncio.Event().wait()
    finally:
        print("end: async events", flush=True)

@app.get("/async")
async def from_async():
    return EventStream(silence(), heartbeat=None)

@app.get("/plain")
def from_plain():
    def ticks():
        try:
            while True:
                yield "tick"
                time.sleep(0.1)
        finally:
            print("end: plain events", flush=True)
    return EventStream(ticks())

@app.get("/generator")
def from_generator():
    async def pieces():
        async for piece in silence():
            yield f"data: {piece}\\n\\n"
    return pieces(), {"Content-Type": "text/event-stream"}

@app.get("/export")
def export():
    def rows():
        for number in range(10):
            yield f"{number}\\n"
            time.sleep(0.1)
    return rows(), {"Content-Type": "text/csv"}

@app.websocket("/echo")
async def echo():
    async for message in websocket:
        await websocket.send(message)
    print("end: messages", flush=True)

@app.websocket("/waits")
async def waits():
    await websocket.send("hello")
    try:
        await asyncio.Event().wait()
    finally:
        print("end: other work", flush=True)
"""
#: With what a WSGI server has to be told: to start the application where signals arrive.
ENDLESS_COMMANDS = COMMANDS | {
    "cruse-run": ["-m", "cruse", "run", "--port", "{port}"],
    "cruse-run-reload": ["-m", "cruse", "run", "--reload", "--port", "{port}"],
    "gunicorn": [*COMMANDS["gunicorn"], "--config", "starts.py"],
    "gunicorn-asgi": ["-m", *SERVERS["gunicorn-asgi"].replace("{app}", "app:app").split()],
    # One process: those that it starts as workers are not sent the signal.
    "hypercorn": [*COMMANDS["hypercorn"], "--workers", "0"],
    "cruse-serve-asgi": [*COMMANDS["cruse-serve"], "--interface", "asgi"],
    "cruse-serve-wsgi": [*COMMANDS["cruse-serve"], "--interface", "wsgi"],
}
del ENDLESS_COMMANDS["granian-wsgi"]  # nothing tells an application of the signal
WITHOUT_WEBSOCKETS = {"cruse-run", "cruse-run-reload", "gunicorn", "cruse-serve-wsgi"}
#: RSGI has no word for a close code, and a server that ends may drop the connection before. When
#: uvicorn looks for signals at the very moment that one comes, it is the first to close.
CODES = {
    "granian-rsgi": {1005, None},
    "cruse-serve": {1005, None},
    "uvicorn": {1001, 1012},
}


async def read_to_the_end(client, path, begun):
    async with client.stream("GET", path) as answer:
        text = ""
        async for piece in answer.aiter_text():
            text += piece
            begun.set()
    return text


async def listen(url, begun):
    async with connect(url, open_timeout=60) as client:
        await client.send("hello")
        assert await client.recv() == "hello"
        begun.set()
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
    return closed.value.rcvd and closed.value.rcvd.code


async def stop_with_all_open(running, with_websockets):
    begun = []

    def start(coroutine, *args):
        begun.append(asyncio.Event())
        return asyncio.create_task(coroutine(*args, begun[-1]))

    async with httpx2.AsyncClient(base_url=running.url, timeout=60) as client:
        paths = ("/async", "/plain", "/generator", "/export")
        tasks = [start(read_to_the_end, client, path) for path in paths]
        if with_websockets:
            address = running.url.replace("http", "ws", 1)
            tasks += [start(listen, address + path) for path in ("/echo", "/waits")]
        async with asyncio.timeout(60):
            await asyncio.gather(*(event.wait() for event in begun))
        running.process.terminate()
        told = time.monotonic()
        return await asyncio.gather(*tasks), told


@pytest.mark.parametrize("server", sorted(ENDLESS_COMMANDS))
def test_what_has_no_end_is_ended_before_the_shutdown_functions(server, tmp_path):
    (tmp_path / "app.py").write_text(ENDLESS)
    (tmp_path / "starts.py").write_text("def post_worker_init(w): w.wsgi.start()")
    with_websockets = server not in WITHOUT_WEBSOCKETS
    with serve(ENDLESS_COMMANDS[server], tmp_path, {"PYTHONPATH": str(tmp_path)}) as running:
        answers, told = asyncio.run(stop_with_all_open(running, with_websockets))
        assert answers[0] == answers[2] == "data: hello\n\n"
        assert set(answers[1].split("\n\n")) == {"data: tick", ""}
        assert answers[3].split() == [*"0123456789"]  # this one is not cut short
        assert set(answers[4:]) <= CODES.get(server, {1001})
        running.process.wait(30)
        took = time.monotonic() - told
    log = running.log.read_text()
    ends = ["async events", "async events", "plain events"]
    ends += ["messages", "other work"] if with_websockets else []
    assert sorted(re.findall("end: (.*)", log)) == sorted(ends)
    assert log.index("all is put away") > log.rindex("end: ")
    assert took < 20, "It took the grace of the server."
