"""The command ``cruse``, and commands of applications, blueprints, extensions and plug-ins."""

import asyncio
import os
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from cruse.app import Cruse
from cruse.blueprints import Blueprint
from cruse.cli import AppGroup, CruseGroup, ScriptInfo, cli, pass_script_info, with_appcontext
from cruse.extension import Extension
from cruse.globals import current_app, g, has_app_context


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    """Commands set environment variables for the process; here they are taken back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("CRUSE_APP", "CRUSE_DEBUG", "CRUSE_RUN_FROM_CLI", "CRUSE_SKIP_DOTENV"):
        monkeypatch.setenv(name, "x")  # so that it is restored, whatever a command does
        monkeypatch.delenv(name)


@pytest.fixture
def app():
    return Cruse(__name__)


@pytest.fixture
def run(app):
    """Run a ``cruse`` command line for the application."""
    group = CruseGroup(create_app=lambda: app)

    def invoke(*args, **kwargs):
        return CliRunner().invoke(group, args, **kwargs)

    return invoke


# -- commands of an application -----------------------------------------------------------


def test_a_command_runs_inside_the_application(app, run):
    @app.cli.command()
    @click.argument("name")
    def greet(name):
        click.echo(f"{current_app.name} greets {name}")

    result = run("greet", "Ada")
    assert result.output == f"{app.name} greets Ada\n"
    assert not has_app_context()


def test_a_command_may_be_registered_without_parentheses(app, run):
    @app.cli.command
    def greet():
        click.echo(current_app.name)

    assert run("greet").output == f"{app.name}\n"


def test_a_command_may_be_async(app, run):
    @app.cli.command()
    @click.option("--times", default=1)
    async def greet(times):
        await asyncio.sleep(0)
        click.echo(f"{current_app.name} {times} {click.get_current_context().info_name}")

    assert run("greet", "--times", "2").output == f"{app.name} 2 greet\n"


def test_async_commands_run_on_the_loop_of_the_application(app, run):
    loops = []

    @app.cli.command()
    async def note():
        loops.append(asyncio.get_running_loop())

    run("note")
    run("note")
    assert loops[0] is loops[1] is app.async_to_sync(running_loop)()


async def running_loop():
    return asyncio.get_running_loop()


def test_an_async_command_may_take_the_click_context_and_sit_in_a_plain_group(app, run):
    @click.group()
    def plain():
        pass

    @plain.command()
    @click.pass_context
    async def greet(ctx):
        click.echo(f"{ctx.info_name} {current_app.name}")

    app.cli.add_command(plain)
    assert run("plain", "greet").output == f"greet {app.name}\n"


def test_a_failing_async_command_fails(app, run):
    @app.cli.command()
    async def fail():
        raise click.ClickException("not today")

    result = run("fail")
    assert (result.exit_code, result.output) == (1, "Error: not today\n")


def test_an_async_command_may_do_without_an_application():
    group = AppGroup()

    @group.command(with_appcontext=False)
    async def alone():
        click.echo(f"context: {has_app_context()}")

    assert CliRunner().invoke(group, ["alone"]).output == "context: False\n"


def test_subgroups_run_inside_the_application_as_well(app, run):
    @app.cli.group()
    def admin():
        pass

    @admin.command()
    def name():
        click.echo(current_app.name)

    assert isinstance(admin, AppGroup)
    assert run("admin", "name").output == f"{app.name}\n"


def test_parameter_callbacks_have_the_context_too(app, run):
    @app.cli.command()
    @click.option("--name", callback=lambda ctx, param, value: current_app.name)
    def show(name):
        click.echo(name)

    assert run("show").output == f"{app.name}\n"


def test_the_context_is_torn_down_after_the_command(app, run):
    seen = []
    app.teardown_appcontext(lambda exc: seen.append(g.get("number")))

    @app.cli.command()
    def count():
        g.number = 7

    run("count")
    assert seen == [7]


def test_with_appcontext_gives_any_command_the_application(app):
    @click.command()
    @with_appcontext
    def show():
        click.echo(current_app.name)

    result = CliRunner().invoke(show, obj=ScriptInfo(create_app=lambda: app))
    assert result.output == f"{app.name}\n"


def test_script_info_may_be_passed():
    @click.command()
    @pass_script_info
    def show(info):
        click.echo(info.data["key"])

    info = ScriptInfo(create_app=lambda: None)
    info.data["key"] = "value"
    assert CliRunner().invoke(show, obj=info).output == "value\n"


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({}, ["things", "list"]),
        ({"cli_group": None}, ["list"]),
        ({"cli_group": "x"}, ["x", "list"]),
    ],
)
def test_blueprints_bring_commands(app, run, options, path):
    things = Blueprint("things", __name__, **options)

    @things.cli.command("list")
    def list_things():
        click.echo(current_app.name)

    app.register_blueprint(things)
    assert run(*path).output == f"{app.name}\n"


# -- commands of extensions and plug-ins --------------------------------------------------


class Greetings(Extension):
    name = "greetings"

    def commands(self, state):
        group = AppGroup(help="Greet.")

        @group.command()
        async def hello():
            """Say hello."""
            click.echo(f"{current_app.name} {self.state is state}")

        return group


def test_an_extension_brings_commands(app, run):
    app.use(Greetings())
    assert run("greetings", "hello").output == f"{app.name} True\n"
    assert "greetings" in run("--help").output


def test_the_runner_knows_the_commands_of_extensions(app):
    app.use(Greetings())
    result = app.test_cli_runner().invoke(args=["greetings", "hello"])
    assert result.output == f"{app.name} True\n"


class Wrong(Extension):
    name = "wrong"
    prefix = "WRONG_"

    def commands(self, state):
        return click.Group("wrong", help=str(state.settings))


def test_a_wrong_setting_is_an_error_in_one_line(app, run):
    app.use(Wrong())
    app.config["WRONG_SIZE"] = 1
    result = run("wrong")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert result.output.startswith("Error: Unknown setting 'WRONG_SIZE'")
    assert "Error: Unknown setting 'WRONG_SIZE'" in run("--help").output


def test_a_command_of_the_application_goes_before_that_of_an_extension(app, run):
    app.use(Greetings())

    @app.cli.command("greetings")
    def mine():
        click.echo("mine")

    assert run("greetings").output == "mine\n"


@pytest.fixture
def plug_in(tmp_path, monkeypatch):
    """Install a distribution that adds a command."""

    def install(source):
        (tmp_path / "plug_in.py").write_text(source)
        info = tmp_path / "plug_in-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plug-in\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[cruse.commands]\nplugged = plug_in:plugged\n")
        monkeypatch.syspath_prepend(tmp_path)

    yield install
    sys.modules.pop("plug_in", None)


def test_a_plug_in_brings_commands(run, plug_in):
    plug_in("import click\n@click.command()\ndef plugged():\n    click.echo('plugged in')\n")
    assert run("plugged").output == "plugged in\n"
    assert "plugged" in run("--help").output


def test_a_broken_plug_in_is_named_and_left_out(run, plug_in):
    plug_in("import nowhere_to_be_found")
    result = run("--help")
    assert result.exit_code == 0
    assert "'plugged' is left out" in result.output
    assert "No module named 'nowhere_to_be_found'" in result.output
    assert "routes" in result.output


def test_a_plug_in_brings_options(tmp_path):
    (tmp_path / "plug_in.py").write_text(
        "import click\n"
        "option = click.Option(['--loud'], is_flag=True, is_eager=True, expose_value=False,\n"
        "    callback=lambda ctx, param, value: value and click.echo('LOUD'), help='Be loud.')\n"
    )
    info = tmp_path / "plug_in-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plug-in\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[cruse.options]\nloud = plug_in:option\n")
    (tmp_path / "app.py").write_text("from cruse import Cruse\napp = Cruse(__name__)\n")

    def said(*words):
        # In a process of its own: options are looked up once.
        return subprocess.run(
            [sys.executable, "-m", "cruse", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert said("--loud", "routes").startswith("LOUD\n")
    for words in (["--help"], ["run", "--help"], ["serve", "--help"]):
        assert "Be loud." in said(*words)
    assert "LOUD" not in said("routes")


# -- the command itself -------------------------------------------------------------------


def test_version_names_what_a_bug_report_needs():
    output = CliRunner().invoke(cli, ["--version"]).output
    assert [line.partition(" ")[0] for line in output.splitlines()] == [
        "Python",
        "Cruse",
        "Werkzeug",
    ]


def test_without_an_application_the_built_in_commands_are_still_listed():
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    assert "No application found in" in result.output
    assert "shell" in result.output


def test_a_broken_application_shows_its_traceback_in_the_help(tmp_path):
    (tmp_path / "app.py").write_text("1 / 0")
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    assert "ZeroDivisionError" in result.output
    assert "routes" in result.output


def test_an_unknown_command_is_an_error_in_one_line(run):
    result = run("frobnicate")
    assert result.exit_code == 2
    assert result.output.splitlines()[-1] == "Error: No such command 'frobnicate'."


def test_a_command_without_an_application_to_ask_says_so():
    result = CliRunner().invoke(cli, ["frobnicate"])
    assert result.exit_code == 2
    (line,) = result.output.splitlines()
    assert line.startswith("Error: 'frobnicate' is not a built-in command")
    assert "--app module:name" in line


def test_an_application_that_is_not_found_is_an_error_in_one_line():
    result = CliRunner().invoke(cli, ["--app", "nowhere", "routes"])
    assert result.exit_code == 2
    (line,) = result.output.splitlines()
    assert line.startswith("Error: Could not import 'nowhere'.")


SITE = """
import os
from cruse.app import Cruse
app = Cruse("site", root_path=".")

