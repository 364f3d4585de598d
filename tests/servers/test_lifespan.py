"""Start and end of applications, of requests whose client leaves, and of a start that fails."""

import shutil
import time
from pathlib import Path

import httpx2
import pytest

from tests.servers.conftest import command
from tests.servers.serving import START, launch, serve

#: Servers that tell when they start. The others are WSGI servers, and daphne, which has no lifespan.
TELLING = ["werkzeug", "gunicorn-asgi", "uvicorn", "hypercorn", "granian-asgi", "granian-rsgi"]


@pytest.fixture
def folder(server_name, tmp_path):
    shutil.copy(Path(__file__).with_name("lifespan_app.py"), tmp_path / "lifespan_app.py")
    return tmp_path


def start(server_name, folder, **environment):
    return (
        command(server_name, "lifespan_app:app"),
        folder,
        {"PYTHONPATH": str(folder), **environment},
    )


def wait_for(condition):
    deadline = time.monotonic() + START
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_applications_start_before_the_first_answer_and_stop_at_the_end(server_name, folder):
    with serve(*start(server_name, folder)) as server:
        with httpx2.Client(base_url=server.url, timeout=30) as client:
            events = client.get("/inner/events").text.splitlines()
            assert sorted(events) == ["inner started", "outer started"]
            _clients_leave(client, "sync")
            _clients_leave(client, "async")
    after = (folder / "events.txt").read_text().splitlines()
    assert after.count("outer started") == 1
    if server_name not in {"daphne"}:  # which tells nothing, and leaves by force
        assert after.count("outer stopped") == after.count("inner stopped") == 1


def _clients_leave(client, kind):
    """Hang up in the middle of a stream: it is closed, and its context torn down, once."""
    with client.stream("GET", f"/stream/{kind}") as answer:
        assert len(next(answer.iter_raw())) > 0
    wait_for(lambda: f"{kind} torn down" in client.get("/events").text)
    events = client.get("/events").text.splitlines()
    assert events.count(f"{kind} closed") == events.count(f"{kind} torn down") == 1


@pytest.mark.parametrize("broken", ["outer", "inner"])
def test_a_start_that_fails_is_told(server_name, folder, broken):
    with launch(*start(server_name, folder, BROKEN=broken)) as server:
        if server_name in TELLING:
            server.process.wait(START)
        else:  # nobody tells an application when the server starts: requests fail
            server.wait()
            with httpx2.Client(base_url=server.url, timeout=30) as client:
                assert client.get("/events").status_code == 500
                assert client.get("/events").status_code == 500
    log = server.log.read_text()
    assert "RuntimeError: no database there" in log
    assert "'watched.<locals>.connect' of 'lifespan_app'" in log
