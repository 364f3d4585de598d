"""The budget of the hot path, in Python calls: exact on any machine, where times are not."""

import asyncio
import sys

import pytest

from cruse import Cruse

ENVIRON = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/",
    "QUERY_STRING": "",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_HOST": "localhost",
    "HTTP_ACCEPT": "*/*",
    "wsgi.url_scheme": "http",
    "wsgi.errors": sys.stderr,
}
SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "root_path": "",
    "raw_path": b"/",
    "path": "/",
    "query_string": b"",
    "headers": [(b"host", b"localhost"), (b"accept", b"*/*")],
    "client": ("127.0.0.1", 50000),
    "server": ("127.0.0.1", 80),
}


class Counter:
    """Counts the Python functions that are entered while it is on."""

    def __init__(self):
        self.names = []

    def __enter__(self):
        sys.setprofile(self.note)
        return self

    def __exit__(self, *exc):
        sys.setprofile(None)

    def note(self, frame, event, arg):
        if event == "call" and frame.f_code is not Counter.__exit__.__code__:
            self.names.append(frame.f_code.co_name)


@pytest.fixture
def app():
    app = Cruse(__name__)

    @app.route("/")
    def index():
        return "hello"

    @app.route("/async")
    async def from_async():
        return "hello"

    @app.route("/inline", inline=True)
    def inline():
        return "hello"

    return app


def test_hello_under_wsgi_takes_at_most_40_calls(app):
    def start_response(status, headers, exc_info=None):
        assert status == "200 OK"

    app(dict(ENVIRON), start_response)  # compiles the plan, starts the application
    environ = dict(ENVIRON)
    with Counter() as counter:
        body = app(environ, start_response)
    assert body == [b"hello"]
    assert len(counter.names) <= 40, counter.names


@pytest.mark.parametrize("path", ["/async", "/inline"])
def test_hello_under_asgi_takes_at_most_45_calls(app, path):
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    async def request_twice():
        await app(dict(SCOPE, path=path), receive, send)
        sent.clear()
        scope = dict(SCOPE, path=path)
        with Counter() as counter:
            await app(scope, receive, send)
        return counter.names

    names = asyncio.run(request_twice())
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[1]["body"] == b"hello"
    assert len(names) <= 45, names


def test_a_hook_that_nobody_registered_costs_nothing(app):
    def count():
        environ = dict(ENVIRON)
        with Counter() as counter:
            app(environ, lambda *args: None)
        return len(counter.names)

    count()
    plain = count()
    app.before_request_funcs[None].append(lambda: None)
    count()  # the plan is compiled anew
    assert plain < count() <= plain + 4
