"""The first level: every framework in a process of its own, measured in turns.

All processes of a workload live at the same time and make one batch each, round after round, so
that a busy moment of the machine is one for all. The smallest figure is the one that was
disturbed least.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent


class NotRightError(Exception):
    """A framework did not give the right answer, or none at all."""


class TooLongError(NotRightError):
    """A framework took too long to become ready."""


class Measured:
    """A process that answers each line with a figure.

    Args:
        name: What it measures.
        command: What Python runs: ``-m`` and a module, or a file, and the arguments.
    """

    def __init__(self, name: str, *command: str) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", *command],
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
            said = self.process.communicate()[1].strip()
            late = self.process.returncode == -signal.SIGPROF  # see benchmarks/measured.py
            raise (TooLongError if late else NotRightError)(f"{self.name}: {said[-2000:]}")
        return json.loads(line)

    def batch(self, of: str = "") -> float:
        """Return what one request takes, in microseconds.

        Args:
            of: Which one, for a process that knows several.
        """
        self.process.stdin.write(f"{of}\n")
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
    """Yield each workload's name with the microseconds of each round, by framework.

    There are none of a framework that took too long to become ready.
    """
    for workload in workloads:
        running: dict[str, Measured] = {}
        costs: dict[str, list[float]] = {}
        try:
            for peer in peers:  # one after the other: their start is not what is measured
                name, arguments = f"{face} {peer} {workload}", (face, peer, workload)
                command = ("-m", "benchmarks.measured", *arguments, str(seconds))
                process = running[peer] = Measured(name, *command)
                try:
                    lacking = "lacks" in process.hear()
                except TooLongError:
                    lacking, costs[peer] = True, []
                if lacking:
                    running.pop(peer).close()
                else:
                    costs[peer] = []
            for _ in range(rounds):
                for peer, process in running.items():
                    costs[peer].append(process.batch())
        finally:
            for process in running.values():
                process.close()
        if costs:
            yield workload, costs
