"""The first level: every framework in a process of its own, measured in turns.

All processes of a workload live at the same time and make one batch each, round after round, so
that a busy moment of the machine is one for all. The smallest figure is the one that was
disturbed least.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent


class NotRightError(Exception):
    """A framework did not give the right answer, or none at all."""


class Measured:
    """The process of one framework and one workload."""

    def __init__(self, face: str, peer: str, workload: str, seconds: float) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.measured"]
        self.name = f"{face} {peer} {workload}"
        self.process = subprocess.Popen(
            [*command, face, peer, workload, str(seconds)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def hear(self):
        """Return what the process says next."""
        line = self.process.stdout.readline()
        if not line:
            raise NotRightError(f"{self.name}: {self.process.communicate()[1].strip()[-2000:]}")
        return json.loads(line)

    def batch(self) -> float:
        """Return the CPU time of one request, in microseconds."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.hear()

    def close(self) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:  # it does not end by itself
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


def measure(
    face: str, peers: list[str], workloads: list[str], rounds: int, seconds: float
) -> Iterator[tuple[str, dict[str, list[float]]]]:
    """Yield each workload's name with the microseconds of each round, by framework."""
    for workload in workloads:
        running: dict[str, Measured] = {}
        try:
            for peer in peers:  # one after the other: their start is not what is measured
                process = running[peer] = Measured(face, peer, workload, seconds)
                if "lacks" in process.hear():
                    running.pop(peer).close()
            costs = {peer: [] for peer in running}
            for _ in range(rounds):
                for peer, process in running.items():
                    costs[peer].append(process.batch())
        finally:
            for process in running.values():
                process.close()
        if costs:
            yield workload, costs
