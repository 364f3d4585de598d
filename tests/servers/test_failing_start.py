"""A mounted application whose start fails, under every server."""

import shutil
from pathlib import Path

import httpx2
import pytest

from tests.servers.conftest import command
from tests.servers.serving import START, launch

#: Servers that tell when they start. The others speak WSGI, and daphne has no lifespan.
TELLING = ["werkzeug", "gunicorn-asgi", "uvicorn", "hypercorn", "granian-asgi", "granian-rsgi"]


@pytest.fixture
def folder(server_name, tmp_path):
    shutil.copy(Path(__file__).with_name("lifespan_app.py"), tmp_path / "lifespan_app.py")
    return tmp_path


def test_a_start_that_fails_is_told(server_name, folder):
    start = command(server_name, "lifespan_app:app")
    environment = {"PYTHONPATH": str(folder), "BROKEN": "inner"}
    with launch(start, folder, environment) as server:
        if server_name in TELLING:
            server.process.wait(START)
        else:  # nobody tells an application when the server starts: requests fail
            server.wait()
            for _ in range(2):
                assert httpx2.get(f"{server.url}/events", timeout=30).status_code == 500
    log = server.log.read_text()
    assert "RuntimeError: no database there" in log
    if server_name == "granian-wsgi":  # shows no notes of exceptions
        assert ", in connect\n" in log
    else:
        assert "'watched.<locals>.connect' of 'lifespan_app'" in log
