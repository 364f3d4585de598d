"""What is documented can be typed, and the environments behind the commands fit together."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import dev

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["envs"]
MEMBERS = {str(path.relative_to(ROOT)) for path in (ROOT / "packages").iterdir()}
TOLD = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "docs/contributing.md",
    ROOT / ".ci/run",
    ROOT / ".github/workflows/test.yml",
]


def commands(text: str) -> set[str]:
    """The words that follow ``dev.py`` in a page or a program."""
    return set(re.findall(r"\bdev\.py ([a-z][a-z-]*)", text))


@pytest.mark.parametrize("page", TOLD, ids=lambda path: path.name)
def test_every_command_that_is_written_down_exists(page):
    assert commands(page.read_text()) <= dev.COMMANDS.keys() | dev.PROGRAMS.keys()


def test_every_command_is_explained():
    everything = dev.COMMANDS.keys() | dev.PROGRAMS.keys()
    assert commands((ROOT / "docs/contributing.md").read_text()) == everything
    assert commands(dev.__doc__) == everything


def test_the_readme_has_the_two_commands_of_a_newcomer():
    assert {"demo", "test"} <= commands((ROOT / "README.md").read_text())


def test_without_a_command_they_are_listed():
    said = subprocess.run(
        [sys.executable, ROOT / "dev.py"], capture_output=True, text=True, check=True
    )
    assert commands(said.stdout) == dev.COMMANDS.keys() | dev.PROGRAMS.keys()


def test_two_first_commands_at_once_install_hatch_once(tmp_path):
    shutil.copy(ROOT / "dev.py", tmp_path)
    # In the place of pip, which needs an index: it tells that it was called, and brings a Hatch
    # that is not whole before it ends.
    (tmp_path / "sitecustomize.py").write_text(
        "import pathlib, sys, time\n"
        "if sys.orig_argv[1:4] == ['-m', 'pip', 'install']:\n"
        "    home = pathlib.Path(sys.prefix)\n"
        "    with open(home.parent / 'installs', 'a') as installs:\n"
        "        installs.write('once ')\n"
        "    time.sleep(0.5)\n"
        "    (pathlib.Path(__file__).parent / 'hatch.py').write_text('print(\"hatch runs\")')\n"
        "    import os\n"
        "    os._exit(0)\n"
    )
    environment = os.environ | {"PATH": str(tmp_path / "nothing"), "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, str(tmp_path / "dev.py"), "demo"]
    both = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120)[0] for process in both]
    assert said == ["hatch runs\n"] * 2
    assert (tmp_path / "installs").read_text() == "once "


def members(environment: dict) -> set[str]:
    """The workspace members of an environment, written as text or with their features."""
    listed = environment["workspace"]["members"]
    return {each if isinstance(each, str) else each["path"] for each in listed}


@pytest.mark.parametrize("name", ["default", "hatch-test", "hatch-check-types", "machine"])
def test_an_environment_has_all_packages(name):
    assert members(ENVIRONMENTS[name]) == MEMBERS


def test_the_full_rows_of_the_matrix_have_what_the_test_command_has():
    row = set(ENVIRONMENTS["matrix"]["dependencies"])
    extra = ENVIRONMENTS["matrix"]["overrides"]["matrix"]["packages"]
    row |= {each["value"] for each in extra["dependencies"]}

    test = set(ENVIRONMENTS["hatch-test"]["dependencies"])
    # Coverage is measured once, and of tests/conformance each place has its part. PostgreSQL,
    # pictures, passwords, second factors, limits and codings come there by extras of packages.
    assert {each for each in test - row if not each.startswith(("coverage", "webtest"))} == set()
    others = ("asgion", "backports.zstd", "brotli", "limits", "obstore", "pillow", "pwdlib")
    others += ("psycopg", "pyotp", "webauthn")
    assert {each for each in row - test if not each.startswith(others)} == set()


def test_the_matrix_has_every_python_that_is_supported():
    core = tomllib.loads((ROOT / "packages/framework/pyproject.toml").read_text())["project"]
    (axes,) = ENVIRONMENTS["matrix"]["matrix"]
    for python in axes["python"]:
        assert f"Programming Language :: Python :: {python}" in core["classifiers"]


def other_python() -> str:
    """A Python of the matrix that is not the one running."""
    (axes,) = ENVIRONMENTS["matrix"]["matrix"]
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    return next(python for python in axes["python"] if python != running)


def test_an_interpreter_that_is_missing_is_named(tmp_path):
    (python := tmp_path / f"python{other_python()}").write_text("#!/bin/sh\nexit 127\n")
    python.chmod(0o755)  # there, but does not start: what a version manager's shim does
    done = subprocess.run(
        [sys.executable, ROOT / "dev.py", "matrix", "--python", other_python()],
        env=os.environ | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert f"python{other_python()}: no such interpreter here" in done.stdout
    assert "12 rows: 12 no interpreter" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode == 1, "a matrix of which nothing ran has shown nothing"


def test_a_row_that_has_been_run_is_named_and_left_out():
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    row = ["--python", python, "--packages", "all", "--deps", "latest"]
    done = subprocess.run(
        [sys.executable, ROOT / "dev.py", "matrix", "--done", python, *row],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 rows: 1 run before" in done.stdout
