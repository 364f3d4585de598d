"""The servers, and what each of them serves."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.servers.serving import Server, serve, wall_environment

#: What people type, with the application behind it. hypercorn has to be told that the end may take
#: longer than three seconds, as on a machine with other work: it would break off what is open.
SERVERS = {
    "werkzeug": "cruse --app {app} run --port {port}",
    "gunicorn-sync": "gunicorn --bind 127.0.0.1:{port} {app}",
    "gunicorn": "gunicorn --bind 127.0.0.1:{port} --threads 4 {app}",
    "gunicorn-asgi": "gunicorn --bind 127.0.0.1:{port} --worker-class asgi {app}",
    "waitress": "waitress --listen 127.0.0.1:{port} {app}",
    "cheroot": "cheroot --bind 127.0.0.1:{port} {app}",
    "uvicorn": "uvicorn --port {port} {app}",
    "hypercorn": "hypercorn --graceful-timeout 30 --bind 127.0.0.1:{port} {app}",
    "daphne": "daphne --port {port} {app}",
    "granian-wsgi": "granian --interface wsgi --port {port} {app}",
    "granian-asgi": "granian --interface asgi --port {port} {app}",
    "granian-rsgi": "granian --interface rsgi --port {port} {app}",
}


def command(server: str, application: str) -> list[str]:
    return ["-m", *SERVERS[server].replace("{app}", application).split()]


@pytest.fixture(scope="module", params=SERVERS)
def server_name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def painted_wall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The instance folder of a wall after its first start."""
    folder = tmp_path_factory.mktemp("painted") / "instance"
    program = "from photowall.main import app; app.start()"
    environment = {**os.environ, **wall_environment(folder)}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    return folder


@pytest.fixture(scope="module")
def wall(
    server_name: str, painted_wall: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The photo wall, served by each of the servers in turn."""
    folder = tmp_path_factory.mktemp(server_name)
    instance = folder / "instance"
    shutil.copytree(painted_wall, instance)
    start = command(server_name, "photowall.main:app")
    with serve(start, folder, wall_environment(instance)) as running:
        yield running


@pytest.fixture(scope="module")
def hello(server_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An application of a few lines, served by each of the servers in turn."""
    folder = tmp_path_factory.mktemp(f"hello-{server_name}")
    shutil.copy(Path(__file__).with_name("hello_app.py"), folder / "hello_app.py")
    start = command(server_name, "hello_app:app")
    with serve(start, folder, {"PYTHONPATH": str(folder)}) as running:
        yield running


@pytest.fixture
def browser(wall: Server) -> Iterator[httpx2.Client]:
    """A client that keeps cookies and says what browsers say."""
    headers = {"Accept": "text/html", "Origin": wall.url}
    with httpx2.Client(base_url=wall.url, headers=headers, timeout=30) as client:
        yield client
