"""The second level: real servers, one process each, driven by wrk.

All servers of a workload run at the same time and are driven in turns. Beside the requests per
second, which depend on what else the machine does, the CPU time that the server's processes take
for one request is read from the system.
"""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.workloads import Answer, Sent, workload_of

ROOT = Path(__file__).parent.parent
CONNECTIONS = 16
#: One process of each server, by protocol; "{port}" is where it listens.
SERVERS = {
    "wsgi": {
        "gunicorn": "gunicorn -w 1 -k gthread --threads 4 --keep-alive 60 -b 127.0.0.1:{port}"
        " --log-level warning benchmarks.served:app",
        "granian": "granian --interface wsgi --workers 1 --port {port} --no-access-log"
        " --log-level warning benchmarks.served:app",
    },
    "rsgi": {
        "granian": "granian --interface rsgi --workers 1 --port {port} --no-access-log"
        " --log-level warning benchmarks.served:app",
    },
    "asgi": {
        "uvicorn": "uvicorn --interface asgi3 --port {port} --no-access-log --log-level warning"
        " benchmarks.served:app",
        "granian": "granian --interface asgi --workers 1 --port {port} --no-access-log"
        " --log-level warning benchmarks.served:app",
    },
}
SCRIPT = """
wrk.method = {method}
wrk.body = {body}
{headers}
"""


def _nanoseconds(schedstat: Path) -> int:
    """Return what a thread has run: much finer than the ticks that are counted elsewhere."""
    return int(schedstat.read_text().split()[0])


class Server:
    """A server with one application."""

    def __init__(self, command: str, face: str, peer: str, workload: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.name = f"{command.split()[0]}, {face} {peer} {workload}"
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in stop()
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", *command.format(port=self.port).split()],
            cwd=ROOT,
            env={**os.environ, "BENCHMARK": f"{face} {peer} {workload}"},
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )

    def ask(self, sent: Sent) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        path = f"{sent.path}?{sent.query}" if sent.query else sent.path
        headers = {n: v for n, v in sent.headers.items() if n != "content-length"}
        connection.request(sent.method, path, sent.body or None, headers)
        with connection.getresponse() as response:
            answer = Answer(response.status, response.getheaders(), response.read())
        connection.close()
        return answer

    def wait(self, sent: Sent) -> Answer:
        """Return the first answer that comes."""
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            try:
                return self.ask(sent)
            except ConnectionError:
                time.sleep(0.05)
        self.log.seek(0)
        raise RuntimeError(f"{self.name} did not start: {self.log.read()[-2000:]}")

    def cpu(self) -> float:
        """Return the CPU seconds of all its processes so far."""
        total = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                if int(stat.read_text().rpartition(")")[2].split()[3]) == self.process.pid:
                    total += sum(map(_nanoseconds, stat.parent.glob("task/*/schedstat")))
            except OSError:
                continue  # it has ended
        return total / 1e9

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.log.close()


def _drive(server: Server, script: str, path: str, seconds: float) -> tuple[float, float]:
    """Return the requests per second and the CPU microseconds of one."""
    before = server.cpu()
    done = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "-s", script,
         f"http://127.0.0.1:{server.port}{path}"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    spent = server.cpu() - before
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    if done.returncode or wrong or "Socket errors" in done.stdout:
        raise RuntimeError(f"{server.name}: {done.stdout} {done.stderr}")
    requests = int(re.search(r"(\d+) requests in", done.stdout)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])
    return rate, spent / requests * 1e6


def _lua(text: str) -> str:
    return '"' + "".join(f"\\{byte:03d}" for byte in text.encode("latin-1")) + '"'


def _script(sent: Sent) -> str:
    fields = {n: v for n, v in sent.headers.items() if n != "content-length"}  # wrk adds its own
    headers = "\n".join(f"wrk.headers[{_lua(n)}] = {_lua(v)}" for n, v in fields.items())
    body = _lua(sent.body.decode("latin-1")) if sent.body else "nil"
    return SCRIPT.format(method=_lua(sent.method), body=body, headers=headers)


def measure(
    face: str, server: str, peers: list[str], workloads: list[str], rounds: int, seconds: float
) -> Iterator[tuple[str, dict[str, dict[str, float]]]]:
    """Yield each workload's name with ``{peer: {"rate": ..., "us": ...}}``."""
    if shutil.which("wrk") is None:
        sys.exit("wrk drives the servers and is not here (Debian and Ubuntu: apt install wrk).")
    for name in workloads:
        found = _measure(face, SERVERS[face][server], peers, name, rounds, seconds)
        yield name, found


def _measure(
    face: str, command: str, peers: list[str], name: str, rounds: int, seconds: float
) -> dict[str, dict[str, float]]:
    workload = workload_of(name)
    running: dict[str, tuple[Server, str]] = {}
    best: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            for peer in peers:
                server = Server(command, face, peer, name)
                running[peer] = server, f"{folder}/{peer}.lua"
                sent = workload.make(0)
                answer: Any = server.wait(sent)
                if answer.status == 501:  # see benchmarks/served.py
                    running.pop(peer)[0].stop()
                    continue
                if workload.learn is not None:
                    sent = sent._replace(headers={**sent.headers, **workload.learn(answer)})
                workload.check(sent, server.ask(sent))
                Path(running[peer][1]).write_text(_script(sent))
            path = f"{sent.path}?{sent.query}" if sent.query else sent.path
            for _ in range(rounds):
                for peer, (server, script) in running.items():
                    rate, cost = _drive(server, script, path, seconds)
                    was = best.setdefault(peer, {"rate": rate, "us": cost})
                    best[peer] = {"rate": max(was["rate"], rate), "us": min(was["us"], cost)}
        finally:
            for server, _ in running.values():
                server.stop()
    return best
