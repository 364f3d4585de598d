"""Starting a server in a process of its own, on a free port of this machine."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path

WALL = Path(__file__).resolve().parents[2] / "examples" / "photowall"
START = 60  # seconds that a server may take until it listens, on a machine with other work
STOP = 30  # seconds that it may take to end: longer than a live connection lasts
#: Where this worker of pytest-xdist, and no other, has its ports: below 32768, from where on
#: systems give them to connections and to servers that ask for any. So between the look and the
#: start of a server, nobody is given the one that was found. (Browsers refuse to go to 10080.)
_FIRST = 11_000 + 500 * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 40)
_PORTS = cycle(random.sample(range(_FIRST, _FIRST + 500), 500))


def free_port() -> int:
    """Find a port of this machine that nobody has, and that nobody else finds."""
    for port in _PORTS:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable: the ports come again")


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
            self.kill()
            raise AssertionError(f"It did not end:\n{self.log.read_text()}") from None

    def kill(self) -> None:
        """End it at once, with its workers, which a server that is killed leaves behind."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def wall_environment(instance: Path) -> dict[str, str]:
    """What a photo wall finds in its environment, in a folder of its own."""
    return {
        "PYTHONPATH": str(WALL),
        "PHOTOWALL_INSTANCE": str(instance),
        # On a machine with other work, others may have SQLite's lock for long.
        "PHOTOWALL_DB_BUSY_TIMEOUT": "60",
        # Under WSGI a connection whose client has left is noticed by the next sign of life.
        "PHOTOWALL_LIVE_HEARTBEAT": "0.5",
    }


@contextmanager
def launch(
    command: Sequence[str],
    folder: Path,
    environment: dict[str, str] | None = None,
    port: int | None = None,
) -> Iterator[Server]:
    """Start a server, and end it if it has not done so by itself.

    Args:
        command: Arguments for Python, with ``{port}`` where the port goes.
        folder: Where it runs, and its log is written.
        environment: Variables for it.
        port: Where it listens; any free port unless given.
    """
    port = port or free_port()
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *(part.format(port=port) for part in command)],
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        running = Server(process, port, log)
        try:
            yield running
        finally:
            running.stop()


@contextmanager
def serve(
    command: Sequence[str],
    folder: Path,
    environment: dict[str, str] | None = None,
    port: int | None = None,
) -> Iterator[Server]:
    """Start a server, wait until it listens, and end it cleanly; see :func:`launch`."""
    with launch(command, folder, environment, port) as running:
        running.wait()
        yield running
    assert "Traceback" not in running.log.read_text(), running.log.read_text()
