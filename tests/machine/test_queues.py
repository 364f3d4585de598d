"""The recipes of docs/queues.md: a real Redis, and a worker in a process of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "queues.md"
WORKERS = {
    "Celery": ["celery", "--app", "worker", "worker", "--concurrency", "1", "--pool", "solo"],
    "Dramatiq": ["dramatiq", "worker", "--processes", "1", "--threads", "2"],
}
ORDER = """
import sys
from tasks import create_app
answer = create_app().test_client().post("/orders/7")
assert answer.status_code == 202, answer.text
print(answer.json["request"])
"""


@pytest.mark.parametrize("library", WORKERS)
def test_a_task_runs_in_a_worker_with_application_and_request_id(library, redis_socket, tmp_path):
    recipe = PAGE.read_text().partition(f"\n## {library}\n")[2].partition("\n## ")[0]
    tasks, worker = re.findall(r"```python\n(.*?)```", recipe, re.DOTALL)
    (tmp_path / "tasks.py").write_text(tasks)
    (tmp_path / "worker.py").write_text(worker)
    scheme = "redis+socket" if library == "Celery" else "unix"
    environment = {**os.environ, "CRUSE_QUEUE_URL": f"{scheme}://{redis_socket}"}
    environment["PYTHONPATH"] = str(tmp_path)

    asked = subprocess.run(
        [sys.executable, "-c", ORDER],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *WORKERS[library]],
            cwd=tmp_path,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        expected = f"invoice 7 for request {asked.stdout.strip()}"
        deadline = time.monotonic() + 90
        while expected not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert "Traceback" not in log.read_text()
