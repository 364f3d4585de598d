"""A server that is told to stop answers what it is at work on."""

import asyncio
import time

import httpx2
import pytest

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
