"""A program in the style of Flask's tutorial, on Cruse with no line of it changed."""

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("journal")
# What starts its tests.
RUNNERS = {"flask": [], "cruse": ["cruse_flask", "-m"]}


@pytest.fixture
def folder(tmp_path):
    """A copy, so that an instance folder and byte code stay out of the repository."""
    return shutil.copytree(PROGRAM, tmp_path / "program")


@pytest.fixture
def environment(folder):
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FLASK_", "CRUSE_", "PYTEST_"))
    }
    return {**kept, "PYTHONPATH": str(folder)}


@pytest.mark.parametrize("runner", RUNNERS)
def test_its_own_tests_pass(folder, environment, runner):
    done = subprocess.run(
        [sys.executable, "-m", *RUNNERS[runner], "pytest", "tests"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout


# What is typed before "--app" and behind "run".
COMMANDS = {
    "flask": (["flask"], []),
    "python -m cruse_flask": (["cruse_flask"], []),
    "cruse --flask": (["cruse", "--flask"], []),
    "cruse run --flask": (["cruse"], ["--flask"]),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_it_is_started_by_another_command(folder, environment, command):
    program, option = COMMANDS[command]
    words = [sys.executable, "-m", *program, "--app", "journal"]
    made = subprocess.run(
        [*words, *option, "init-db"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.stdout == "The tables are made.\n", made.stderr
    server = subprocess.Popen(
        [*words, "run", *option, "--port", "0"],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        address = next(
            found[0] for line in server.stderr if (found := re.search(r"http://\S+:\d+", line))
        )
        with urllib.request.urlopen(f"{address}/", timeout=60) as answer:
            assert "Nothing yet." in answer.read().decode()
    finally:
        server.terminate()
        server.communicate()
