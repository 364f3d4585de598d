"""Other applications below a prefix, under every protocol: Flask, Starlette, Cruse."""

import asyncio
import threading
from contextlib import asynccontextmanager
from types import SimpleNamespace

import flask
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from werkzeug.test import create_environ

from cruse import Cruse, request, url_for


@pytest.fixture
def app():
    app = Cruse(__name__, static_folder=None)
    app.get("/")(lambda: "outer")
    yield app
    if app.lifecycle.started:
        app.stop()


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()


def flask_app():
    app = flask.Flask("inner", static_folder=None)

    @app.get("/")
    def index():
        return "flask index"

    @app.route("/where/<name>", methods=["GET", "POST"])
    def where(name):
        body = flask.request.get_data(as_text=True)
        return f"{name} {flask.request.root_path} {flask.url_for('where', name='x')} {body}"

    return app


def starlette_app(log=None, **options):
    async def index(request):
        return PlainTextResponse("starlette index")

    async def where(request):
        name, root = request.path_params["name"], request.scope["root_path"]
        url = request.url_for("where", name="x").path
        return PlainTextResponse(f"{name} {root} {url} {(await request.body()).decode()}")

    async def echo(websocket):
        await websocket.accept()
        await websocket.send_text(f"{websocket.url.path} {await websocket.receive_text()}")
        await websocket.close()

    routes = [
        Route("/", index),
        Route("/where/{name}", where, methods=["GET", "POST"], name="where"),
        WebSocketRoute("/echo", echo),
    ]
    return Starlette(routes=routes, **options)


def cruse_app():
    app = Cruse("inner", static_folder=None)
    app.get("/")(lambda: "cruse index")

    @app.route("/where/<name>", methods=["GET", "POST"])
    def where(name):
        body = request.get_data(as_text=True)
        return f"{name} {request.root_path} {url_for('where', name='x')} {body}"

    return app


MAKERS = {"flask": flask_app, "starlette": starlette_app, "cruse": cruse_app}


@pytest.fixture(params=list(MAKERS))
def kind(request):
    return request.param


def test_it_answers_below_its_prefix_and_only_there(app, client, kind):
    app.mount("/inner", MAKERS[kind]())
    assert client.get("/inner/").text == f"{kind} index"
    assert client.get("/").text == "outer"
    assert client.get("/innermost").status_code == 404
    assert client.get("/inner/nowhere").status_code == 404


def test_it_builds_urls_with_its_root(app, client, kind):
    app.mount("/inner", MAKERS[kind]())
    assert client.get("/inner/where/a").text.strip() == "a /inner /inner/where/x"
    below = client.get("/inner/where/a", base_url="http://localhost/root")
    assert below.text.strip() == "a /root/inner /root/inner/where/x"


def test_it_gets_the_body_of_the_request(app, client, kind):
    app.mount("/inner", MAKERS[kind]())
    body = "ab" * 200_000
    assert client.post("/inner/where/a", data=body).text.endswith(f" {body}")


def test_text_in_a_url_arrives(app, client, kind):
    app.mount("/in nér", MAKERS[kind]())
    response = client.get("/in nér/where/ü ß")
    assert response.text.startswith("ü ß /in nér ")


def test_the_prefix_alone_is_redirected_by_the_inner_application(app, client, kind):
    app.mount("/inner", MAKERS[kind]())
    response = client.get("/inner")
    assert response.status_code in {307, 308}
    assert response.location.removeprefix("http://localhost") == "/inner/"


def test_the_longest_prefix_decides(app, client):
    app.mount("/a", flask_app())
    app.mount("/a/b", starlette_app())
    assert client.get("/a/").text == "flask index"
    assert client.get("/a/b/").text == "starlette index"
    assert client.get("/a/bc").status_code == 404


def test_mounts_nest(app, client):
    middle = Cruse("middle", static_folder=None)
    middle.mount("/inner", starlette_app())
    middle.mount("/flask", flask_app())
    app.mount("/middle", middle)
    text = client.get("/middle/inner/where/a").text.strip()
    assert text == "a /middle/inner /middle/inner/where/x"
    text = client.get("/middle/flask/where/a").text.strip()
    assert text == "a /middle/flask /middle/flask/where/x"


def test_hooks_and_handlers_of_the_outer_application_do_not_reach_it(app, client, kind):
    app.before_request(lambda: "caught")
    app.errorhandler(404)(lambda error: ("outer", 404))
    app.mount("/inner", MAKERS[kind]())
    assert client.get("/inner/").text == f"{kind} index"
    assert client.get("/inner/nowhere").text != "outer"


