"""How the development server is started; tests/servers starts it for real."""

import os
import signal
import ssl
import sys
import threading
from pathlib import Path

import click
import pytest
import werkzeug.serving
from click.testing import CliRunner

from cruse.app import Cruse
from cruse.cli import CruseGroup, NoAppException, run_command
from cruse.cli.discovery import BrokenImportException
from cruse.debugger import Debugger
from cruse.devserver import BrokenApp, load_or_explain
from cruse.extension import Extension

TLS = Path(__file__).parent / "tls"


@pytest.fixture
def served(monkeypatch):
    """Start no server, but note what it would have been started with."""
    calls = []

    def run_simple(hostname, port, application, **options):
        calls.append({"host": hostname, "port": port, "app": application, **options})

    monkeypatch.setattr(werkzeug.serving, "run_simple", run_simple)
    for name in ("CRUSE_DEBUG", "CRUSE_RUN_FROM_CLI", "CRUSE_RUN_PORT", "CRUSE_SKIP_DOTENV"):
        monkeypatch.setenv(name, "x")  # so that it is restored, whatever a command does
        monkeypatch.delenv(name)
    return calls


@pytest.fixture
def app():
    return Cruse(__name__)


def test_a_wrong_setting_ends_the_command_in_one_line(app, served):
    class Greetings(Extension):
        name = "greetings"
        prefix = "GREETINGS_"

    app.use(Greetings())
    app.config["GREETINGS_LOUD"] = True
    result = CliRunner().invoke(CruseGroup(create_app=lambda: app), ["run"])
    assert result.exit_code == 1
    assert result.output.startswith("Error: Unknown setting 'GREETINGS_LOUD'")
    assert result.output.count("\n") == 1


@pytest.mark.parametrize(
    ("server_name", "arguments", "host", "port"),
    [
        (None, {}, "127.0.0.1", 5000),
        (None, {"host": "::1", "port": 81}, "::1", 81),
        (None, {"port": 0}, "127.0.0.1", 0),
        (None, {"port": "82"}, "127.0.0.1", 82),
        ("example.com:83", {}, "example.com", 83),
        ("example.com", {}, "example.com", 5000),
        ("example.com:83", {"host": "localhost", "port": 0}, "localhost", 0),
        ("example.com:83", {"host": ""}, "example.com", 83),
    ],
)
def test_app_run_completes_the_address(app, served, server_name, arguments, host, port):
    app.config["SERVER_NAME"] = server_name
    app.run(**arguments)
    assert (served[0]["host"], served[0]["port"]) == (host, port)
    assert served[0]["app"] is app


def test_app_run_passes_options_on(app, served):
    app.run(threaded=False, ssl_context="adhoc", use_reloader=True)
    assert served[0]["threaded"] is False
    assert served[0]["ssl_context"] == "adhoc"
    assert served[0]["use_reloader"] is True


@pytest.mark.parametrize(
    ("variable", "argument", "debug"),
    [(None, None, False), ("1", None, True), ("1", False, False), (None, True, True)],
)
def test_debug_mode_comes_from_the_argument_or_the_environment(
    app, served, monkeypatch, variable, argument, debug
):
    if variable is not None:
        monkeypatch.setenv("CRUSE_DEBUG", variable)
    app.run(debug=argument)
    assert app.debug is debug
    assert served[0]["use_reloader"] is debug
    assert isinstance(served[0]["app"], Debugger) is debug


