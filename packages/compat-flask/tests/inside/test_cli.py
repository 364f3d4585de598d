"""Flask's command line: helpers, plug-ins, variables."""

import os
import sys

import click
import pytest
from flask import Blueprint, Flask, current_app
from flask.cli import AppGroup, FlaskGroup, ScriptInfo, with_appcontext
from flask.cli import cli as flask_cli


@pytest.fixture
def app():
    return Flask("app")


def test_commands_run_in_the_context_of_the_application(app):
    @app.cli.command("greet")
    @click.argument("name")
    def greet(name):
        click.echo(f"{current_app.name} greets {name}")

    blueprint = Blueprint("shop", "shop", cli_group="shop")

    @blueprint.cli.command("open")
    def opened():
        click.echo(current_app.name)

    app.register_blueprint(blueprint)
    runner = app.test_cli_runner()
    assert runner.invoke(args=["greet", "Ada"]).output == "app greets Ada\n"
    assert runner.invoke(args=["shop", "open"]).output == "app\n"


def test_a_command_of_an_extension_asks_for_the_context(app):
    @click.command()
    @with_appcontext
    def named():
        click.echo(current_app.name)

    app.cli.add_command(named, "named")
    assert app.test_cli_runner().invoke(named).output == "app\n"
    group = AppGroup("group")
    group.add_command(named, "named")
    assert app.test_cli_runner().invoke(group, ["named"]).output == "app\n"
    assert ScriptInfo(create_app=lambda: app).load_app() is app


def test_plug_ins_of_flask_are_found(app, tmp_path, monkeypatch):
    info = tmp_path / "plug_in-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plug-in\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[flask.commands]\nplugged = plug_in_here:plugged\n")
    (tmp_path / "plug_in_here.py").write_text(
        "import click\n@click.command()\ndef plugged():\n    click.echo('plugged in')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    try:
        group = FlaskGroup(create_app=lambda: app)
        assert app.test_cli_runner().invoke(group, ["plugged"]).output == "plugged in\n"
    finally:
        sys.modules.pop("plug_in_here", None)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with an application, and an environment that forgets what a command set."""
    for name in ("APP", "DEBUG", "RUN_PORT", "RUN_FROM_CLI"):
        for prefix in ("FLASK", "CRUSE"):
            monkeypatch.setenv(f"{prefix}_{name}", "")
            monkeypatch.delenv(f"{prefix}_{name}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "shop_here.py").write_text(
        "import os\nfrom flask import Flask\napp = Flask(__name__)\n"
        "@app.cli.command('told')\ndef told():\n"
        "    print(app.debug, os.environ.get('SHOP'), os.environ.get('FLASK_RUN_FROM_CLI'))\n"
    )
    yield tmp_path
    sys.modules.pop("shop_here", None)


def test_its_variables_and_files_are_read(app, project, monkeypatch):
    (project / ".flaskenv").write_text("FLASK_APP=shop_here\nFLASK_DEBUG=1\nSHOP=flaskenv\n")
    (project / ".env").write_text("SHOP=env\n")
    monkeypatch.setenv("SHOP", "")
    monkeypatch.delenv("SHOP")
    done = app.test_cli_runner().invoke(flask_cli, ["told"], obj=ScriptInfo())
    assert done.output == "True env true\n"
    assert "FLASK_RUN_FROM_CLI" not in os.environ


def test_run_is_ignored_while_a_command_runs(app, project, monkeypatch):
    (project / "shop_here.py").write_text(
        "from flask import Flask\napp = Flask(__name__)\napp.run(port=1)\n"
    )
    done = app.test_cli_runner().invoke(
        flask_cli, ["--app", "shop_here", "routes"], obj=ScriptInfo()
    )
    assert done.exit_code == 0, done.output
    assert "static" in done.output
