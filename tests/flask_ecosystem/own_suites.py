"""Run the test suites that extensions bring along, on Cruse: ``hatch run flask:suites``.

Their source distributions are fetched from the index. With words, only those whose names have one
of the words in them. Each suite runs three times: on the real Flask, and through both gateways of
Cruse. What fails on Cruse and not on Flask has to stand in ``EXPECTED``, with the reason.
"""

import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SUITES = (
    "flask-cors",
    "flask-httpauth",
    "flask-jwt-extended",
    "flask-login",
    "flask-smorest",
    "flask-socketio",
    "flask-wtf",
)
EXPECTED = {
    "flask-wtf": {
        "tests/test_csrf_form.py::test_form_csrf": (
            "It enters an application context and then looks into the 'g' of requests that it "
            "made inside. In Flask 3.1 a request takes over the 'g' of the context around it; "
            "here, as in Flask 3.2, every request has its own."
        )
    }
}
# The plug-ins for pytest that extensions install would take part in the suites of others.
QUIET = ["-p", "no:flask", "-p", "no:dash", "-p", "no:pytest_flask_dance"]
RUNS = {"flask": [], "wsgi": ["-p", "cruse_flask.auto"], "asgi": ["-p", "on_asgi"]}


def fetch(name: str, folder: Path) -> Path:
    """Fetch the source distribution of an extension and return the folder it is unpacked in."""
    command = ("-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", name)
    subprocess.run([sys.executable, *command, "-d", str(folder)], check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    (source,) = (path for path in folder.iterdir() if path.is_dir())
    return source


def run(source: Path, options: list[str]) -> tuple[str, set[str]]:
    """Run a suite; return the figures and the tests that failed."""
    tests = "tests" if (source / "tests").is_dir() else "."
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-W", "ignore", "--tb=short"),
            *("-p", "no:cacheprovider", *QUIET, *options, tests),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=source,
        env={"PYTHONPATH": str(HERE), "PATH": "/usr/bin:/bin"},
    )
    lines = done.stdout.strip().splitlines() or [done.stderr]
    failed = set(re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE))
    if done.returncode not in (0, 1):
        failed.add("the run itself")
        print(done.stdout[-4000:], done.stderr[-4000:])
    return lines[-1].strip("= "), failed


def main(words: list[str]) -> int:
    """Run the suites; return 1 when something failed that is not expected to."""
    good = True
    for name in SUITES:
        if words and not any(word in name for word in words):
            continue
        with tempfile.TemporaryDirectory() as folder:
            source = fetch(name, Path(folder))
            print(source.name, flush=True)
            real: set[str] = set()
            for label, options in RUNS.items():
                figures, failed = run(source, options)
                print(f"  {label:6}{figures}", flush=True)
                if label == "flask":
                    real = failed
                    continue
                expected = EXPECTED.get(name, {})
                for test in sorted(failed - real):
                    print(f"    {test}: {expected.get(test, 'NOT EXPECTED')}")
                good &= failed - real == expected.keys()
    return int(not good)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
