"""``cruse new`` with everything a project can begin with: its tests pass, and it is served."""

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from html import unescape

import httpx2
import pytest

from tests.servers.serving import serve

#: What may be asked for, where it makes another project.
PROJECTS = [
    (),
    ("--db",),
    ("--forms",),
    ("--uploads",),
    ("--db", "--forms"),
    ("--db", "--uploads"),
    ("--auth",),
    ("--auth", "--forms"),
    ("--auth", "--uploads"),
]


@pytest.fixture
def environment(tmp_path):
    """The variables of a fresh shell of somebody who has nothing yet."""
    shell = {name: value for name, value in os.environ.items() if not name.startswith("CRUSE_")}
    home = tmp_path / "home"
    home.mkdir()
    return {**shell, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def run(tmp_path, environment):
    """Run a Python program, in the project's folder once that is there."""

    def run(*arguments):
        folder = tmp_path / "blog"
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            check=False,
            cwd=folder if folder.exists() else tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("options", PROJECTS, ids=lambda options: "".join(options) or "plain")
def test_the_tests_of_a_new_project_pass_and_nothing_is_amiss(run, options):
    run("cruse", "new", "blog", *options)
    # Its own settings count, not those of this repository.
    assert re.search(r"\d+ passed", run("pytest", "-q", "-W", "error", "-c", "pyproject.toml"))
    assert "index" in run("cruse", "routes")
    assert run("cruse", "check") == "0 errors, 0 warnings.\n"


def test_what_is_for_development_must_not_reach_production(run, tmp_path, environment):
    run("cruse", "new", "blog", "--auth")
    done = subprocess.run(
        [sys.executable, "-m", "cruse", "check", "--deploy"],
        check=False,
        cwd=tmp_path / "blog",
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "error AUTH_DEVELOPMENT_PROVIDER: " in done.stdout


@contextmanager
def served(tmp_path, environment, *command):
    program = ["-m", "cruse", *command]
    with (
        serve(program, tmp_path / "blog", environment) as running,
        httpx2.Client(base_url=running.url, timeout=30) as client,
    ):
        client.headers["Origin"] = running.url
        yield client


@pytest.mark.parametrize(
    "command",
    [
        ("run", "--port", "{port}"),
        ("serve", "--port", "{port}", "--workers", "2"),
        ("serve", "--port", "{port}", "--interface", "asgi"),
    ],
    ids=["run", "serve", "serve-asgi"],
)
def test_a_new_project_is_served_and_people_sign_in(run, tmp_path, environment, command):
    run("cruse", "new", "blog", "--db", "--auth")
    run("cruse", "db", "migrate", "-m", "first tables")
    run("cruse", "db", "upgrade")
    run("cruse", "posts", "add", "The first of all posts")

    def action(page):
        forms = re.findall(r'<form method="post" action="([^"]+)"', page.text)
        return unescape(next(url for url in forms if "logout" not in url))

    with served(tmp_path, environment, *command) as client:
        assert "The first of all posts" in client.get("/").text
        start = client.post(action(client.get("/auth/login")))
        choice = client.get(start.headers["Location"], follow_redirects=True)
        client.post(action(choice), data={"person": "noor"}, follow_redirects=True)
        assert "Noor Example" in client.get("/account").text
    # The login is recorded, so that it can be ended from here.
    assert len(run("cruse", "auth", "sessions", "list", "1").splitlines()) == 1
