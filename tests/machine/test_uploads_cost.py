"""What an upload costs, beside the least that it could, and beside what others take for it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_large_file_costs_little_more_than_to_copy_it():
    """By turns in one run, the least CPU time of all rounds; others where they are installed.

    The program ends with 1 when Cruse takes more than it may, of time or of memory.
    """
    command = [sys.executable, "benchmarks/uploads.py", "--mebibytes", "200"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cruse wsgi takes" in done.stdout
    assert "cruse asgi takes" in done.stdout
