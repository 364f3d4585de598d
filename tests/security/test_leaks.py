"""An application keeps nothing of the requests that it has answered."""

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "benchmarks" / "leaks.py"


def test_nothing_is_left_of_thousands_of_mixed_requests():
    # In a process of its own: the memory of one that has run thousands of tests moves by itself.
    command = [sys.executable, PROGRAM, "--requests", "4000", "--patience", "200"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
