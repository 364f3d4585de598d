"""What ``import flask`` gives are the framework's own classes, under Flask's names."""

import datetime
import importlib
import importlib.metadata
import os
import traceback

import flask
import pytest
import werkzeug

import cruse
from cruse.context import Context

MODULES = [
    "app",
    "blueprints",
    "cli",
    "config",
    "ctx",
    "debughelpers",
    "globals",
    "helpers",
    "json",
    "json.provider",
    "json.tag",
    "logging",
    "sansio",
    "sansio.app",
    "sansio.blueprints",
    "sansio.scaffold",
    "sessions",
    "signals",
    "templating",
    "testing",
    "typing",
    "views",
    "wrappers",
]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_what_it_says(name):
    module = importlib.import_module(f"flask.{name}")
    assert module.__name__ == f"flask.{name}"
    for each in getattr(module, "__all__", ()):
        getattr(module, each)


def test_the_real_flask_is_not_loaded():
    assert os.path.dirname(flask.__file__).endswith(os.path.join("modules", "flask"))


def test_an_application_of_one_is_one_of_the_other():
    assert isinstance(flask.Flask("app"), cruse.Cruse)
    assert isinstance(cruse.Cruse("app"), flask.Flask)
    assert issubclass(cruse.Cruse, flask.Flask)
    assert not isinstance(object(), flask.Flask)

    class Mine(flask.Flask):
        pass

    assert isinstance(Mine("app"), flask.Flask)
    assert not isinstance(cruse.Cruse("app"), Mine)
    assert not isinstance(flask.Flask("app"), Mine)


def test_the_other_classes_are_the_same():
    from flask.ctx import AppContext, RequestContext
    from flask.sansio.app import App
    from flask.sansio.scaffold import Scaffold
    from flask.testing import FlaskClient
    from flask.wrappers import Request

    assert flask.Blueprint is cruse.Blueprint
    assert Request is flask.Request is cruse.Request
    assert flask.Response is cruse.Response
    assert AppContext is RequestContext is Context
    app = cruse.Cruse("app")
    assert isinstance(app, App)
    assert isinstance(app, Scaffold)
    assert isinstance(app.config, flask.Config)
    assert isinstance(app.test_client(), FlaskClient)
    assert isinstance(flask.Flask("app").test_client(), cruse.testing.CruseClient)


def test_proxies_and_signals_are_the_same():
    assert flask.request is cruse.request
    assert flask.globals.current_app is cruse.current_app
    assert flask.signals.request_started is cruse.request_started
    assert flask.signals.Namespace().signal("mine").name == "mine"


def test_the_version_of_the_distribution_is_the_one_whose_names_these_are():
    assert importlib.metadata.version("flask") == "3.1.3"
    assert importlib.metadata.distribution("Flask").metadata["Name"] == "Flask"
    with pytest.warns(DeprecationWarning, match="importlib.metadata"):
        assert flask.__version__ == "3.1.3"


def test_installing_twice_is_no_mistake():
    import cruse_flask

    cruse_flask.install()
    assert cruse_flask.is_installed()


def test_names_that_flask_does_not_have_are_missed():
    with pytest.raises(AttributeError, match="nonsense"):
        flask.nonsense  # noqa: B018
    with pytest.raises(ImportError):
        importlib.import_module("flask.nonsense")


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("from flask import Markup", "from markupsafe import Markup"),
        ("from flask import Flask, escape", "from markupsafe import escape"),
        ("from flask import _request_ctx_stack", "request_ctx of flask.globals"),
        ("from flask.globals import _app_ctx_stack", "Use the proxies"),
        ("from flask.helpers import safe_join", "from werkzeug.utils import safe_join"),
        ("from flask.json import JSONEncoder", "app.json.default = function"),
        ("from flask.signals import signals_available", "there are always signals"),
        ("from flask.ext.login import LoginManager", "is the module flask_login"),
        ("from flask.ext import login", "is the module flask_login"),
        ("from flask import ext", "is the module flask_login"),
        ("from flask.scaffold import Scaffold", "from flask.sansio.scaffold import"),
        ("from flask.views import MethodViewType", "no metaclass"),
    ],
)
def test_a_name_that_flask_had_once_is_told_with_what_took_its_place(line, advice):
    with pytest.raises(ImportError, match=advice):
        exec(line)  # noqa: S102


