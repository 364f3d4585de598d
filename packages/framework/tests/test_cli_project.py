"""What ``[tool.cruse]`` in pyproject.toml says, and what goes before it."""

import os
import sys

import click
import pytest
import werkzeug.serving
from click.testing import CliRunner

from cruse.app import Cruse
from cruse.cli import cli
from cruse.cli.project import find_project

SITE = """
from cruse.app import Cruse

app = Cruse("site_", root_path=".")

@app.get("/")
def index():
    return ""
"""


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """Be in a folder with a module ``site_``; return what writes its pyproject.toml."""
    for name in [name for name in os.environ if name.startswith("CRUSE_")]:
        monkeypatch.delenv(name)
    for name in ("CRUSE_APP", "CRUSE_RUN_PORT", "CRUSE_DEBUG"):
        monkeypatch.setenv(name, "x")  # so that it is restored, whatever a dotenv file does
        monkeypatch.delenv(name)
    (tmp_path / "site_.py").write_text(SITE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(*lines, serve=()):
        text = "\n".join(["[tool.cruse]", *lines, "[tool.cruse.serve]", *serve])
        (tmp_path / "pyproject.toml").write_text(text)

    yield write
    sys.modules.pop("site_", None)


@pytest.fixture
def served(monkeypatch):
    """Start no server, but note what it would have been started with."""
    calls = []

    def run_simple(hostname, port, application, **options):
        calls.append({"host": hostname, "port": port, "debug": os.environ.get("CRUSE_DEBUG")})
        calls[-1].update(options)

    monkeypatch.setattr(werkzeug.serving, "run_simple", run_simple)
    return calls


def by_command(*arguments):
    result = CliRunner().invoke(cli, ["run", *arguments])
    assert result.exit_code == 0, result.output


def by_method(*arguments):
    Cruse("site_", root_path=".").run()


ways = pytest.mark.parametrize("run", [by_command, by_method])


def test_the_table_names_the_application(project):
    project('app = "site_"')
    assert "index" in CliRunner().invoke(cli, ["routes"]).output


def test_it_holds_in_folders_further_down(project, tmp_path, monkeypatch):
    project('app = "site_:app"')
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path / "docs")
    assert "index" in CliRunner().invoke(cli, ["routes"]).output


def test_a_file_without_the_table_is_another_projects(project, tmp_path, monkeypatch):
    project('app = "site_:app"')
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "pyproject.toml").write_text("[project]\nname = 'docs'")
    monkeypatch.chdir(tmp_path / "docs")
    assert "index" in CliRunner().invoke(cli, ["routes"]).output


@ways
def test_the_command_and_the_method_run_alike(project, served, tmp_path, run):
    project(
        'app = "site_"',
        'host = "localhost"',
        "port = 8123",
        "debug = true",
        "with-threads = false",
        'extra-files = ["data.csv", "more.csv"]',
        'exclude-patterns = ["*/generated/*"]',
    )
    run()
    (call,) = served
    assert (call["host"], call["port"]) == ("localhost", 8123)
    assert (call["debug"], call["use_reloader"], call["threaded"]) == ("1", True, False)
    assert call["extra_files"] == [str(tmp_path / name) for name in ("data.csv", "more.csv")]
    assert call["exclude_patterns"] == ["*/generated/*"]
    assert "CRUSE_DEBUG" not in os.environ


@ways
@pytest.mark.parametrize(
    ("variable", "dotenv", "port"),
    [(None, None, 1001), (None, "1002", 1002), ("1003", "1002", 1003)],
)
def test_the_environment_goes_before_dotenv_and_dotenv_before_the_table(
    project, served, tmp_path, monkeypatch, run, variable, dotenv, port
):
    project('app = "site_"', "port = 1001")
    if dotenv:
        (tmp_path / ".env").write_text(f"CRUSE_RUN_PORT={dotenv}")
    if variable:
        monkeypatch.setenv("CRUSE_RUN_PORT", variable)
    run()
    assert served[0]["port"] == port


def test_flags_go_before_everything(project, served, monkeypatch):
    project('app = "site_"', "port = 1001", "debug = true")
    monkeypatch.setenv("CRUSE_RUN_PORT", "1003")
    by_command("--port", "1004", "--no-debug")
    assert (served[0]["port"], served[0]["use_reloader"]) == (1004, False)


def test_arguments_of_the_method_go_before_everything(project, served, monkeypatch):
    project("port = 1001", "debug = true", "with-threads = false")
    monkeypatch.setenv("CRUSE_RUN_PORT", "1003")
    Cruse("site_", root_path=".").run(port=0, debug=False, threaded=True)
    assert (served[0]["port"], served[0]["use_reloader"]) == (0, False)
    assert served[0]["threaded"] is True


@pytest.mark.parametrize("value", ["0", "1"])
def test_debug_mode_of_the_environment_goes_before_that_of_the_table(
    project, served, monkeypatch, value
):
    project('app = "site_"', f"debug = {'false' if value == '1' else 'true'}")
    monkeypatch.setenv("CRUSE_DEBUG", value)
    by_command()
    assert served[0]["use_reloader"] is (value == "1")


def test_the_table_may_name_an_environment_file(project, served, tmp_path):
    project('app = "site_"', 'env-file = "local.env"')
    (tmp_path / "local.env").write_text("CRUSE_RUN_PORT=1005")
    by_command()
    assert served[0]["port"] == 1005


def test_the_table_of_serve_is_its_own(project):
    project("port = 1001", serve=["port = 1002", 'cert = "cert.pem"'])
    found = find_project()
    assert (found.run["port"], found.serve["port"]) == (1001, 1002)
    assert found.serve["cert"] == str(found.folder / "cert.pem")


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["prot = 1"], "[tool.cruse] has an unknown key 'prot'. Did you mean 'port'?"),
        (["extra_files = []"], "unknown key 'extra_files'. Did you mean 'extra-files'?"),
        (["zzz = 1"], "unknown key 'zzz'. Known are: app, env-file, host"),
        (['port = "80"'], "'port' in [tool.cruse] must be a whole number."),
        (["port = true"], "'port' in [tool.cruse] must be a whole number."),
        (["debug = 1"], "'debug' in [tool.cruse] must be true or false."),
        (["extra-files = [1]"], "'extra-files' in [tool.cruse] must be a list of text."),
        (["port = 80000"], "80000 is not in the range"),
        (["port ="], "Cannot read"),
    ],
)
@ways
def test_a_mistake_in_the_table_is_told_in_one_line(
    project, served, capsys, run, lines, complaint
):
    project('app = "site_"', *lines)
    if run is by_method:
        with pytest.raises(SystemExit) as end:
            run()
        code, output = end.value.code, capsys.readouterr().err
    else:
        result = CliRunner().invoke(cli, ["run"])
        code, output = result.exit_code, result.output
    assert code == 2
    assert complaint in output.splitlines()[-1]
    assert served == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("[tool]\ncruse = 1", "must be a table"), ("[tool.cruse]\nserve = 1", "as a table")],
)
def test_tables_must_be_tables(tmp_path, text, complaint):
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(click.UsageError, match=complaint):
        find_project()


def test_outside_of_a_project_there_is_nothing():
    assert find_project().default_map() == {"run": {}, "serve": {}}
