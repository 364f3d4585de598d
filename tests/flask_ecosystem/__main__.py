"""Run the tests of Flask's extensions, each in a process of its own, and print what came of it.

    python -m tests.flask_ecosystem            all of them
    python -m tests.flask_ecosystem login wtf  those whose names have one of the words in them

Some extensions change classes and global state for good, so they must not meet.
"""

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from xml.etree import ElementTree as ET

FOLDER = Path(__file__).parent
# What is tested, where the name of the file does not say it.
DISTRIBUTIONS = {
    "opentelemetry": "opentelemetry-instrumentation-flask",
    "sentry": "sentry-sdk",
}
GATEWAYS = ("wsgi", "asgi")


def name_of(file: Path) -> str:
    """Return the distribution that a file tests."""
    stem = file.stem.removeprefix("test_")
    return DISTRIBUTIONS.get(stem, stem.replace("_", "-"))


@dataclass(frozen=True)
class Outcome:
    """What came of the tests of one extension."""

    file: Path
    #: For each gateway, which of the tests passed.
    passed: dict[str, list[bool]]
    #: What pytest printed, if one failed.
    said: str
    seconds: float


def run(file: Path, results: Path) -> Outcome:
    """Run the tests of a file."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "ignore", f"--junitxml={results}", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=FOLDER,
    )
    passed = passed_in(results) if done.returncode in (0, 1) else {each: [] for each in GATEWAYS}
    said = done.stdout if done.returncode else ""
    return Outcome(file, passed, said, time.monotonic() - began)


def passed_in(results: Path) -> dict[str, list[bool]]:
    """Return for each gateway which of the tests passed."""
    passed: dict[str, list[bool]] = {gateway: [] for gateway in GATEWAYS}
    for case in ET.parse(results).iter("testcase"):  # noqa: S314 - pytest has just written it
        verdict = all(child.tag not in ("failure", "error", "skipped") for child in case)
        for gateway in GATEWAYS:
            # A test that takes no gateway counts for both.
            if f"[{gateway}" in case.attrib["name"] or "[" not in case.attrib["name"]:
                passed[gateway].append(verdict)
    return passed


def told(passed: list[bool]) -> str:
    """Return a verdict in a word."""
    return f"ok ({len(passed)})" if passed and all(passed) else f"FAILED ({passed.count(False)})"


def main(words: list[str]) -> int:
    """Run the tests; return 1 when one failed or there was none."""
    files = sorted(FOLDER.glob("test_*.py"))
    files = [file for file in files if not words or any(word in file.stem for word in words)]
    good = bool(files)
    start = time.monotonic()
    print(f"{'extension':38}{'version':12}{'WSGI':>12}{'ASGI':>12}{'seconds':>9}")
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(os.cpu_count()) as several,
    ):
        for outcome in several.map(
            run, files, (Path(folder, f"{file.stem}.xml") for file in files)
        ):
            name = name_of(outcome.file)
            try:
                release = version(name)
            except PackageNotFoundError:
                release = "missing"
            verdicts = [told(outcome.passed[gateway]) for gateway in GATEWAYS]
            good &= release != "missing" and all(word.startswith("ok") for word in verdicts)
            if outcome.said:
                print(outcome.said)
            took = f"{outcome.seconds:9.1f}"
            print(f"{name:38}{release:12}{verdicts[0]:>12}{verdicts[1]:>12}{took}", flush=True)
    print(f"{len(files)} extensions, {time.monotonic() - start:.0f} seconds")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
