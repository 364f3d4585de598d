"""Run the test matrix: Python versions x package sets x dependency sets, one row at a time.

``hatch run matrix:test`` would try to download an interpreter that is missing, and end with a
traceback where it cannot. This program asks for the rows one by one, names the interpreters that
are not there, shows the output of a row only when it failed, and ends with a table.
"""

import argparse
import itertools
import re
import shutil
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dev import hatch  # noqa: E402 - the workspace is no distribution, so it is not on the path

OK, FAILED, MISSING, DONE = "ok", "FAILED", "no interpreter", "run before"
Row = tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """What became of one row; ``seconds`` includes making its environment."""

    row: Row
    verdict: str
    tests: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        time_taken = f"{self.seconds:6.1f} s" if self.seconds else ""
        columns = "".join(f"{word:9}" for word in self.row)
        return f"{columns}{self.verdict:16}{self.tests:>8}{time_taken:>11}".rstrip()


def axes() -> dict[str, list[str]]:
    """Return the axes of the matrix and their values, as the configuration has them."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (matrix,) = config["tool"]["hatch"]["envs"]["matrix"]["matrix"]
    return dict(matrix)


def starts(version: str) -> bool:
    """Whether a Python of this version is here and starts.

    Being on PATH is not enough: a version manager's shim is there for every version it
    has, and fails for those that are not switched on.
    """
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return True
    command = shutil.which(f"python{version}")
    if command is None:
        return False
    tried = subprocess.run([command, "-c", ""], capture_output=True, check=False)
    return tried.returncode == 0


def run(row: Row, command: list[str]) -> Result:
    """Run the tests of one row, and print what it said if it failed."""
    start = time.perf_counter()
    done = subprocess.run(
        [*command, "-e", f"matrix.py{'-'.join(row)}", "run", "test"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        print(done.stdout)
    passed = re.findall(r"(\d+) passed", done.stdout)
    verdict = FAILED if done.returncode else OK
    return Result(row, verdict, passed[-1] if passed else "", seconds)


def report(results: list[Result]) -> None:
    """Print the table of all rows and the sum of it."""
    print(f"\n{'python':9}{'packages':9}{'deps':9}{'result':16}{'passed':>8}{'time':>11}")
    print("-" * 62)
    print(*results, sep="\n")
    verdicts = [result.verdict for result in results]
    counts = (
        f"{verdicts.count(word)} {word}"
        for word in (OK, DONE, FAILED, MISSING)
        if word in verdicts
    )
    minutes = sum(result.seconds for result in results) / 60
    print(f"{len(results)} rows: {', '.join(counts)}; {minutes:.1f} minutes")


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; an axis that is not given stands for all its values."""
    parser = argparse.ArgumentParser(
        prog="dev.py matrix", description="Run the test matrix, or the rows chosen of it."
    )
    for axis, values in axes().items():
        parser.add_argument(f"--{axis}", nargs="+", choices=values, default=values)
    parser.add_argument(
        "--require-all", action="store_true", help="fail when a chosen Python is missing"
    )
    parser.add_argument(
        "--done",
        metavar="PYTHON",
        help="`dev.py test` has passed with this Python: leave its row (all, latest) out",
    )
    return parser.parse_args(argv)


def result_of(row: Row, missing: set[str], done: Row) -> Result:
    """Run one row, unless its interpreter is missing or it has been run."""
    if row[0] in missing:
        return Result(row, MISSING)
    if row == done:
        return Result(row, DONE)
    result = run(row, hatch())
    print(result, flush=True)
    return result


def main(argv: list[str] | None = None) -> int:
    """Run the chosen rows; return 1 when one failed, none ran, or a required one is missing."""
    chosen = arguments(argv)
    missing = {version for version in chosen.python if not starts(version)}
    for version in sorted(missing):
        print(f"python{version}: no such interpreter here; its rows are left out", flush=True)
    results: list[Result] = []
    try:
        for row in itertools.product(*(getattr(chosen, axis) for axis in axes())):
            results.append(result_of(row, missing, (chosen.done, "all", "latest")))
    finally:
        # Also when someone lost patience: what has run is worth knowing.
        report(results)
    verdicts = {result.verdict for result in results}
    good = FAILED not in verdicts and OK in verdicts
    return int(not good or bool(chosen.require_all and missing))


if __name__ == "__main__":
    sys.exit(main())
