"""`python -m photowall`, as somebody who has just cloned the repository types it."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import httpx2
import pytest

from tests.servers.serving import free_port, wall_environment


@pytest.fixture
def environment(tmp_path):
    """The variables of a fresh shell: nothing of Cruse's that another test has set."""
    shell = {name: value for name, value in os.environ.items() if not name.startswith("CRUSE_")}
    return {**shell, **wall_environment(tmp_path / "instance")}


@contextmanager
def started(tmp_path, environment, *arguments):
    """Start the wall and yield the address that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "photowall", *arguments],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for line in process.stdout:
            if found := re.search(r"The photo wall is at (http://127\.0\.0\.1:\d+)", line):
                break
        else:
            raise AssertionError("It printed no address.")
        # Werkzeug says so when it listens.
        assert any("Running on" in line for line in process.stdout)
        yield found[1]
    finally:
        process.send_signal(signal.SIGINT)
        try:
            rest, _ = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0, rest
    assert "Traceback" not in rest, rest


def test_the_first_start_paints_pictures_and_the_second_finds_them(tmp_path, environment):
    port = free_port()
    with started(tmp_path, environment, "--port", str(port)) as address:
        assert address.endswith(f":{port}")
        first = httpx2.get(f"{address}/api/photos", timeout=30).json()
    assert first["total"] == 14
    with started(tmp_path, environment, "--port", str(port)) as address:
        assert httpx2.get(f"{address}/api/photos", timeout=30).json() == first


def test_a_port_that_is_taken_is_no_obstacle(tmp_path, environment):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 5000))
            taken.listen()
        except OSError:
            pass  # somebody else has it, which does as well
        with started(tmp_path, environment) as address:
            assert not address.endswith(":5000")
            assert httpx2.get(address, timeout=30).status_code == 200


def test_a_port_that_is_asked_for_and_taken_is_told(tmp_path, environment):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        answer = subprocess.run(
            [sys.executable, "-m", "photowall", "--port", str(taken.getsockname()[1])],
            check=False,
            cwd=tmp_path,
            env={**environment, "PHOTOWALL_SEED": "false"},
            capture_output=True,
            text=True,
        )
    assert answer.returncode == 1
    assert "in use" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_settings_may_stand_in_a_file(tmp_path, environment):
    (tmp_path / ".env").write_text("PHOTOWALL_SEED=false\nPHOTOWALL_DB_URL=sqlite:///other.db\n")
    with started(tmp_path, environment, "--port", str(free_port())) as address:
        assert httpx2.get(f"{address}/api/photos", timeout=30).json()["total"] == 0
    assert (tmp_path / "instance" / "other.db").exists()


def test_a_setting_that_is_wrong_is_named_at_the_start(tmp_path, environment):
    answer = subprocess.run(
        [sys.executable, "-m", "photowall"],
        check=False,
        cwd=tmp_path,
        env={**environment, "PHOTOWALL_LIVE_POLL": "often"},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 1
    assert answer.stderr.startswith("photowall: The setting 'LIVE_POLL' must be float")
