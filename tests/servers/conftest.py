"""Real servers in processes of their own, each on a free port of this machine."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

ROOT = Path(__file__).resolve().parents[2]
START = 60  # seconds that a server may take until it listens, on a machine with other work
STOP = 30  # seconds that it may take to end: longer than a live connection lasts


def python(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


def granian(interface: str) -> list[str]:
    return python("granian", "--interface", interface, "--port", "{port}")


#: What people type, with the application behind it.
SERVERS = {
    "gunicorn": python("gunicorn", "--bind", "127.0.0.1:{port}", "--threads", "4"),
    "waitress": python("waitress", "--listen", "127.0.0.1:{port}"),
    "uvicorn": python("uvicorn", "--port", "{port}"),
    "hypercorn": python("hypercorn", "--bind", "127.0.0.1:{port}"),
    "granian-wsgi": granian("wsgi"),
    "granian-asgi": granian("asgi"),
    "granian-rsgi": granian("rsgi"),
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server that runs, and what it wrote."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
        self.log = log

    def wait(self) -> None:
        """Wait until somebody listens."""
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"It ended:\n{self.log.read_text()}"
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError(f"It does not listen:\n{self.log.read_text()}")

    def stop(self) -> None:
        """End it as an operator does."""
        self.process.terminate()
        try:
            self.process.wait(STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"It did not end:\n{self.log.read_text()}") from None


@contextmanager
def serve(server: str, application: str, folder: Path, **environment: str) -> Iterator[Server]:
    """Start a server, wait until it listens, and end it cleanly."""
    port = free_port()
    command = [part.format(port=port) for part in SERVERS[server]]
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, application],
            cwd=folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        running = Server(process, port, log)
        try:
            running.wait()
            yield running
        finally:
            running.stop()
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture(scope="module", params=SERVERS)
def server_name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def painted_wall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The instance folder of a wall after its first start."""
    folder = tmp_path_factory.mktemp("painted") / "instance"
    program = "from photowall.main import app; app.start()"
    subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        env={**os.environ, "PHOTOWALL_INSTANCE": str(folder), "PYTHONPATH": str(WALL)},
    )
    return folder


WALL = ROOT / "examples" / "photowall"


@pytest.fixture(scope="module")
def wall(
    server_name: str, painted_wall: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The photo wall, served by each of the servers in turn."""
    folder = tmp_path_factory.mktemp(server_name)
    instance = folder / "instance"
    shutil.copytree(painted_wall, instance)
    with serve(
        server_name,
        "photowall.main:app",
        folder,
        PYTHONPATH=str(WALL),
        PHOTOWALL_INSTANCE=str(instance),
    ) as running:
        yield running


@pytest.fixture(scope="module")
def hello(server_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An application of a few lines, served by each of the servers in turn."""
    folder = tmp_path_factory.mktemp(f"hello-{server_name}")
    shutil.copy(Path(__file__).with_name("hello_app.py"), folder / "hello_app.py")
    with serve(server_name, "hello_app:app", folder, PYTHONPATH=str(folder)) as running:
        yield running


@pytest.fixture
def browser(wall: Server) -> Iterator[httpx2.Client]:
    """A client that keeps cookies and says what browsers say."""
    headers = {"Accept": "text/html", "Origin": wall.url}
    with httpx2.Client(base_url=wall.url, headers=headers, timeout=30) as client:
        yield client