def test_repeated_header_fields_and_status_pass(app, client, kind):
    if kind == "starlette":

        async def view(request):
            response = PlainTextResponse("made", 201)
            response.set_cookie("a", "1")
            response.set_cookie("b", "2")
            return response

        inner = Starlette(routes=[Route("/made", view)])
    else:
        inner = MAKERS[kind]()
        inner.get("/made", endpoint="made")(
            lambda: ("made", 201, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
        )
    app.mount("/inner", inner)
    response = client.get("/inner/made")
    assert response.status_code == 201
    cookies = response.headers.getlist("Set-Cookie")
    assert [cookie.partition(";")[0] for cookie in cookies] == ["a=1", "b=2"]


def test_an_error_that_nothing_answers_goes_to_the_server(app, client, kind):
    def broken(*args):
        raise ZeroDivisionError

    if kind == "starlette":

        async def inner(scope, receive, send):
            raise ZeroDivisionError
    elif kind == "flask":

        def inner(environ, start_response):
            raise ZeroDivisionError
    else:
        inner = cruse_app()
        inner.testing = True
        inner.get("/x", endpoint="broken")(broken)
    app.mount("/inner", inner)
    with pytest.raises(ZeroDivisionError):
        client.get("/inner/x")


def test_hosts_that_the_outer_application_refuses_do_not_reach_it(app, client, kind):
    app.config["TRUSTED_HOSTS"] = ["example.com"]
    app.mount("/inner", MAKERS[kind]())
    assert client.get("/inner/", base_url="http://example.com").text == f"{kind} index"
    assert client.get("/inner/", base_url="http://evil.example").status_code == 400
    broken = client.get("/inner/", environ_overrides={"HTTP_HOST": "a b"})
    assert broken.status_code == 400


def test_it_learns_from_trusted_proxies_who_asked_and_how(app, client):
    def inner(environ, start_response):
        start_response("200 OK", [])
        return [f"{environ['wsgi.url_scheme']} {environ['REMOTE_ADDR']}".encode()]

    app.config["TRUSTED_PROXIES"] = 1
    app.mount("/inner", inner)
    fields = {"X-Forwarded-For": "10.1.2.3", "X-Forwarded-Proto": "https"}
    assert client.get("/inner/", headers=fields).text == "https 10.1.2.3"
    fields["X-Forwarded-Proto"] = "gopher"
    assert client.get("/inner/", headers=fields).status_code == 400


# -- streams --


def counting(pulled):
    for number in range(1000):
        pulled.append(number)
        yield b"x" * 1000


def test_a_stream_is_taken_as_it_is_read_and_closed_when_the_client_leaves(app, client, kind):
    pulled, ended = [], threading.Event()

    def pieces():
        try:
            yield from counting(pulled)
        finally:
            ended.set()

    if kind == "starlette":

        async def apieces():
            for piece in counting(pulled):
                yield piece

        async def view(request):
            return StreamingResponse(apieces())

        starlette = Starlette(routes=[Route("/stream", view)])

        async def inner(scope, receive, send):
            try:
                await starlette(scope, receive, send)
            finally:
                if scope["type"] == "http":
                    ended.set()
    else:
        inner = MAKERS[kind]()
        response_class = flask.Response if kind == "flask" else inner.response_class
        inner.get("/stream", endpoint="stream")(lambda: response_class(pieces()))
    app.mount("/inner", inner)
    response = client.get("/inner/stream")
    body = iter(response.response)
    assert next(body) == b"x" * 1000
    response.close()
    assert ended.wait(60)
    assert len(pulled) < 10


def test_a_wsgi_application_does_not_block_the_loop_under_asgi(app):
    arrived, go_on = threading.Event(), threading.Event()

    def slow(environ, start_response):
        arrived.set()
        assert go_on.wait(60)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [threading.current_thread().name.encode()]

    app.mount("/slow", slow)
    app.get("/quick")(quick)

    async def main():
        client = app.async_test_client()
        waiting = asyncio.ensure_future(client.get("/slow/"))
        assert await asyncio.to_thread(arrived.wait, 60)
        assert (await client.get("/quick")).text == "quick"
        go_on.set()
        assert "worker" in (await waiting).text
        await app.stop_on_loop()

    asyncio.run(main())


async def quick():
    return "quick"


def test_what_pep_3333_allows_a_wsgi_application_it_may_do_under_asgi(app):
    def inner(environ, start_response):
        write = start_response("500 Not Yet", [])
        try:
            raise ValueError
        except ValueError as error:
            info = (type(error), error, error.__traceback__)
            write = start_response("200 OK", [("X-Lines", "yes")], info)
        write(b"written ")
        first = environ["wsgi.input"].readline()
        return [first, b"", *environ["wsgi.input"]]

    app.mount("/inner", inner)
    client = app.test_client(gateway="asgi")
    response = client.post("/inner/", data=b"one\ntwo\nthree")
    assert response.status == "200 OK"
    assert response.headers["X-Lines"] == "yes"
    assert response.data == b"written one\ntwo\nthree"
    client.close()


def test_an_asgi_application_that_answers_head_with_a_body_sends_none_under_wsgi(app):
    async def hello(scope, receive, send):
        if scope["type"] == "http":
            fields = [(b"content-length", b"5")]
            await send({"type": "http.response.start", "status": 200, "headers": fields})
            await send({"type": "http.response.body", "body": b"hello"})

    app.mount("/inner", hello)
    heads = []
    body = app(create_environ("/inner/", method="HEAD"), lambda *head: heads.append(head))
    assert (heads, list(body)) == ([("200 OK", [("content-length", "5")])], [])


def test_a_body_that_is_cut_short_is_a_disconnect_for_an_asgi_application(app):
    seen = []

    async def inner(scope, receive, send):
        if scope["type"] != "http":
            raise NotImplementedError
        while (message := await receive())["type"] != "http.disconnect":
            seen.append((message["body"], message["more_body"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app.mount("/inner", inner)
    client = app.test_client()
    with pytest.raises(OSError, match="left"):
        client.post("/inner/", data=b"abc", environ_overrides={"CONTENT_LENGTH": "10"})
    assert seen == [(b"abc", True)]


# -- start and end --


def test_an_asgi_application_is_started_and_stopped_with_the_outer_one(app):
    log = []

    @asynccontextmanager
    async def lifespan(inner):
        log.append("start")
        yield {"pool": "a pool"}
        log.append("stop")

    async def view(request):
        log.append("request")
        return PlainTextResponse(request.state.pool)

    inner = Starlette(routes=[Route("/", view)], lifespan=lifespan)
    app.mount("/inner", inner)
    for gateway in ("wsgi", "asgi"):
        client = app.test_client(gateway=gateway)
        assert client.get("/inner/").text == "a pool"
        if gateway == "wsgi":
            app.stop()
        client.close()
        assert log == ["start", "request", "stop"]
        log.clear()


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_a_cruse_application_is_started_on_the_loop_that_it_serves_on(app, gateway):
    log = []
    inner = Cruse("inner", static_folder=None)

    @inner.startup
    async def start():
        log.append(asyncio.get_running_loop())

    @inner.shutdown
    async def stop():
        log.append("stop")

    @inner.get("/")
    async def index():
        return str(log == [asyncio.get_running_loop()])

    app.mount("/inner", inner)
    client = app.test_client(gateway=gateway)
    assert client.get("/").text == "outer"
    assert len(log) == 1
    assert client.get("/inner/").text == "True"
    client.close()
    if gateway == "wsgi":
        app.stop()
    assert log[-1] == "stop"


def test_a_start_that_fails_stops_the_outer_one(app, client):
    @asynccontextmanager
    async def lifespan(inner):
        raise RuntimeError("no database")
        yield

    app.mount("/inner", Starlette(lifespan=lifespan))
    with pytest.raises(RuntimeError, match="no database"):
        client.get("/")


def test_an_application_without_a_lifespan_is_served_all_the_same(app, client):
    async def inner(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"bare"})

    app.mount("/inner", inner)
    assert client.get("/inner/").text == "bare"


# -- websockets --


def test_websockets_are_passed_to_asgi_applications(app):
    app.mount("/inner", starlette_app())
    app.mount("/flask", flask_app())

    async def talk(path):
        coming = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "hi"}]
        sent = []

        async def receive():
            return coming.pop(0)

        async def send(message):
            sent.append(message)

        scope = {
            "type": "websocket", "path": path, "root_path": "", "headers": [], "scheme": "ws",
            "query_string": b"", "subprotocols": [], "server": ("localhost", 80),
            "client": ("127.0.0.1", 5), "raw_path": path.encode(), "http_version": "1.1",
        }  # fmt: skip
        await app(scope, receive, send)
        return sent

    async def main():
        accepted, message, closed = await talk("/inner/echo")
        assert accepted["type"] == "websocket.accept"
        assert message["text"] == "/inner/echo hi"
        assert closed["type"] == "websocket.close"
        (refused,) = await talk("/flask/echo")  # WSGI has none
        assert refused["type"] == "websocket.close"
        await app.stop_on_loop()

    asyncio.run(main())


# -- RSGI --


class Fields(dict):
    """The header fields of an RSGI scope."""

    def get_all(self, name):
        return [self[name]]


class Protocol:
    """The connection that granian hands over, for a request or a websocket."""

    def __init__(self, body=(), messages=()):
        self.body, self.messages = list(body), list(messages)
        self.status, self.sent, self.closed = None, [], None

    async def __aiter__(self):
        for chunk in self.body:
            yield chunk

    def response_bytes(self, status, head, body):
        self.status = status
        self.sent.append(body)

    def response_stream(self, status, head):
        self.status = status
        return self

    async def send_bytes(self, data):
        self.sent.append(data)

    async def client_disconnect(self):
        await asyncio.Event().wait()

    async def accept(self):
        return self

    async def receive(self):
        message = self.messages.pop(0)
        return SimpleNamespace(kind=2, data=message)

    async def send_str(self, data):
        self.sent.append(data)

    def close(self, code=None):
        self.closed = code


def ask_rsgi(app, path, protocol, proto="http", method="GET"):
    scope = SimpleNamespace(
        proto=proto, http_version="1.1", server="127.0.0.1:8000", client="127.0.0.1:4711",
        scheme="http", method=method, path=path, query_string="", authority=None,
        headers=Fields({"host": "localhost", "transfer-encoding": "chunked"}),
    )  # fmt: skip

    async def main():
        await app.__rsgi__(scope, protocol)
        await app.stop_on_loop()

    asyncio.run(main())
    return protocol


@pytest.mark.parametrize("kind", list(MAKERS))
def test_granian_reaches_what_is_mounted(app, kind):
    app.mount("/in nér", MAKERS[kind]())
    protocol = Protocol(body=[b"some ", b"body"])
    ask_rsgi(app, "/in%20n%C3%A9r/where/a", protocol, method="POST")
    text = b"".join(protocol.sent).decode()
    assert (protocol.status, text) == (200, "a /in nér /in nér/where/x some body")


def test_a_websocket_of_granian_reaches_what_is_mounted(app):
    app.mount("/inner", starlette_app())
    protocol = ask_rsgi(app, "/inner/echo", Protocol(messages=["hi"]), proto="ws")
    assert protocol.sent == ["/inner/echo hi"]
    assert protocol.closed == 1000


def test_a_websocket_of_granian_that_what_is_mounted_refuses_is_answered_403(app):
    app.mount("/inner", starlette_app())
    assert ask_rsgi(app, "/inner/nowhere", Protocol(), proto="ws").closed == 403


@pytest.mark.parametrize("proto", ["http", "ws"])
def test_a_status_that_is_none_does_not_reach_granian(app, proto):
    app.get("/odd", endpoint="page")(lambda: ("odd", 1000))

    @app.websocket("/odd")
    async def odd():
        return "odd", 1000

    with pytest.raises(ValueError, match="1000 is no status"):
        ask_rsgi(app, "/odd", Protocol(), proto)


# -- mistakes --


@pytest.mark.parametrize(
    ("prefix", "inner", "options", "error", "why"),
    [
        ("/", quick, {}, ValueError, "hide every route"),
        ("inner", quick, {}, ValueError, "write it like '/admin'"),
        ("/<name>", quick, {}, ValueError, "without variable parts"),
        ("/inner", lambda a: a, {}, TypeError, "interface='wsgi'"),
        ("/inner", "a string", {}, TypeError, "interface='wsgi'"),
        ("/inner", quick, {"interface": "cgi"}, ValueError, "not 'cgi'"),
    ],
)
def test_what_cannot_be_mounted(app, prefix, inner, options, error, why):
    with pytest.raises(error, match=why):
        app.mount(prefix, inner, **options)


def test_a_prefix_is_taken_once_and_nothing_is_mounted_in_itself(app):
    app.mount("/inner/", flask_app())
    with pytest.raises(ValueError, match="'/inner' already"):
        app.mount("/inner", flask_app())
    with pytest.raises(ValueError, match="on itself"):
        app.mount("/other", app)


def test_the_interface_can_be_said(app, client):
    class Service:
        def __call__(self, *args):
            return flask_app()(*args)

    app.mount("/inner", Service(), interface="wsgi")
    assert client.get("/inner/").text == "flask index"
