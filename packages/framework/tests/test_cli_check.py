"""``cruse check``: what it finds, and how it ends."""

import json
import re
import sys
from dataclasses import make_dataclass
from functools import wraps
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from jinja2 import FunctionLoader

from cruse.app import Cruse
from cruse.blueprints import Blueprint
from cruse.checks import Finding
from cruse.cli import CruseGroup
from cruse.extension import Extension

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def app(tmp_path):
    app = Cruse("site", root_path=str(tmp_path))
    app.secret_key = SECRET
    return app


@pytest.fixture
def check(app, monkeypatch):
    """Run ``cruse check``; return its exit code and its output."""
    monkeypatch.delenv("CRUSE_DEBUG", raising=False)

    def run(*arguments, **kwargs):
        group = CruseGroup(create_app=lambda: app)
        result = CliRunner().invoke(group, ["check", *arguments], **kwargs)
        return result.exit_code, result.output

    return run


def test_an_application_in_order_has_no_findings(check):
    assert check() == (0, "0 errors, 0 warnings.\n")


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        (
            "SESION_COOKIE_SECURE",
            True,
            "error SESION_COOKIE_SECURE: There is no such setting. Did you mean "
            "SESSION_COOKIE_SECURE?",
        ),
        (
            "SESSION_COOKIE_SECURE_",
            True,
            "error SESSION_COOKIE_SECURE_: There is no such setting. Did you mean "
            "SESSION_COOKIE_SECURE?",
        ),
        ("TESTING", "false", "error TESTING: The setting 'TESTING' must be True or False"),
        (
            "SERVER_TIMING",
            "no",
            "error SERVER_TIMING: The setting 'SERVER_TIMING' must be True or False, not str.",
        ),
        (
            "MAX_CONTENT_LENGTH",
            "1 MB",
            "error MAX_CONTENT_LENGTH: The setting",
        ),
        ("SECRET_KEY", 1234, "error SECRET_KEY: The setting 'SECRET_KEY' must be text or bytes"),
        ("ERROR_FORMAT", "xml", "error ERROR_FORMAT: The setting 'ERROR_FORMAT' is 'xml'"),
        ("SECRET_KEY", None, "warning SECRET_KEY: It is not set"),
        ("SECRET_KEY", "short", "warning SECRET_KEY: It is shorter than 32 characters."),
    ],
)
def test_a_setting_that_is_amiss_is_told(app, check, key, value, line):
    app.config[key] = value
    code, output = check()
    assert line in output
    assert code == int(line.startswith("error"))


@pytest.mark.parametrize(("key", "value"), [("OPENTELEMETRY", object()), ("TESTING", 1)])
def test_a_switch_may_be_anything_that_is_no_text(app, check, key, value):
    app.config[key] = value
    assert f"error {key}" not in check()[1]


def test_settings_of_the_applications_own_are_its_own(app, check):
    app.config.update(PER_PAGE=12, SESSION_THEME="dark", MAIL_SERVER="localhost")
    assert check()[0] == 0


def test_a_setting_of_an_extension_that_is_amiss_is_told_once(app, check):
    class Mail(Extension):
        name, prefix, settings = "mail", "MAIL_", make_dataclass("Settings", [("port", int)])

        def check(self, state, deploy):
            yield Finding("warning", "MAIL_PORT", f"It is {state.settings.port}.")

    app.config["MAIL_PORT"] = "the usual one"
    app.use(Mail())
    code, output = check()
    assert code == 1
    assert output == (
        "error start: The setting 'MAIL_PORT' must be int, not str. In an environment variable,"
        " it has to be JSON.\n1 error, 0 warnings.\n"
    )


def test_a_store_of_sessions_that_is_none_is_told_and_keeps_no_command_from_its_work(app, check):
    app.config["SESSION_STORE"] = "redis//localhost"
    code, output = check()
    assert code == 1
    assert output.startswith("error start: The setting 'SESSION_STORE' must be")
    app.cli.command("greet")(lambda: click.echo("hello"))
    result = app.test_cli_runner().invoke(args=["greet"])
    assert (result.exit_code, result.output) == (0, "hello\n")
    with pytest.raises(ValueError, match="SESSION_STORE"):
        app.test_client().get("/")