def test_what_flask_gives_another_name_is_that():
    from flask.app import Environment, cli, timedelta
    from flask.config import json
    from flask.helpers import BaseResponse
    from flask.wrappers import ResponseBase
    from flask.wrappers import json as json_of_flask

    assert ResponseBase is BaseResponse is werkzeug.wrappers.Response
    assert Environment is flask.templating.Environment
    assert timedelta is datetime.timedelta
    assert cli is flask.cli
    assert json.__name__ == "json"
    assert json_of_flask is flask.json
    assert not hasattr(flask, "timedelta")


def test_the_two_context_variables_of_flask_tell_what_is_current():
    from flask.globals import _cv_app, _cv_request

    app = flask.Flask("app")
    assert _cv_app.get(None) is _cv_request.get(None) is None
    with pytest.raises(LookupError):
        _cv_app.get()
    with app.app_context() as outer:
        assert _cv_app.get() is outer
        assert _cv_request.get(None) is None
        with app.test_request_context("/here") as inner:
            assert _cv_app.get() is _cv_request.get() is inner
    token = _cv_app.set(app.app_context())
    assert flask.current_app == app
    _cv_app.reset(token)
    assert not flask.has_app_context()


def test_the_private_ways_to_render_and_to_send_a_file_do_it(client_of, tmp_path):
    from flask.helpers import _prepare_send_file_kwargs
    from flask.templating import _render, _stream

    (tmp_path / "a.txt").write_text("a file")
    app = flask.Flask("app")

    @app.get("/")
    def index():
        template = flask.current_app.jinja_env.from_string("{{ request.path }}{{ x }}")
        return _render(app, template, {"x": 1}) + "".join(_stream(app, template, {"x": 2}))

    @app.get("/file")
    def file():
        path = tmp_path / "a.txt"
        return werkzeug.utils.send_file(**_prepare_send_file_kwargs(path_or_file=path))

    client = client_of(app)
    assert client.get("/").text == "/1/2"
    assert client.get("/file").text == "a file"


def test_who_asks_whether_such_a_name_is_there_hears_that_it_is_not():
    assert not hasattr(flask, "Markup")
    assert getattr(flask.globals, "_app_ctx_stack", None) is None
    with pytest.raises(AttributeError, match="from markupsafe import Markup"):
        flask.Markup  # noqa: B018
    app = flask.Flask("app")
    assert not hasattr(app, "before_first_request")
    assert not hasattr(flask.Flask, "json_encoder")
    with pytest.raises(AttributeError, match="startup takes its place") as caught:
        app.before_first_request(print)
    assert "Did you mean" not in "".join(traceback.format_exception(caught.value))


def test_an_encoder_that_nothing_reads_is_warned_of():
    app = flask.Flask("app")
    with pytest.warns(UserWarning, match="'json_encoder' is gone") as caught:
        app.json_encoder = object
    assert caught[0].filename == __file__
    assert app.json_encoder is object
    with pytest.warns(UserWarning, match="'json_decoder' is gone") as caught:

        class Old(flask.Flask):
            json_decoder = object

    assert caught[0].filename == __file__


def test_redirects_settings_and_dates_are_as_there(client_of, monkeypatch):
    monkeypatch.setenv("FLASK_COLOUR", "blue")
    app = flask.Flask("app")
    app.config.from_prefixed_env()

    @app.post("/")
    def away():
        return flask.redirect("/there")

    @app.get("/date")
    def date():
        return {"date": datetime.datetime(2026, 1, 2)}

    client = client_of(app)
    assert app.config["COLOUR"] == "blue"
    assert client.post("/").status_code == 302
    assert client.get("/date").json == {"date": "Fri, 02 Jan 2026 00:00:00 GMT"}
    assert flask.redirect("/there").status_code == 302


def test_debug_mode_follows_the_environment(monkeypatch):
    monkeypatch.delenv("CRUSE_DEBUG", raising=False)
    monkeypatch.setenv("FLASK_DEBUG", "1")
    try:
        assert flask.Flask("app").debug
        assert flask.helpers.get_debug_flag()
    finally:
        os.environ.pop("CRUSE_DEBUG", None)
