"""What ``install()`` does to a process: tried in processes of their own."""

import os
import subprocess
import sys

import pytest


def run(*arguments, cwd=None, **environment):
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FLASK_", "CRUSE_", "PYTEST_"))
    }
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**kept, **environment},
    )


def test_it_refuses_when_the_real_flask_was_imported_before():
    done = run("-c", "import flask, cruse_flask; cruse_flask.install()")
    assert done.returncode == 1
    message = done.stderr.splitlines()[-1]
    assert "RuntimeError: Flask was imported before, from " in message
    assert "cruse run --flask" in message


def test_importing_the_package_alone_changes_nothing():
    code = "import sys, cruse_flask; print(cruse_flask.is_installed(), 'flask' in sys.modules)"
    assert run("-c", code).stdout == "False False\n"


def test_the_core_knows_nothing_of_it():
    code = "import sys, cruse; cruse.Cruse('app'); print('cruse_flask' in sys.modules)"
    assert run("-c", code).stdout == "False\n"


def test_the_version_of_the_distribution_is_that_of_the_names():
    code = (
        "import cruse_flask; cruse_flask.install()\n"
        "import flask, importlib.metadata as m\n"
        "print(m.version('flask'), flask.Flask('app'))"
    )
    assert run("-c", code).stdout == "3.1.3 <Flask 'app'>\n"


def test_any_program_is_run_so(tmp_path):
    (tmp_path / "program_here.py").write_text(
        "import sys, flask, cruse\n"
        "print(__name__, sys.argv[1:], issubclass(flask.Flask, cruse.Cruse))\n"
    )
    done = run("-m", "cruse_flask", "-m", "program_here", "--word", cwd=tmp_path)
    assert done.stdout == "__main__ ['--word'] True\n", done.stderr


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "app.py").write_text(
        "from flask import Flask\napp = Flask(__name__)\napp.add_url_rule('/jar', 'jar')\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    "words", [["cruse_flask", "routes"], ["cruse", "--flask", "routes"]], ids=" ".join
)
def test_commands_load_an_application_that_imports_flask(folder, words):
    done = run("-m", *words, cwd=folder)
    assert "/jar" in done.stdout, done.stderr


def test_an_environment_variable_is_the_option(folder):
    assert "/jar" in run("-m", "cruse", "routes", cwd=folder, CRUSE_FLASK="1").stdout


def test_without_the_option_the_command_says_what_the_application_is(folder):
    done = run("-m", "cruse", "routes", cwd=folder)
    assert "is a flask.app.Flask" in done.stderr


def test_the_readme_is_right():
    """Its samples install the alias, so they are run here and not with those of other pages."""
    from pathlib import Path
    from re import DOTALL, MULTILINE, findall

    text = Path(__file__).parents[1].joinpath("README.md").read_text()
    done = run("-c", "\n".join(findall(r"^```python\n(.*?)^```", text, MULTILINE | DOTALL)))
    assert done.returncode == 0, done.stderr