def test_one_host_may_be_written_without_a_list(app, check):
    app.config["TRUSTED_HOSTS"] = "example.com"
    assert check("--deploy") == (0, "0 errors, 0 warnings.\n")


@pytest.mark.parametrize(
    ("key", "value", "level"),
    [
        ("DEBUG", True, "error"),
        ("TESTING", True, "error"),
        ("SESSION_COOKIE_SECURE", False, "error"),
        ("SESSION_COOKIE_HTTPONLY", False, "error"),
        ("SESSION_COOKIE_SAMESITE", None, "warning"),
        ("SESSION_STORE", "memory", "warning"),
        ("TRUSTED_HOSTS", None, "warning"),
        ("TRUSTED_HOSTS", ["*"], "error"),
        ("TRUSTED_HOSTS", "*", "error"),
        ("SECURITY_HEADERS", {}, "warning"),
        ("MAX_CONTENT_LENGTH", None, "warning"),
        ("SECRET_KEY", "short", "error"),
        ("SECRET_KEY", None, "error"),
    ],
)
def test_what_is_unsafe_in_production_is_told_when_asked(app, check, key, value, level):
    app.config.update(TRUSTED_HOSTS=["example.com"])
    assert check("--deploy") == (0, "0 errors, 0 warnings.\n")
    app.config[key] = value
    if key == "DEBUG":
        app.debug = True
    environment = {"CRUSE_DEBUG": "1"} if key == "DEBUG" else {}
    code, output = check("--deploy", env=environment)
    assert output.startswith(f"{level} {key}: ")
    assert code == int(level == "error")
    if key != "SECRET_KEY":
        assert check(env=environment)[1] == "0 errors, 0 warnings.\n"


def test_files_in_the_environment_are_told_before_production(check, app, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    app.config["TRUSTED_HOSTS"] = ["example.com"]
    app.instance_path = str(tmp_path / "var" / "site-instance")
    assert check("--deploy") == (0, "0 errors, 0 warnings.\n")
    Path(app.instance_path).mkdir(parents=True)
    assert check("--deploy")[1].startswith("warning instance_path: Files are kept in ")
    assert check()[1] == "0 errors, 0 warnings.\n"


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        (re.compile(r"https://app.example\.org"), "warning CORS: The dot in 'https://app.example"),
        (re.compile(r"https://.*\.example\.org"), "warning CORS: The dot in"),
        ("http://app.example.org", "warning CORS: Pages of 'http://app.example.org' may act"),
        (re.compile(r"https://[^.]+\.example[.]org"), "0 errors, 0 warnings."),
        ("https://*.example.org", "0 errors, 0 warnings."),
    ],
)
def test_other_sites_that_are_hardly_meant_are_told(app, check, origin, line):
    app.config["TRUSTED_HOSTS"] = ["example.org"]
    app.config["CORS"] = {"origins": [origin], "supports_credentials": True}
    code, output = check("--deploy")
    assert (code, output[: len(line)]) == (0, line)
    assert check()[1] == "0 errors, 0 warnings.\n"


def test_those_of_a_blueprint_are_told_with_its_name(app, check):
    app.config["TRUSTED_HOSTS"] = ["example.org"]
    cors = {"origins": ["http://a.example"], "supports_credentials": True}
    app.register_blueprint(Blueprint("api", __name__, cors=cors))
    assert check("--deploy")[1].startswith("warning CORS of the blueprint 'api': Pages of")


def test_other_sites_that_cannot_be_are_told_once(app, check):
    app.config["TRUSTED_HOSTS"] = ["example.org"]
    app.config["CORS"] = {"origins": "*", "supports_credentials": True}
    code, output = check("--deploy")
    assert (code, output.count("'CORS'")) == (1, 1)
    assert output.startswith("error start: The setting 'CORS': 'supports_credentials' is on")


