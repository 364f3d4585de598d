"""The extension contract: settings, order, state, hooks."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from cruse import Blueprint, Cruse, Extension, ExtensionState, current_app, render_template_string
from cruse.extension import SettingsError
from cruse.testing.contract import ExtensionContract


@dataclass(frozen=True)
class MailSettings:
    host: str = "localhost"
    port: int = 25
    timeout: float = 10.0
    folder: Path | None = None
    mode: Literal["plain", "tls"] = "plain"
    bcc: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)


class MailState(ExtensionState[MailSettings]):
    def __init__(self, app, extension):
        super().__init__(app, extension)
        self.sent = []


class Mail(Extension[MailState]):
    name = "mail"
    prefix = "MAIL_"
    settings = MailSettings
    state_class = MailState

    def send(self, text):
        self.state.sent.append(f"{text} by {self.state.settings.host}")


@pytest.fixture
def app():
    return Cruse(__name__, static_folder=None)


class TestContract(ExtensionContract):
    config = {"MAIL_HOST": "mail.example"}

    def make_extension(self):
        return Mail()


def test_one_extension_serves_two_applications(app):
    mail = Mail()
    other = Cruse("other", root_path=".")
    for each, host in ((app, "a"), (other, "b")):
        each.use(mail)
        each.config["MAIL_HOST"] = host
    for each, host in ((app, "a"), (other, "b")):
        with each.app_context():
            mail.send("hi")
            assert mail.state.sent == [f"hi by {host}"]


def test_there_are_three_ways_to_bind(app):
    first, second, third = Mail(), Mail(), Mail()
    first.init_app(app)
    assert first.state_of(app).app is app
    assert second.state_of(Cruse(__name__, extensions=[second])).extension is second
    bound = Cruse(__name__)
    Mail(bound)
    assert "mail" in bound.extensions
    with pytest.raises(RuntimeError, match="'mail' is not set up"):
        third.state_of(app)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("MAIL_HSOT", "x", "Unknown setting 'MAIL_HSOT'. Did you mean 'MAIL_HOST'\\? Known are: "),
        ("MAIL_PORT", "25", "'MAIL_PORT' must be int, not str"),
        ("MAIL_PORT", True, "'MAIL_PORT' must be int, not bool"),
        ("MAIL_MODE", "open", "'MAIL_MODE' must be .*'plain', 'tls'"),
        ("MAIL_BCC", ("a", 1), "'MAIL_BCC' must be .*, not tuple of int and str"),
        ("MAIL_HEADERS", [], "'MAIL_HEADERS' must be"),
        ("MAIL_FOLDER", 7, "'MAIL_FOLDER' must be Path or None, not int"),
    ],
)
def test_a_wrong_setting_is_named_at_start(app, key, value, message):
    app.use(Mail())
    app.config[key] = value
    with pytest.raises(SettingsError, match=message):
        app.start()


def test_settings_are_taken_as_their_types_want_them(app):
    mail = Mail(app)
    app.config.update(MAIL_TIMEOUT=3, MAIL_FOLDER="/tmp/mail", MAIL_BCC=["a", "b"])
    settings = mail.state_of(app).settings
    assert (settings.timeout, settings.folder, settings.bcc) == (
        3.0,
        Path("/tmp/mail"),
        ("a", "b"),
    )


def test_a_required_extension_may_come_later(app):
    bound = []

    class Letters(Extension):
        name = "letters"
        requires = ("mail",)

        def setup(self, state):
            bound.append("mail" in state.app.extensions)

    app.use(Letters())
    assert bound == []
    app.use(Mail())
    assert bound == [True]


def test_a_required_extension_that_never_came_is_an_error_at_start(app):
    class Letters(Extension):
        name = "letters"
        requires = ("mail",)

    app.use(Letters())
    with pytest.raises(RuntimeError, match=r"'letters' requires \['mail'\]"):
        app.test_client().get("/")


def test_extensions_that_require_each_other_are_an_error(app):
    class One(Extension):
        name = "one"
        requires = ("two",)

    class Two(Extension):
        name = "two"
        requires = ("one",)

    with pytest.raises(RuntimeError, match="circle"):
        app.use(One(), Two())


def test_after_orders_the_hooks_of_one_call(app):
    log = []

    class First(Extension):
        name = "first"

        def before_request(self):
            log.append("first")

    class Second(Extension):
        name = "second"
        after = ("first",)

        async def before_request(self):
            log.append("second")

    app.use(Second(), First())
    app.test_client().get("/")
    assert log == ["first", "second"]


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_every_hook_that_is_overridden_runs(app, gateway):
    log = []
    pages = Blueprint("pages", __name__)
    pages.get("/")(lambda: render_template_string("{{ greeting }}"))

    class Full(Extension):
        name = "full"
        blueprint = pages

        def setup(self, state):
            log.append("setup")

        def before_request(self):
            log.append("before")

        async def after_request(self, response):
            log.append("after")
            return response

        def teardown(self, exc):
            log.append("teardown")

        async def startup(self, state):
            log.append(f"startup {state.app is app}")

        def shutdown(self, state):
            log.append("shutdown")

        def template_context(self):
            return {"greeting": f"hello from {current_app.extensions['full'].extension.name}"}

        def shell_context(self, state):
            return {"full": self}

    app.use(Full())
    client = app.test_client(gateway=gateway)
    assert client.get("/").text == "hello from full"
    assert log == ["setup", "startup True", "before", "after", "teardown"]
    assert "full" in app.make_shell_context()
    client.close()
    app.stop()
    assert log[-1] == "shutdown"


class Queue(Extension[ExtensionState]):
    name = "queue"

    def outage(self, state, error):
        return f"No queue for {state.app.name!r}:\n{error}" if isinstance(error, OSError) else None


@pytest.fixture(params=["wsgi", "asgi"])
def posting(app, request):
    """A client of an application whose view fails for want of a queue."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.use(Mail(), Queue())

    @app.post("/jobs")
    def add():
        raise ConnectionError("it hung up")

    @app.post("/mistakes")
    def mistake():
        raise LookupError("it is not there")

    client = app.test_client(gateway=request.param)
    yield client
    client.close()


