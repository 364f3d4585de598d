"""The application's logger."""

import io
import logging
import sys
from contextlib import contextmanager

import pytest

from cruse import Cruse
from cruse.logging import default_handler, escape_control, has_level_handler, wsgi_errors_stream


@pytest.fixture
def app(request):
    """An application whose logger no other test has."""
    app = Cruse(request.node.name)
    yield app
    logging.getLogger(app.name).handlers = []


@contextmanager
def no_logging_configured():
    """Take pytest's own handlers away, which count as configured logging."""
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    yield
    root.handlers = handlers


def test_the_logger_has_the_application_s_name(app):
    assert app.logger.name == app.name
    assert app.logger is logging.getLogger(app.name)


def test_it_writes_where_the_server_wants_errors(app):
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.get("/")
    def view():
        app.logger.error("oh %s", "no")
        return ""

    stream = io.StringIO()
    with no_logging_configured():
        app.test_client().get("/", errors_stream=stream)
    assert "] ERROR in test_logging: oh no\n" in stream.getvalue()


def test_outside_of_requests_it_writes_to_standard_error(app, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    assert wsgi_errors_stream._get_current_object() is stream
    with no_logging_configured():
        app.logger.warning("alone")
    assert "WARNING in test_logging: alone" in stream.getvalue()


def test_debug_mode_logs_everything(app):
    app.debug = True
    assert app.logger.level == logging.DEBUG


def test_a_level_that_is_set_stays(app):
    logging.getLogger(app.name).setLevel(logging.ERROR)
    app.debug = True
    assert app.logger.level == logging.ERROR
    logging.getLogger(app.name).setLevel(logging.NOTSET)


def test_without_other_logging_it_has_the_default_handler(app):
    with no_logging_configured():
        assert app.logger.handlers == [default_handler]


def test_with_other_logging_it_has_none(app):
    assert app.logger.handlers == []


def test_a_handler_counts_for_the_levels_it_takes():
    logger = logging.getLogger("cruse.test.levels")
    child = logger.getChild("child")
    logger.propagate = False
    assert not has_level_handler(child)
    handler = logging.StreamHandler(io.StringIO())
    logger.addHandler(handler)
    assert has_level_handler(child)
    child.propagate = False
    assert not has_level_handler(child)
    child.propagate = True
    handler.setLevel(logging.CRITICAL)
    child.setLevel(logging.INFO)
    assert not has_level_handler(child)


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_a_path_cannot_forge_lines_in_the_log(app, gateway, caplog):
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.before_request
    def fail():
        raise ValueError("expected")

    client = app.test_client(gateway=gateway)
    assert client.get("/a%0d%0aERROR%20forged%1b[31m").status_code == 500
    assert r"Exception on /a\r\nERROR forged\x1b[31m [GET]" in caplog.text
    assert "\x1b" not in caplog.text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("/plain/ä/日本", "/plain/ä/日本"),
        ("\r\n\t\x00\x7f", r"\r\n\t\x00\x7f"),
        ("\x85\u2028", r"\x85\u2028"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\udc80", r"\udc80"),
    ],
)
def test_what_is_not_printable_is_escaped(text, escaped):
    assert escape_control(text) == escaped
