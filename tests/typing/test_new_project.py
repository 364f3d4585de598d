"""What ``cruse new`` writes passes the linter, the formatter and the strict type checker."""

import subprocess
import sys

import pytest

#: Nothing, and everything with and without forms: each line of the templates once.
PROJECTS = [(), ("--uploads",), ("--auth",), ("--auth", "--uploads")]


@pytest.mark.parametrize("options", PROJECTS, ids=lambda options: "".join(options) or "plain")
def test_a_new_project_is_clean(tmp_path, options):
    def run(*command, folder):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            check=False,
            cwd=folder,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    run("cruse", "new", "blog", *options, folder=tmp_path)
    for command in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]):
        run(*command, folder=tmp_path / "blog")
