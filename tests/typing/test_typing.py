"""What users write checks with mypy and with pyright, both strict, and mistakes are found.

The lines of ``samples/`` that are wrong say so: ``# wrong: <code of mypy>, <rule of pyright>``.
Checkers come from an index (``python dev.py check`` runs this), basedpyright because it is pyright
with nothing to download when it runs.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = Path(__file__).parent / "samples"
FILES = sorted(SAMPLES.glob("*.py"))

# A checker reads all of the packages, werkzeug and more when it has nothing of them in a cache.
pytestmark = pytest.mark.timeout(600)

#: Codes by the numbers of lines.
Problems = dict[int, set[str]]


def run(*command: str) -> str:
    """Run a checker, which says by its exit status whether all is well, and return its report."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def mypy() -> dict[str, Problems]:
    report = run("mypy", "--output=json", "--warn-unreachable", str(SAMPLES))
    found = nothing()
    for line in report.splitlines():
        problem = json.loads(line)
        if problem["severity"] == "error":
            found[Path(problem["file"]).name][problem["line"]].add(problem["code"])
    return found


@pytest.fixture(scope="module")
def pyright() -> dict[str, Problems]:
    config = str(SAMPLES / "pyrightconfig.json")
    report = json.loads(
        run("basedpyright", "--outputjson", "-p", config, "--pythonpath", sys.executable)
    )
    assert report["summary"]["filesAnalyzed"] == len(FILES)
    found = nothing()
    for problem in report["generalDiagnostics"]:
        line = problem["range"]["start"]["line"] + 1
        found[Path(problem["file"]).name][line].add(problem["rule"])
    return found


def nothing() -> dict[str, Problems]:
    return {path.name: defaultdict(set) for path in FILES}


def compare(path: Path, found: Problems, checker: int) -> None:
    """Compare with what the file says; on a line that is wrong, others may follow from it."""
    said: dict[int, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if wrong := re.search(r"# wrong: ([\w-]+), (\w+)$", line):
            said[number] = wrong[checker]
    assert said, f"{path.name} has no line that is wrong"
    assert {line: codes for line, codes in found.items() if line not in said} == {}
    assert {line: code for line, code in said.items() if code not in found[line]} == {}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_mypy_finds_what_is_wrong_and_nothing_else(path, mypy):
    compare(path, mypy[path.name], 1)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_pyright_finds_what_is_wrong_and_nothing_else(path, pyright):
    compare(path, pyright[path.name], 2)
