"""Telling browsers what a page will need while it is still being made (RFC 8297)."""

import asyncio

import pytest
from werkzeug.test import EnvironBuilder

from cruse import Cruse, send_early_hints, stream_with_context
from cruse.testing.asgi import scope_from_environ

STYLE = "</app.css>; rel=preload; as=style"
FONT = "</font.woff2>; rel=preload; as=font; crossorigin"


@pytest.fixture
def app():
    app = Cruse(__name__, static_folder=None)

    @app.get("/sync")
    def sync_view():
        told = send_early_hints(STYLE, FONT)
        return {"told": told}

    @app.get("/async")
    async def async_view():
        told = send_early_hints(STYLE, FONT)
        await asyncio.sleep(0)
        return {"told": told}

    @app.get("/at-once")
    async def async_view_that_never_waits():
        return {"told": send_early_hints(STYLE) and send_early_hints(FONT)}

    @app.get("/late")
    def late():
        def pieces():
            yield str(send_early_hints(STYLE))

        return stream_with_context(pieces())

    @app.get("/broken")
    def broken():
        send_early_hints("/app.css")
        return ""

    yield app
    app.stop()


def ask(app, path, extensions=("http.response.early_hint",)):
    """Ask as an ASGI server does, and return what the application sent."""
    scope = scope_from_environ(EnvironBuilder(path).get_environ())
    scope["extensions"] = {name: {} for name in extensions}
    sent = []

    async def send(message):
        await asyncio.sleep(0)
        sent.append(message)

    asyncio.run(app(scope, stay, send))
    return sent


async def stay():
    """Receive nothing: there is no body, and the client does not leave."""
    await asyncio.Event().wait()


@pytest.mark.parametrize("path", ["/sync", "/async"])
def test_a_wsgi_server_is_asked_to_send_them(app, path):
    told = []
    response = app.test_client().get(path, environ_overrides={"wsgi.early_hints": told.append})
    assert response.json == {"told": True}
    assert told == [[("Link", STYLE), ("Link", FONT)]]


@pytest.mark.parametrize("path", ["/sync", "/async", "/at-once"])
def test_an_asgi_server_is_asked_to_send_them_ahead_of_the_response(app, path):
    *hints, start, body = ask(app, path)
    assert {each["type"] for each in hints} == {"http.response.early_hint"}
    assert [link for each in hints for link in each["links"]] == [STYLE.encode(), FONT.encode()]
    assert start["type"] == "http.response.start"
    assert body["body"] == b'{"told":true}\n'


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
@pytest.mark.parametrize("path", ["/sync", "/async"])
def test_elsewhere_nothing_happens(app, gateway, path):
    assert app.test_client(gateway=gateway).get(path).json == {"told": False}


@pytest.mark.parametrize("path", ["/sync", "/async"])
def test_under_wsgi_a_client_that_has_left_is_no_error(app, path):
    def send(fields):
        raise BrokenPipeError

    response = app.test_client().get(path, environ_overrides={"wsgi.early_hints": send})
    assert response.json == {"told": False}


def test_without_links_nothing_is_sent(app):
    told = []
    environ = {"wsgi.early_hints": told.append}
    with app.test_request_context("/", environ_overrides=environ):
        assert send_early_hints() is False
    assert told == []


def test_behind_the_head_of_a_response_there_are_none(app):
    start, body, *_ = ask(app, "/late")
    assert (start["type"], body["body"]) == ("http.response.start", b"False")


def test_a_client_that_has_left_is_no_error(app):
    scope = scope_from_environ(EnvironBuilder("/async").get_environ())
    scope["extensions"] = {"http.response.early_hint": {}}
    sent = []

    async def send(message):
        if message["type"] == "http.response.early_hint":
            raise OSError
        sent.append(message["type"])

    asyncio.run(app(scope, stay, send))
    assert sent == ["http.response.start", "http.response.body"]


@pytest.mark.parametrize(
    "link",
    [
        "/app.css",
        "<a.css",
        "<a b.css>; rel=preload",
        "<a.css>;\r\nSet-Cookie: a=b",
        "<a.css>\n",
        "</ä.css>; rel=preload",
        "",
        [STYLE],
    ],
)
def test_what_is_no_link_is_told(app, link):
    with (
        app.test_request_context("/"),
        pytest.raises(ValueError, match="is no value of a Link field"),
    ):
        send_early_hints(STYLE, link)
