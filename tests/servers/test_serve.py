"""``cruse serve``: what is chosen, what is answered, and how it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from tests.servers.serving import free_port, serve

SYNC = """
import time
from cruse import Cruse, request

app = Cruse(__name__)

@app.startup
def start():
    print("started", flush=True)

@app.shutdown
def stop():
    print("stopped", flush=True)

@app.get("/")
def index():
    return "Hello"

@app.get("/slow")
def slow():
    print("at work", flush=True)
    time.sleep(2)
    return "done"
"""
ASYNC = (
    SYNC
    + """
@app.get("/async")
async def later():
    return "later"
"""
)


@pytest.fixture(params=[("WSGI", SYNC), ("RSGI", ASYNC)], ids=["wsgi", "rsgi"])
def site(request, tmp_path):
    """A folder with an application, and the interface that suits it."""
    interface, source = request.param
    (tmp_path / "app.py").write_text(source)
    return tmp_path, interface


def start(folder, *options):
    return serve(["-m", "cruse", "serve", "--port", "{port}", *options], folder)


def wait_for(log: Path, text: str, times: int = 1) -> None:
    deadline = time.monotonic() + 30
    while log.read_text().count(text) < times:
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def test_it_serves_with_workers_and_ends_in_order(site):
    folder, interface = site
    with start(folder, "--workers", "2", "--access-log") as running:
        assert httpx2.get(f"{running.url}/", timeout=30).text == "Hello"
        wait_for(running.log, '"GET / HTTP/1.1" 200')
        # One worker answers before the other is up, which would then miss the signal to end.
        # Words are counted, not lines: two processes may write theirs into one.
        for sign in ("started", "Started worker-"):
            wait_for(running.log, sign, times=2)
    output = running.log.read_text()
    assert f" * Serving Cruse app 'app' as {interface}\n" in output
    assert "quite high" not in output
    assert output.count("started") == output.count("stopped") == 2
    assert running.process.returncode == 0


def test_a_request_in_work_is_answered_before_the_end(site):
    folder, _ = site
    with start(folder) as running:
        program = f"import httpx2; print(httpx2.get('{running.url}/slow', timeout=30).text)"
        with subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
        ) as client:
            wait_for(running.log, "at work")
            running.process.send_signal(signal.SIGINT)
            assert client.communicate(timeout=30)[0] == "done\n"
        assert running.process.wait(timeout=30) == 0


def test_a_worker_that_is_killed_is_replaced(site):
    folder, _ = site
    with (folder / "app.py").open("a") as file:
        file.write("\nimport os\napp.get('/pid')(lambda: str(os.getpid()))\n")
    with start(folder) as running:
        killed = int(httpx2.get(f"{running.url}/pid", timeout=30).text)
        os.kill(killed, signal.SIGKILL)
        wait_for(running.log, "started", times=2)
        wait_for(running.log, "Started worker-", times=2)
        assert int(httpx2.get(f"{running.url}/pid", timeout=30).text) != killed
    assert running.process.returncode == 0


def test_a_start_that_fails_ends_the_command(site):
    folder, _ = site
    with (folder / "app.py").open("a") as file:
        file.write("\n@app.startup\ndef fail():\n    raise ArithmeticError('no start')\n")
    done = subprocess.run(
        [sys.executable, "-m", "cruse", "serve", "--port", str(free_port())],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "ArithmeticError: no start" in done.stderr + done.stdout
