"""Run a workspace command with nothing but Python 3.11 or later installed.

    python dev.py demo                 run the example application
    python dev.py test [ARGS]          run the tests of all packages
    python dev.py check [--fix]        lint, formatting, types
    python dev.py matrix [OPTIONS]     Python versions x package sets x dependency sets
    python dev.py docs                 build the handbook
    python dev.py build                build every wheel and sdist into dist/
    python dev.py test-build           build them and install each alone
    python dev.py test-flask           Flask's extensions, from the index, on Cruse
    python dev.py test-machine         tests that need Chromium, PostgreSQL, Redis, npm
    python dev.py bench [OPTIONS]      Cruse beside its peers, measured in one run
    python dev.py fuzz [PARSERS]       search for inputs that break a parser
    python dev.py version [NEW]        show the version, or set it everywhere

Everything else is passed on to Hatch, which is installed into ``.hatch/`` the first time unless a
recent one is on PATH; whoever has it can type ``hatch run demo`` and ``hatch test`` instead.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OLDEST_PYTHON = (3, 11)
OLDEST_HATCH = (1, 18)
HATCH = "hatch>=1.18,<1.20"
ROOT = Path(__file__).resolve().parent
HOME = ROOT / ".hatch"
LOCK = ROOT / ".hatch.lock"

# Our word -> what Hatch is told; the rest of the command line follows.
COMMANDS = {
    "bench": ["run", "bench:run"],
    "build": ["build", "--all"],
    "check": ["check"],
    "demo": ["run", "demo"],
    "docs": ["run", "docs:build"],
    "fuzz": ["run", "fuzz:run"],
    "test": ["test"],
    "test-build": ["run", "packaging:test"],
    "test-flask": ["run", "flask:test"],
    "test-machine": ["run", "machine:test"],
}
# Our word -> a program of ours that needs the standard library only.
PROGRAMS = {"matrix": "tools/matrix.py", "version": "tools/version.py"}


def hatch_on_path() -> str | None:
    """Return the Hatch that is on PATH if it is recent enough and starts."""
    found = shutil.which("hatch")
    if found is None:
        return None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    version = re.search(r"version (\d+)\.(\d+)", said.stdout)
    recent = version is not None and (int(version[1]), int(version[2])) >= OLDEST_HATCH
    return found if recent else None


@contextmanager
def alone() -> Iterator[None]:
    """Let one process at a time install: two in the same folder would break what both make.

    The system lets go of the file when its process ends, however that ends.
    """
    with open(LOCK, "a+") as file:
        if sys.platform == "win32":
            import msvcrt

            while True:
                try:
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    break
                except OSError:  # it has tried for ten seconds
                    continue
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install_hatch(python: Path) -> None:
    """Make the environment in ``.hatch/`` and put Hatch into it."""
    print(f"dev: installing {HATCH} into {HOME.name}/ (once)", file=sys.stderr, flush=True)
    steps = (
        [sys.executable, "-m", "venv", "--clear", str(HOME)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", HATCH],
    )
    for step in steps:
        if subprocess.call(step) != 0:
            sys.exit(
                f"dev: `python {' '.join(step[1:4])}` failed. It needs the venv module "
                "(Debian and Ubuntu: apt install python3-venv) and a package index within reach."
            )


def hatch() -> list[str]:
    """Return the command that starts Hatch, installing Hatch when there is none."""
    python = HOME / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = HOME / "installed"
    # The interpreter is asked for too: it is a link that breaks when its Python is upgraded away.
    if not (done.exists() and python.exists()):
        if found := hatch_on_path():
            return [found]
        with alone():
            if not (done.exists() and python.exists()):  # nobody has done it meanwhile
                install_hatch(python)
                done.touch()
    return [str(python), "-m", "hatch"]


def main(args: list[str]) -> int:
    """Hand the command over to whoever knows it; return its exit status."""
    if sys.version_info < OLDEST_PYTHON:
        sys.exit(f"dev: Cruse needs Python 3.11 or later, this is {sys.version.split()[0]}")
    if not args or args[0] in {"help", "--help", "-h"}:
        print(__doc__)
        return 0
    word, *rest = args
    if word in PROGRAMS:
        command = [sys.executable, str(ROOT / PROGRAMS[word]), *rest]
    else:
        command = [*hatch(), *COMMANDS.get(word, [word]), *rest]
    try:
        return subprocess.call(command, cwd=ROOT)
    except KeyboardInterrupt:
        # Ctrl-C is how the demo is stopped; the child has seen it too and said what it had to.
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
