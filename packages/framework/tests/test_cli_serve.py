"""``cruse serve`` up to the point where granian takes over; tests/servers has the rest."""

import sys
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from cruse.app import Cruse
from cruse.blueprints import Blueprint
from cruse.cli import CruseGroup
from cruse.cli.serve import choose_interface


@pytest.fixture
def app():
    app = Cruse(__name__)
    app.add_url_rule("/", "index", lambda: "")
    return app


class Granian:
    """Notes what a server would have been made with."""

    made: list = []

    def __init__(self, target, **options):
        self.made.append(options)

    def serve(self, target_loader, wrap_loader):
        self.made[-1]["app"] = target_loader()


@pytest.fixture
def serve(app, monkeypatch):
    """Run ``cruse serve`` with a granian that serves nothing; return result and options."""
    monkeypatch.delenv("CRUSE_DEBUG", raising=False)
    constants = SimpleNamespace(Interfaces=str)
    module = SimpleNamespace(Granian=Granian, constants=constants)
    monkeypatch.setitem(sys.modules, "granian", module)
    monkeypatch.setitem(sys.modules, "granian.constants", constants)
    monkeypatch.setattr(Granian, "made", [])

    def invoke(*arguments, **kwargs):
        group = CruseGroup(create_app=lambda: app)
        result = CliRunner().invoke(group, ["serve", *arguments], **kwargs)
        return result, (Granian.made or [None])[-1]

    yield invoke
    app.stop()


async def asynchronous(*args):
    return ""


def make_async_view(app):
    app.add_url_rule("/async", "async", asynchronous)


def make_async_hook(app):
    part = Blueprint("part", __name__)
    part.before_request(asynchronous)
    app.register_blueprint(part)


def make_async_error_handler(app):
    app.errorhandler(404)(asynchronous)


def make_async_startup(app):
    app.startup(asynchronous)


def mount_asgi(app):
    app.mount("/inner", asynchronous, interface="asgi")


def mount_async_cruse(app):
    inner = Cruse("inner")
    make_async_view(inner)
    app.mount("/inner", inner)


@pytest.mark.parametrize(
    "prepare",
    [
        make_async_view,
        make_async_hook,
        make_async_error_handler,
        make_async_startup,
        mount_asgi,
        mount_async_cruse,
    ],
)
def test_anything_async_chooses_rsgi(app, prepare):
    prepare(app)
    assert choose_interface(app) == "rsgi"


def test_a_websocket_chooses_rsgi(app):
    app.add_url_rule("/ws", "ws", lambda: "", websocket=True)
    assert choose_interface(app) == "rsgi"


def test_nothing_async_chooses_wsgi(app):
    app.mount("/plain", lambda environ, start_response: [], interface="wsgi")
    app.mount("/inner", Cruse("inner"))
    assert choose_interface(app) == "wsgi"


@pytest.mark.parametrize("setting", ["TRUSTED_PROXIES", "REQUEST_ID_TRUSTED"])
def test_belief_in_what_a_proxy_says_chooses_rsgi(app, setting):
    """With WSGI granian takes X_Forwarded_For, which anybody can send, for X-Forwarded-For."""
    app.config[setting] = 1
    assert choose_interface(app) == "rsgi"


def test_health_pages_do_not_change_how_the_rest_is_served(app, serve):
    app.config.update(HEALTH_LIVE_PATH="/livez", HEALTH_READY_PATH="/readyz")
    assert serve()[1]["interface"] == "wsgi"


@pytest.mark.parametrize("face", ["wsgi", "asgi", "rsgi"])
def test_what_is_wrapped_is_not_gone_around(app, face):
    make_async_view(app)
    name = f"{face}_app"
    setattr(app, name, getattr(app, name))
    assert choose_interface(app) == face


def test_the_options_have_defaults_for_production(app, serve):
    result, options = serve()
    assert result.exit_code == 0, result.output
    assert result.output == f" * Serving Cruse app '{app.name}' as WSGI\n"
    assert options.pop("app") is app
    assert options == {
        "address": "127.0.0.1",
        "port": 8000,
        "interface": "wsgi",
        "workers": 1,
        "blocking_threads": 40,
        "log_access": False,
        "ssl_cert": None,
        "ssl_key": None,
        "workers_kill_timeout": 30,
        "respawn_failed_workers": True,
        "websockets": False,
    }
    assert app.lifecycle.started


def test_options_are_handed_on(app, serve):
    _, options = serve(
        *("--host", "localhost", "--port", "8123", "--workers", "3", "--threads", "5"),
        *("--interface", "asgi", "--access-log", "--stop-timeout", "7"),
    )
    assert (options["address"], options["port"]) == ("localhost", 8123)
    assert (options["workers"], options["interface"]) == (3, "asgi")
    assert (options["log_access"], options["workers_kill_timeout"]) == (True, 7)
    # Sync code of an ASGI application has the application's own threads.
    assert (options["blocking_threads"], app.config["THREAD_POOL_SIZE"]) == (1, 5)


def test_options_may_come_from_the_environment(serve):
    assert serve(env={"CRUSE_SERVE_WORKERS": "2"})[1]["workers"] == 2


def break_setting(app):
    app.config["MAX_CONTENT_LENGTH"] = "16 MB"


@pytest.mark.parametrize(
    ("prepare", "arguments", "answer"),
    [
        (break_setting, [], "The setting 'MAX_CONTENT_LENGTH' must be a whole number"),
        (None, ["--cert", __file__], "HTTPS needs both"),
        (None, ["--cert", __file__, "--key", __file__], "Both must be PEM files"),
        (None, ["--host", "192.0.2.1"], "is no address of this machine"),
        (None, ["--interface", "cgi"], "'cgi' is not one of"),
        (None, ["--workers", "0"], "0 is not in the range"),
    ],
)
def test_what_cannot_be_served_is_told(app, serve, prepare, arguments, answer):
    if prepare:
        prepare(app)
    result, options = serve(*arguments)
    assert result.exit_code != 0
    assert answer in result.output.splitlines()[-1]
    assert options is None


def test_debug_mode_is_refused(app, serve):
    result, options = serve(env={"CRUSE_DEBUG": "1"})
    assert (result.exit_code, options) == (1, None)
    assert result.output.startswith("Error: Debug mode is on, and this is the server for")


def test_without_granian_it_says_what_to_install(app, serve, monkeypatch):
    monkeypatch.setitem(sys.modules, "granian", None)
    result, _ = serve()
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert "pip install 'cruse[serve]'" in result.output