def login_required(view):
    @wraps(view)
    def guarded(*args, **kwargs):
        raise AssertionError("nobody is logged in")

    return guarded


def test_a_decorator_above_a_route_is_told(app, check, monkeypatch):
    def account():
        return "anybody may see this"

    account.__qualname__ = "account"
    monkeypatch.setitem(globals(), "account", login_required(app.get("/account")(account)))
    app.get("/guarded", endpoint="guarded")(login_required(account))
    assert check() == (
        0,
        "warning account: A decorator stands above its route, and requests pass it by. Move it "
        "below.\n0 errors, 1 warning.\n",
    )


def test_a_setting_that_flask_had_once_is_told(app, check):
    app.config["JSON_SORT_KEYS"] = False
    assert check() == (
        0,
        "warning JSON_SORT_KEYS: Nothing reads it. Set app.json.sort_keys instead.\n"
        "0 errors, 1 warning.\n",
    )


def test_a_view_that_no_request_reaches_is_told(app, check):
    app.get("/about")(lambda: "one")
    app.add_url_rule("/about", "hidden", lambda: "two", methods=["GET", "POST"])
    app.add_url_rule("/about", "other", lambda: "three", methods=["PUT"])
    assert check() == (
        0,
        "warning hidden: GET /about is answered by '<lambda>', which has the same rule.\n"
        "0 errors, 1 warning.\n",
    )


def test_a_view_that_does_not_take_the_variables_of_its_rule_is_told(app, check):
    @app.get("/posts/<int:post_id>")
    def post(id):
        return ""

    @app.get("/pages/<int:number>", endpoint="page")
    @wraps(post)
    def decorated(*args, **kwargs):
        return ""

    output = check()[1]
    assert output.startswith("warning post: The view does not fit /posts/<int:post_id>: ")
    assert output.endswith("\n0 errors, 1 warning.\n")


def test_templates_are_read(app, check, tmp_path):
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "good.html").write_text("{% if x %}{{ x }}{% endif %}")
    (folder / "picture.png").write_bytes(b"\x89PNG\xff\xfe")
    (folder / "bad.html").write_text("one\n{% if x %}\n")
    code, output = check()
    assert code == 1
    assert output.startswith("error bad.html: line 2: TemplateSyntaxError: ")
    assert output.endswith("1 error, 0 warnings.\n")


def test_a_loader_that_cannot_list_its_templates_is_passed_over(app, check, tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "bad.html").write_text("{% if x %}")
    app.jinja_loader = FunctionLoader({"a.html": "hello"}.get)
    app.register_blueprint(
        Blueprint("part", __name__, root_path=str(tmp_path), template_folder="parts")
    )
    code, output = check()
    assert code == 1
    assert output.startswith("error bad.html: ")


class Mail(Extension):
    name = "mail"
    prefix = "MAIL_"

    def check(self, state, deploy):
        if deploy:
            yield Finding("warning", "mail", "Nobody reads it.")


def test_an_extension_adds_findings_of_its_own(app, check):
    app.use(Mail())
    app.config["TRUSTED_HOSTS"] = ["example.com"]
    assert check() == (0, "0 errors, 0 warnings.\n")
    assert check("--deploy") == (0, "warning mail: Nobody reads it.\n0 errors, 1 warning.\n")


def test_settings_of_extensions_are_checked(app, check):
    app.use(Mail())
    app.config["MAIL_SERVR"] = "localhost"
    code, output = check()
    assert (code, output.startswith("error start: Unknown setting 'MAIL_SERVR'")) == (1, True)


def test_findings_are_written_as_json(app, check):
    app.config["SECRET_KEY"] = None
    code, output = check("--json")
    (finding,) = json.loads(output)
    assert (code, finding["level"], finding["subject"]) == (0, "warning", "SECRET_KEY")


def test_no_value_of_a_secret_is_shown(app, check):
    app.config["SECRET_KEY"] = "the-key"
    assert "the-key" not in check()[1] + check("--json")[1]