@app.cli.command()
def show():
    print("debug", app.debug, "word", os.environ.get("WORD"))
"""


@pytest.fixture
def site(tmp_path):
    (tmp_path / "site_.py").write_text(SITE)
    yield
    sys.modules.pop("site_", None)


@pytest.mark.parametrize("option", ["--app", "-A"])
def test_an_option_names_the_application(site, option):
    result = CliRunner().invoke(cli, [option, "site_", "show"])
    assert result.output == "debug False word None\n"


def test_the_environment_names_the_application(site, monkeypatch):
    monkeypatch.setenv("CRUSE_APP", "site_")
    assert CliRunner().invoke(cli, ["show"]).output == "debug False word None\n"
    assert "show" in CliRunner().invoke(cli, ["--help"]).output
    assert "show" in CliRunner().invoke(cli, []).output


@pytest.mark.parametrize(
    ("variable", "options", "debug"),
    [
        (None, [], False),
        (None, ["--debug"], True),
        ("1", [], True),
        ("0", [], False),
        ("1", ["--no-debug"], False),
        ("0", ["--debug"], True),
    ],
)
def test_debug_mode_is_chosen_by_option_or_environment(
    site, monkeypatch, variable, options, debug
):
    if variable is not None:
        monkeypatch.setenv("CRUSE_DEBUG", variable)
    result = CliRunner().invoke(cli, ["-A", "site_", *options, "show"])
    assert result.output == f"debug {debug} word None\n"


@pytest.mark.parametrize(
    ("files", "options", "environment", "word"),
    [
        ({".env": "WORD=env"}, [], {}, "env"),
        ({".cruseenv": "WORD=cruse", ".env": "WORD=env"}, [], {}, "env"),
        ({".env": "WORD=env", "mine": "WORD=mine"}, ["-e", "mine"], {}, "mine"),
        ({".env": "WORD=env", "mine": "WORD=mine"}, ["--env-file", "mine"], {}, "mine"),
        ({".env": "WORD=env"}, [], {"WORD": "real"}, "real"),
        ({".env": "WORD=env"}, [], {"CRUSE_SKIP_DOTENV": "1"}, None),
        ({".env": "WORD=env"}, [], {"CRUSE_SKIP_DOTENV": "0"}, "env"),
        ({".env": "X=", "mine": "WORD=mine"}, ["-e", "mine"], {"CRUSE_SKIP_DOTENV": "1"}, "mine"),
    ],
)
def test_dotenv_files_are_read(site, tmp_path, monkeypatch, files, options, environment, word):
    for name in ("WORD", "X"):
        monkeypatch.setenv(name, "x")
        monkeypatch.delenv(name)
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(cli, [*options, "-A", "site_", "show"])
    assert result.output == f"debug False word {word}\n"


def test_a_dotenv_file_may_name_the_application(site, tmp_path):
    (tmp_path / ".env").write_text("CRUSE_APP=site_")
    assert CliRunner().invoke(cli, ["show"]).output == "debug False word None\n"
    assert "show" in CliRunner().invoke(cli, ["--help"]).output


def test_a_script_may_have_a_group_of_its_own(app):
    group = CruseGroup(
        create_app=lambda: app, add_default_commands=False, add_version_option=False
    )
    output = CliRunner().invoke(group, ["--help"]).output
    assert "routes" not in output
    assert "--version" not in output


@pytest.mark.parametrize(
    ("source", "words", "completions"),
    [
        (SITE, ["sh"], ["plain,shell", "plain,show"]),
        (SITE, ["show", "--he"], ["plain,--help"]),
        ("1 / 0", ["sh"], ["plain,shell"]),
        ("", ["unknown", "sh"], ["plain,shell"]),
    ],
)
def test_the_tab_key_completes_commands(tmp_path, source, words, completions):
    (tmp_path / "app.py").write_text(source)
    environment = {
        "_CRUSE_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["cruse", *words]),
        "COMP_CWORD": str(len(words)),
    }
    result = CliRunner().invoke(cli, env=environment, prog_name="cruse")
    sys.modules.pop("app", None)
    assert result.output.split() == completions


def test_what_the_code_of_the_application_raises_is_not_hidden(tmp_path):
    (tmp_path / "app.py").write_text("1 / 0")
    result = CliRunner().invoke(cli, ["show"])
    assert isinstance(result.exception, ZeroDivisionError)


def test_a_command_may_run_where_the_application_is_current_already(app, run):
    @app.cli.command()
    def show():
        click.echo(g.outer)

    with app.app_context():
        g.outer = "from around"
        assert run("show").output == "from around\n"


def test_a_group_may_be_given_its_script_info(app):
    @app.cli.command()
    def show():
        click.echo(current_app.name)

    info = ScriptInfo(create_app=lambda: app)
    assert CliRunner().invoke(cli, ["show"], obj=info).output == f"{app.name}\n"


def test_a_running_command_makes_app_run_a_no_op(tmp_path):
    (tmp_path / "app.py").write_text(
        "from cruse.app import Cruse\napp = Cruse('app', root_path='.')\napp.run()"
    )
    result = CliRunner().invoke(cli, ["routes"])
    sys.modules.pop("app", None)
    assert result.exit_code == 0
    assert "Ignoring a call to 'app.run()'" in result.output


@pytest.mark.parametrize("arguments", [["--debug", "show"], ["--debug", "no-such-command"]])
def test_what_a_command_line_sets_for_its_processes_ends_with_it(arguments):
    seen = []

    @click.command
    def show():
        seen.append((os.environ["CRUSE_RUN_FROM_CLI"], os.environ["CRUSE_DEBUG"]))

    group = CruseGroup(create_app=lambda: Cruse(__name__))
    group.add_command(show)
    CliRunner().invoke(group, arguments)
    assert seen in ([("true", "1")], [])
    assert "CRUSE_RUN_FROM_CLI" not in os.environ
    assert "CRUSE_DEBUG" not in os.environ


def test_the_application_has_a_runner(app):
    @app.cli.command()
    def greet():
        click.echo(current_app.name)

    runner = app.test_cli_runner()
    assert runner.invoke(args=["greet"]).output == f"{app.name}\n"
    assert runner.invoke(greet).output == f"{app.name}\n"
    app.debug = True
    runner.invoke(args=["greet"])
    assert app.debug
    other = ScriptInfo(create_app=lambda: Cruse("other"))
    assert runner.invoke(args=["greet"], obj=other).output == "other\n"
