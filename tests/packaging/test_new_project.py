"""A newcomer's first hour, in an empty environment with nothing but the built distributions."""

import json
import os
import re
import subprocess
import time
from urllib.request import urlopen

import pytest

from tests.packaging.test_build_and_install import VERSION, Environment, built, empty
from tests.servers.serving import free_port

__all__ = ["built", "empty"]

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def newcomer(built, empty, tmp_path):
    """Somebody's shell: the environment is active, and their home is empty."""
    empty.install(f"cruse[db,auth,serve]=={VERSION}", built)
    home = tmp_path / "home"
    home.mkdir()
    scripts = empty.python.parent
    return Shell(empty, {"HOME": str(home), "PATH": f"{scripts}{os.pathsep}{os.defpath}"}, home)


class Shell:
    def __init__(self, environment: Environment, variables, folder):
        # What the tests of the repository were started with is not theirs.
        self.variables = {**variables, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        self.environment = environment
        self.folder = folder

    def start(self, *command, **options):
        program = self.environment.python.with_name(command[0])
        return subprocess.Popen(
            [program, *command[1:]],
            cwd=self.folder,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )

    def run(self, *command):
        with self.start(*command) as process:
            output, _ = process.communicate()
        assert process.returncode == 0, output
        return output


def first_page(port):
    """The first page, as soon as somebody listens."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{port}/", timeout=60) as answer:
                return answer.read().decode()
        except OSError:  # nobody listens, or hangs up amid its start
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_new_project_is_tested_run_and_served(newcomer, built):
    assert "cruse run" in newcomer.run("cruse", "new", "blog", "--db", "--auth")
    newcomer.folder = newcomer.folder / "blog"
    newcomer.run("pip", "install", "--quiet", "--find-links", str(built), "-e", ".[dev]")
    assert re.search(r"\d+ passed", newcomer.run("pytest", "-W", "error"))
    newcomer.run("ruff", "check")
    newcomer.run("ruff", "format", "--check")
    assert "Success" in newcomer.run("mypy")
    assert "Written: " in newcomer.run("cruse", "db", "migrate", "-m", "first tables")
    assert "first tables" in newcomer.run("cruse", "db", "upgrade")
    newcomer.run("ruff", "check")  # the migration, too
    newcomer.run("cruse", "posts", "add", "The first of all posts")
    assert {
        route["endpoint"] for route in json.loads(newcomer.run("cruse", "routes", "--json"))
    } >= {
        "pages.index",
        "auth.login",
    }
    for command in (["cruse", "run"], ["cruse", "serve"], ["python", "-m", "cruse", "serve"]):
        port = str(free_port())
        with newcomer.start(*command, "--port", port) as server:
            try:
                assert "The first of all posts" in first_page(port)
            finally:
                server.terminate()
                output, _ = server.communicate(timeout=60)
            assert (server.returncode, "Traceback" in output) == (0, False), output
