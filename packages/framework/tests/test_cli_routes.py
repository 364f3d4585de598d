"""``cruse routes`` and ``cruse shell``."""

import json
import sys

import pytest
from click.testing import CliRunner

from cruse.app import Cruse
from cruse.blueprints import Blueprint
from cruse.cli import ScriptInfo, routes_command, shell_command


def invoke(app, command, *args, **kwargs):
    info = ScriptInfo(create_app=lambda: app, set_debug_flag=False)
    result = CliRunner().invoke(command, args, obj=info, **kwargs)
    assert result.exit_code == 0, result.output
    return result.output


def rules(app, *args):
    """The column of rules in the table."""
    return [line.split()[-1] for line in invoke(app, routes_command, *args).splitlines()[2:]]


@pytest.fixture
def app():
    app = Cruse(__name__, static_folder=None)

    @app.get("/zoo")
    def animals():
        return ""

    @app.route("/bar", methods=["GET", "POST"])
    async def drinks():
        return ""

    shop = Blueprint("shop", __name__)

    @shop.delete("/car/<int:number>")
    def sell(number):
        return ""

    app.register_blueprint(shop)
    return app


def test_a_table_shows_endpoints_methods_and_rules(app):
    assert invoke(app, routes_command) == (
        "Endpoint   Methods    Rule\n"
        "---------  ---------  -----------------\n"
        "animals    GET        /zoo\n"
        "drinks     GET, POST  /bar\n"
        "shop.sell  DELETE     /car/<int:number>\n"
    )


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("endpoint", ["/zoo", "/bar", "/car/<int:number>"]),
        ("methods", ["/car/<int:number>", "/zoo", "/bar"]),
        ("rule", ["/bar", "/car/<int:number>", "/zoo"]),
        ("match", ["/zoo", "/bar", "/car/<int:number>"]),
        ("domain", ["/zoo", "/bar", "/car/<int:number>"]),
    ],
)
def test_the_order_is_chosen(app, sort, order):
    assert rules(app, "--sort", sort) == order
    assert rules(app, "-s", sort) == order


def test_automatic_methods_are_shown_when_asked_for(app):
    table = invoke(app, routes_command, "--all-methods")
    assert "animals    GET, HEAD, OPTIONS " in table


def test_an_application_without_routes_says_so():
    app = Cruse(__name__, static_folder=None)
    assert invoke(app, routes_command) == "No routes were registered.\n"
    assert invoke(app, routes_command, "--json") == "[]\n"


def test_subdomains_have_a_column():
    app = Cruse(__name__, static_folder=None, subdomain_matching=True)
    app.add_url_rule("/", endpoint="front", subdomain="www")
    app.add_url_rule("/", endpoint="back", subdomain="admin")
    lines = invoke(app, routes_command, "--sort", "domain").splitlines()
    assert lines[0].split() == ["Endpoint", "Methods", "Subdomain", "Rule"]
    assert [line.split()[2] for line in lines[2:]] == ["admin", "www"]


def test_hosts_have_a_column():
    app = Cruse(__name__, static_folder=None, host_matching=True)
    app.add_url_rule("/", endpoint="front", host="example.com")
    lines = invoke(app, routes_command).splitlines()
    assert lines[0].split() == ["Endpoint", "Methods", "Host", "Rule"]
    assert lines[2].split() == ["front", "GET", "example.com", "/"]


def test_json_tells_the_view_and_the_blueprint(app):
    routes = json.loads(invoke(app, routes_command, "--json"))
    assert routes[1] == {
        "endpoint": "drinks",
        "methods": ["GET", "POST"],
        "subdomain": "",
        "rule": "/bar",
        "blueprint": None,
        "view": f"{__name__}:app.<locals>.drinks",
        "async": True,
    }
    assert (routes[2]["blueprint"], routes[2]["async"]) == ("shop", False)


@pytest.fixture
def shell(app, monkeypatch):
    """Type lines into ``cruse shell`` and return what it printed."""
    monkeypatch.delenv("PYTHONSTARTUP", raising=False)
    monkeypatch.delattr(sys, "__interactivehook__", raising=False)

    def type_in(*lines):
        return invoke(app, shell_command, input="\n".join(lines))

    return type_in


def test_the_shell_has_the_application_and_what_processors_add(app, shell):
    app.shell_context_processor(lambda: {"answer": 42})
    output = shell("print(app.name, answer, g)")
    assert f"App: {app.import_name}\nInstance: {app.instance_path}" in output
    assert f"{app.name} 42 <cruse.g of {app.name!r}>" in output


def test_the_shell_runs_the_startup_file_of_the_user(app, shell, tmp_path, monkeypatch):
    startup = tmp_path / "startup.py"
    startup.write_text("mine = 'ä'\napp = 'not this'", encoding="utf-8")
    monkeypatch.setenv("PYTHONSTARTUP", str(startup))
    assert f"ä {app!r}" in shell("print(mine, app)")


def test_the_shell_prepares_completion_with_its_own_names(shell, monkeypatch):
    called = []
    monkeypatch.setattr(sys, "__interactivehook__", lambda: called.append(True), raising=False)
    shell()
    assert called == [True]


def test_a_python_without_readline_has_a_shell_too(shell, monkeypatch):
    monkeypatch.setattr(sys, "__interactivehook__", lambda: None, raising=False)
    monkeypatch.setitem(sys.modules, "readline", None)
    assert "2\n" in shell("print(1 + 1)")