def test_what_is_away_is_a_503_and_a_line_in_the_log(posting, caplog):
    answer = posting.post("/jobs", json={})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.json["title"] == "Service Unavailable"
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.getMessage() == f"No queue for {__name__!r}: it hung up"
    assert record.exc_info is None


def test_other_errors_are_what_they_were(posting, caplog):
    assert posting.post("/mistakes").status_code == 500
    assert "Traceback" in caplog.text


def test_a_handler_of_the_status_knows_what_is_away(app, posting):
    said = []

    @app.errorhandler(503)
    def unavailable(error):
        said.append(error.__cause__)
        return "Later.", 503

    assert posting.post("/jobs").text == "Later."
    assert [str(error) for error in said] == ["it hung up"]


def test_a_handler_of_the_error_itself_goes_first(app, posting):
    @app.errorhandler(OSError)
    def no_connection(error):
        return "Never.", 410

    assert posting.post("/jobs").text == "Never."


def test_where_errors_are_passed_on_so_is_what_is_away(app, posting):
    app.config["PROPAGATE_EXCEPTIONS"] = True
    with pytest.raises(ConnectionError):
        posting.post("/jobs")


@pytest.fixture
def end(app):
    """Name an error for the end of the next request."""
    errors = []

    @app.teardown_request
    @app.teardown_appcontext
    def fail(error):
        if errors:
            raise errors.pop()

    return errors.extend


def test_what_is_away_at_the_end_of_a_request_is_a_503_as_well(app, posting, end, caplog):
    app.add_url_rule("/fine", view_func=lambda: "fine", methods=["POST"])
    end([ConnectionError("it hung up"), ConnectionError("it hung up")])
    answer = posting.post("/fine", json={})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.json["title"] == "Service Unavailable"
    (record,) = caplog.records
    assert record.getMessage() == f"No queue for {__name__!r}: it hung up"
    assert posting.post("/fine").text == "fine"


def test_what_else_fails_at_the_end_of_a_request_is_a_500(app, posting, end, caplog):
    app.add_url_rule("/fine", view_func=lambda: "fine", methods=["POST"])
    end([ConnectionError("it hung up"), LookupError("it is not there")])
    assert posting.post("/fine").status_code == 500
    assert "Traceback" in caplog.text


def test_tasks_that_fail_together_for_what_is_away_are_a_503(app, posting):
    @app.post("/together")
    async def together():
        async def fail():
            raise ConnectionError("it hung up")

        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            group.create_task(fail())

    assert posting.post("/together").status_code == 503


def test_hooks_that_are_not_overridden_are_not_registered(app):
    app.use(Mail())
    assert not app.before_request_funcs.get(None)
    assert not app.after_request_funcs.get(None)
    assert not app.teardown_appcontext_funcs


def test_a_class_instead_of_an_object_is_an_error_that_says_so(app):
    with pytest.raises(TypeError, match=r"give Mail\(\)"):
        app.use(Mail)
