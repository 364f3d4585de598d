"""``cruse new``: what it makes, and the names that it refuses. tests/e2e runs what it makes."""

import os
import tomllib

import pytest
from click.testing import CliRunner

from cruse import __version__
from cruse.cli import cli


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def new(*arguments):
    return CliRunner().invoke(cli, ["new", *arguments])


def files(folder):
    return {
        os.path.relpath(os.path.join(path, name), folder).replace(os.sep, "/")
        for path, _, names in os.walk(folder)
        for name in names
    }


def test_it_makes_a_project_and_tells_the_next_steps(tmp_path):
    result = new("my-site")
    assert result.exit_code == 0, result.output
    assert files(tmp_path / "my-site") == {
        ".env",
        ".env.example",
        ".gitignore",
        "README.md",
        "my_site/__init__.py",
        "my_site/static/style.css",
        "my_site/templates/base.html",
        "my_site/templates/index.html",
        "my_site/views.py",
        "pyproject.toml",
        "tests/conftest.py",
        "tests/test_pages.py",
    }
    assert "    cd my-site\n" in result.output
    assert "    cruse run\n" in result.output


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights than these")
def test_nobody_else_on_the_machine_can_read_the_secret_key(tmp_path):
    new("shop")
    assert (tmp_path / "shop/.env").stat().st_mode & 0o077 == 0
    assert (tmp_path / "shop/.env.example").stat().st_mode & 0o400


def test_what_it_adds_is_what_was_asked_for_and_what_that_needs(tmp_path):
    assert "cruse db upgrade" in new("wall", "--auth", "--uploads").output
    made = files(tmp_path / "wall")
    assert {"wall/users.py", "wall/models.py", "wall/forms.py", "wall/extensions.py"} <= made


@pytest.mark.parametrize(
    ("options", "requirement"),
    [
        ([], f"cruse~={__version__}"),
        (["--db"], f"cruse[db]~={__version__}"),
        (["--auth", "--forms"], f"cruse[auth,db,forms]~={__version__}"),
    ],
)
def test_it_requires_this_version_with_the_extensions(tmp_path, options, requirement):
    new("my-site", *options)
    project = tomllib.loads((tmp_path / "my-site" / "pyproject.toml").read_text())
    assert project["project"]["dependencies"] == [requirement]


def test_each_project_has_a_secret_of_its_own_that_stays_out_of_version_control(tmp_path):
    new("one")
    new("two")
    secrets = [
        (tmp_path / name / ".env").read_text().split("_SECRET_KEY=")[1] for name in ("one", "two")
    ]
    assert secrets[0] != secrets[1]
    assert len(secrets[0].strip()) == 64
    assert ".env\n" in (tmp_path / "one" / ".gitignore").read_text()
    assert secrets[0].strip() not in (tmp_path / "one" / ".env.example").read_text()


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("my site", "is no name for a project"),
        ("1st", "a letter first"),
        ("class", "no word of Python's"),
        ("../site", "is no name for a project"),
        ("größe", "is no name for a project"),
        ("tests", "take another"),
        ("json", "would hide the module 'json'"),
        ("click", "would hide the module 'click'"),
        ("cruse", "would hide the module 'cruse'"),
    ],
)
def test_a_name_that_does_not_do_is_refused(tmp_path, name, answer):
    result = new(name)
    assert result.exit_code == 2
    assert answer in result.output
    assert files(tmp_path) == set()


def test_nothing_is_written_where_something_is(tmp_path):
    (tmp_path / "wall").mkdir()
    (tmp_path / "notes").write_text("mine")
    assert "There is a folder 'wall' here already" in new("wall").output
    assert "There is a file 'notes' here already" in new("notes").output
    assert files(tmp_path) == {"notes"}
