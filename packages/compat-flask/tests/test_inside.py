"""The tests in ``inside/`` pass in a process where ``import flask`` gives Cruse."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "inside"


@pytest.mark.timeout(600)
def test_everything_inside():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(FOLDER)],
        capture_output=True,
        text=True,
        check=False,
        cwd=FOLDER,
        env={name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
