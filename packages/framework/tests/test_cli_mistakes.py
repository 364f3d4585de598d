"""Mistakes at the prompt: each is answered with a line that says what to do, and no traceback."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

TLS = Path(__file__).parent / "tls"

SITE = """
from cruse.app import Cruse

app = Cruse("site_", root_path=".")
number = 1

def make(name):
    return app

@app.cli.command()
def greet():
    pass
"""


@pytest.fixture
def cruse(tmp_path):
    """Run ``cruse`` in a folder with a few modules, as a process of its own."""
    (tmp_path / "site_.py").write_text(SITE)
    (tmp_path / "wrong.py").write_text("def index(:\n    pass\n")
    (tmp_path / "needy.py").write_text("import nowhere_to_be_found\n")
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "circle.py").write_text("from circle_views import bp\n\napp = None\n")
    (tmp_path / "circle_views.py").write_text("from circle import app\n\nbp = None\n")
    (tmp_path / "bad.env").write_text("SECRET letters and no equals sign\n")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CRUSE_")}

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "cruse", *map(str, arguments)],
            check=False,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["routes"], "Name it with 'cruse --app module:name'"),
        (["rotes"], "(did you mean 'routes'?)"),
        (["-A", "sites", "routes"], "Run the command from the folder that holds it"),
        (["-A", "site_", "rotes"], "No such command 'rotes' (did you mean 'routes'?)"),
        (["-A", "site_", "gret"], "No such command 'gret' (did you mean 'greet'?)"),
        (["-A", "site_:ap", "routes"], "has no 'ap'. The applications in it: app."),
        (["-A", "site_:number", "routes"], "is a int, not a Cruse application"),
        (
            ["-A", "site_:make", "routes"],
            "missing a required argument: 'name'. Give its arguments",
        ),
        (["-A", "site_:make(open)", "routes"], "Give literals"),
        (["-A", "site_:app:app", "routes"], "Write 'module:name'"),
        (["-A", "empty", "routes"], "Say what it is called: --app empty:name"),
        (["-e", "missing.env", "routes"], "'missing.env' does not exist"),
        (["-e", "bad.env", "routes"], "line 1: expected NAME=value"),
        (["-A", "site_", "run", "--prot", "80"], "--prot"),
        (["-A", "site_", "run", "--port", "eighty"], "'eighty' is not a valid integer"),
        (["-A", "site_", "run", "--port", "80000"], "80000 is not in the range"),
        (["-A", "site_", "run", "8000"], "unexpected extra argument (8000)"),
        (["-A", "site_", "run", "--host", "no.such.invalid"], "is unknown. --host 127.0.0.1"),
        (["-A", "site_", "run", "--host", "192.0.2.1"], "is no address of this machine"),
        (["-A", "site_", "run", "--cert", "site_.py"], 'Required when "--cert" is a file'),
        (
            ["-A", "site_", "run", "-p", "0", "--cert", "site_.py", "--key", "site_.py"],
            "Both must be PEM files, and belong to each other",
        ),
        (["-A", "wrong", "routes"], "SyntaxError: invalid syntax"),
        (["-A", "needy", "routes"], "No module named 'nowhere_to_be_found'"),
        (["-A", "circle", "routes"], "app.include('package.module') imports a part when"),
    ],
)
def test_a_mistake_is_answered(cruse, arguments, answer):
    done = cruse(*arguments)
    assert done.returncode in (1, 2)
    assert answer in done.stderr
    # Only an import that fails somewhere deeper needs to say where.
    assert ("Traceback" in done.stderr) is bool({"needy", "circle"}.intersection(arguments))
    assert "SECRET" not in done.stderr


@pytest.mark.parametrize("options", [[], ["--debug"]])
def test_a_port_that_is_taken_is_told_with_another_one(cruse, options):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = cruse("-A", "site_", "run", "--port", port, *options)
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: Port {port} is in use by another program. Stop that program, or take another "
        f"port: --port {port + 1}.\n"
    )


def test_a_port_of_the_system_is_told(monkeypatch):
    from click import ClickException

    from cruse.listening import check_address

    def refuse(self, address):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(ClickException, match=r"port 80.*--port 8000"):
        check_address("127.0.0.1", 80)
