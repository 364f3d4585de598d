"""How many Python functions one request enters: the same on every machine, whatever else it does.

Those of other threads are not counted; those of the server without a network are, a few for each.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.measured import checked
from benchmarks.turns import NotRightError

ROOT = Path(__file__).parent.parent
REQUESTS = 10


def one(face: str, peer: str, name: str) -> float | None:
    """Return the calls of one request, ``None`` when the framework has no such thing."""
    try:
        gateway, requests = checked(face, peer, name)
    except LookupError:
        return None
    gateway.batch(requests, 2 * REQUESTS)  # what is compiled, loaded or cached is by now

    def count(batch: int) -> int:
        entered = 0

        def note(frame: Any, event: str, argument: Any) -> None:
            nonlocal entered
            entered += event == "call"

        sys.setprofile(note)
        gateway.batch(requests, batch)
        sys.setprofile(None)
        return entered

    calls = (count(1 + REQUESTS) - count(1)) / REQUESTS  # without what a batch takes
    gateway.close()
    return calls


def measure(face: str, peers: list[str], workloads: list[str]) -> dict[str, dict[str, float]]:
    """Return each workload's calls by framework."""
    rows: dict[str, dict[str, float]] = {}
    for name in workloads:
        for peer in peers:
            command = [sys.executable, "-W", "ignore", "-m", "benchmarks.calls", face, peer, name]
            done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
            if done.returncode:
                raise NotRightError(f"{face} {peer} {name}: {done.stderr.strip()[-2000:]}")
            said = done.stdout.splitlines()[-1]
            if said != "None":
                rows.setdefault(name, {})[peer] = float(said)
    return rows


if __name__ == "__main__":
    print(one(*sys.argv[1:4]))