def test_dotenv_files_are_read_unless_told_otherwise(app, served, tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("CRUSE_DEBUG=1")
    monkeypatch.chdir(tmp_path)
    app.run(load_dotenv=False)
    assert not app.debug
    monkeypatch.setenv("CRUSE_SKIP_DOTENV", "1")
    app.run()
    assert not app.debug
    monkeypatch.delenv("CRUSE_SKIP_DOTENV")
    app.run()
    assert app.debug


def test_inside_a_command_app_run_does_nothing(app, served, monkeypatch, capsys):
    monkeypatch.setenv("CRUSE_RUN_FROM_CLI", "true")
    app.run()
    assert served == []
    assert "Ignoring a call to 'app.run()'" in capsys.readouterr().err


def test_after_the_server_ended_an_application_may_be_set_up_again(app, served):
    app.test_client().get("/")
    app.run()
    app.add_url_rule("/late", "late", lambda: "")


def invoke(app, *args, **kwargs):
    result = CliRunner().invoke(CruseGroup(create_app=lambda: app), ["run", *args], **kwargs)
    assert result.exit_code == 0, result.output
    return result.output


def test_cruse_run_has_the_defaults_of_a_development_server(app, served):
    invoke(app)
    assert served == [
        {
            "host": "127.0.0.1",
            "port": 5000,
            "app": app,
            "use_reloader": False,
            "threaded": True,
        }
    ]


def test_cruse_run_takes_options(app, served, tmp_path):
    files = [str(tmp_path / name) for name in ("a", "b")]
    invoke(
        app,
        *("-h", "localhost", "-p", "8000", "--reload", "--without-threads"),
        *("--extra-files", os.pathsep.join(files)),
        *("--exclude-patterns", os.pathsep.join(["*.log", "*.tmp"])),
    )
    (call,) = served
    assert (call["host"], call["port"]) == ("localhost", 8000)
    assert (call["use_reloader"], call["threaded"]) == (True, False)
    assert call["extra_files"] == files
    assert call["exclude_patterns"] == ["*.log", "*.tmp"]


def test_the_port_may_come_from_the_environment(app, served):
    invoke(app, env={"CRUSE_RUN_PORT": "8001"})
    assert served[0]["port"] == 8001


@pytest.mark.parametrize(
    ("options", "debugger", "said"),
    [
        (["--debug"], True, ""),
        (["--debug", "--host", "localhost"], True, ""),
        (["--debug", "--no-debugger"], False, ""),
        (["--debugger"], True, ""),
        (["--debug", "--host", "0.0.0.0"], False, "The debugger is off"),
        (["--debug", "--host", "0.0.0.0", "--no-debugger"], False, ""),
        (["--debug", "--host", "0.0.0.0", "--debugger"], True, "WARNING: the debugger is on"),
        (["--host", "0.0.0.0"], False, ""),
    ],
)
def test_the_debugger_is_for_this_machine_unless_one_insists(app, served, options, debugger, said):
    output = invoke(app, *options)
    assert isinstance(served[0]["app"], Debugger) is debugger
    assert said in output
    assert ("debugger" in output) is bool(said)


CERT, KEY = str(TLS / "cert.pem"), str(TLS / "key.pem")
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


@pytest.mark.parametrize("order", [1, -1])
def test_a_certificate_and_its_key_are_paired_in_any_order(order):
    pairs = [("--cert", CERT), ("--key", KEY)][::order]
    parsed = run_command.make_context("run", [word for pair in pairs for word in pair])
    assert parsed.params["cert"] == (CERT, KEY)


@pytest.fixture
def importable(monkeypatch):
    """Make this module importable as ``tls_settings``."""
    monkeypatch.setitem(sys.modules, "tls_settings", sys.modules[__name__])


def test_a_certificate_may_be_an_imported_context(importable):
    parsed = run_command.make_context("run", ["--cert", "tls_settings.context"])
    assert parsed.params["cert"] is context


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--cert", CERT], 'Required when "--cert" is a file'),
        (["--key", KEY], '"--cert" must be given too'),
        (["--cert", "tls_settings.context", "--key", KEY], 'when "--cert" is an SSLContext'),
        (["--cert", "tls_settings.CERT"], "does not exist"),
        (["--cert", "missing.pem"], "does not exist"),
    ],
)
def test_what_does_not_go_together_is_refused(importable, args, complaint):
    with pytest.raises(click.BadParameter, match=complaint):
        run_command.make_context("run", args)


def test_an_adhoc_certificate_needs_a_library_and_no_key(monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(click.BadParameter, match="pip install cryptography"):
        run_command.make_context("run", ["--cert", "adhoc"])
    monkeypatch.setitem(sys.modules, "cryptography", sys)
    assert run_command.make_context("run", ["--cert", "adhoc"]).params["cert"] == "adhoc"
    with pytest.raises(click.BadParameter, match='when "--cert" is "adhoc"'):
        run_command.make_context("run", ["--cert", "adhoc", "--key", KEY])


def test_a_python_without_ssl_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "ssl", None)
    with pytest.raises(click.BadParameter, match="without SSL"):
        run_command.make_context("run", ["--cert", CERT, "--key", KEY])


# -- what the serving process of the reloader does -----------------------------------------


@pytest.fixture
def reloader_process(monkeypatch):
    """Be the process that the reloader has started; it ignores SIGTERM at its end."""
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)  # else what this process starts can't be ended


def load_badly():
    raise ArithmeticError("in the module")


def load_nothing():
    raise NoAppException("There is no application.")


def test_the_serving_process_shows_each_error_at_each_request(reloader_process, capsys):
    for load, error in ((load_badly, ArithmeticError), (load_nothing, NoAppException)):
        broken = load_or_explain(load, reloading=True)
        depths = []
        for _ in range(2):
            with pytest.raises(error) as caught:
                broken({}, None)
            depths.append(len(caught.traceback))
        assert depths[0] == depths[1]
    shown = capsys.readouterr().err
    assert "ArithmeticError: in the module" in shown
    assert "Error: There is no application." in shown


def test_the_serving_process_starts_the_application_and_prints_no_banner(
    app, served, reloader_process, capsys
):
    started = []
    app.startup(lambda: started.append(True))
    assert load_or_explain(lambda: app, reloading=True) is app
    assert started == [True]
    app.run()
    assert capsys.readouterr().out == ""


def load_brokenly():
    raise BrokenImportException("While importing 'app' ...")


def test_the_watching_process_ends_for_a_wrong_name_and_for_nothing_else(app):
    with pytest.raises(NoAppException):
        load_or_explain(load_nothing, reloading=True)
    for load in (load_badly, load_brokenly):
        assert isinstance(load_or_explain(load, reloading=True), BrokenApp)


def test_the_watching_process_does_not_start_the_application(app):
    started = []
    app.startup(lambda: started.append(True))
    assert load_or_explain(lambda: app, reloading=True) is app
    assert started == []


def test_a_server_in_a_thread_leaves_the_signals_alone(app, served):
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=app.run)
    thread.start()
    thread.join()
    assert served
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_port_that_does_not_exist_is_refused(app):
    result = CliRunner().invoke(CruseGroup(create_app=lambda: app), ["run", "--port", "80000"])
    assert result.exit_code == 2
    assert "80000 is not in the range" in result.output
