"""What somebody reads who has made a mistake that people make in their first hour."""

import traceback
from dataclasses import dataclass

import pytest

from cruse import Blueprint, Cruse, Extension, g, render_template, session, url_for
from cruse.extension import ExtensionState


@pytest.fixture
def app():
    app = Cruse(__name__)
    app.config.update(TESTING=True, SECRET_KEY="not a secret")
    return app


@pytest.fixture(params=["wsgi", "asgi"])
def gateway(request):
    return request.param


def told(call, *arguments):
    """Return what the traceback of a failing call ends with."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - it is the text that counts
        call(*arguments)
    return "".join(traceback.format_exception_only(caught.value))


class Thing:
    pass


@pytest.mark.parametrize("value", [{"thing": Thing()}, [Thing()], {"thing": {1, 2}}])
def test_what_is_no_json_is_told_with_its_view(app, gateway, value):
    @app.get("/")
    def things():
        return value

    text = told(app.test_client(gateway=gateway).get, "/")
    assert "is not JSON serializable" in text
    assert "JSON was made for the answer of 'things'" in text


@pytest.mark.parametrize("store", [None, "memory"])
def test_what_a_session_cannot_keep_is_told_by_its_key(app, gateway, store):
    app.config["SESSION_STORE"] = store

    @app.get("/")
    def log_in():
        session.update(name="ada", user=Thing())
        return ""

    text = told(app.test_client(gateway=gateway).get, "/")
    assert "which cannot keep session['user']. " in text
    assert "name" not in text


def test_a_value_that_fits_no_rule_is_told_with_its_endpoint(app):
    app.add_url_rule("/posts/<int:number>", "post", lambda number: "")
    with app.test_request_context():
        text = told(lambda: url_for("post", number="s3cret"))
    assert "the URL of 'post' was built with values for 'number'" in text


def test_an_unknown_converter_is_told_with_those_that_there_are(app):
    text = told(app.get("/<integer:number>"), lambda number: "")
    assert "the rule '/<integer:number>'. The converters are: any, default, float, int, " in text


@pytest.mark.parametrize("wrong", ["blog", pytest])
def test_what_is_no_blueprint_is_told(app, wrong):
    assert "takes a blueprint, not an object of type" in told(app.register_blueprint, wrong)


def test_a_template_that_is_missing_is_told_with_where_it_was_looked_for(app, gateway, tmp_path):
    app.root_path = str(tmp_path)
    app.register_blueprint(Blueprint("shop", __name__, root_path=tmp_path, template_folder="shop"))
    app.get("/")(lambda: render_template("indx.html"))
    text = told(app.test_client(gateway=gateway).get, "/")
    assert text.startswith("jinja2.exceptions.TemplateNotFound: indx.html\nLooked for in ")
    assert str(tmp_path / "templates") in text
    assert str(tmp_path / "shop") in text


def test_a_name_that_g_does_not_have_is_told(app):
    with app.app_context():
        assert "'g' has no 'user'" in told(lambda: g.user)
        assert not hasattr(g, "user")


def test_a_lifespan_function_that_makes_no_context_manager_is_told(app):
    @app.lifespan
    def database(app):
        return None

    text = told(app.start)
    assert "It returned an object of type 'NoneType', not a context manager." in text
    assert "Raised at the start of the application by " in text
    assert "database" in text


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_an_extension_that_does_not_start_is_told(app, gateway):
    class Sync(Extension):
        name = "sync"

        def startup(self, state):
            raise ArithmeticError

    class Async(Extension):
        name = "async"

        async def startup(self, state):
            raise ArithmeticError

    for extension in (Sync(), Async()):
        app = Cruse(__name__)
        app.use(extension)
        text = told(app.test_client(gateway=gateway).get, "/")
        assert f"{type(extension).__name__}.startup' of {__name__!r}" in text


@dataclass
class Settings:
    text: str = ""


class Nameless(Extension[ExtensionState[None]]):
    pass


class WithoutPrefix(Extension[ExtensionState[Settings]]):
    name = "greeting"
    settings = Settings


class WrongSettings(Extension[ExtensionState[None]]):
    name = "wrong"
    settings = dict
    prefix = "WRONG_"


class Waiting(Extension[ExtensionState[None]]):
    name = "waiting"

    async def setup(self, state):
        """Wait."""


@pytest.mark.parametrize(
    ("extension", "answer"),
    [
        ("db", "takes objects of subclasses of cruse.Extension, not of type 'str'"),
        (Nameless(), "Nameless has no name."),
        (WithoutPrefix(), "prefix = 'GREETING_'"),
        (WrongSettings(), "WrongSettings.settings has to be a dataclass."),
        (Waiting(), "Waiting.setup is 'async def'"),
    ],
)
def test_an_extension_that_lacks_something_is_told(app, extension, answer):
    assert answer in told(app.use, extension)
