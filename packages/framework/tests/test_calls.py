"""The budget of the hot path, in Python calls: exact on any machine, where times are not."""

import asyncio
import gc
import io
import sys
import weakref

import pytest

from cruse import (
    Blueprint,
    Cruse,
    EventStream,
    appcontext_pushed,
    g,
    inline,
    request,
    request_finished,
    request_started,
    request_tearing_down,
    session,
    websocket,
)

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
        gc.disable()  # what it finds may belong to another test, and have functions to call
        sys.setprofile(self.note)
        return self

    def __exit__(self, *exc):
        sys.setprofile(None)
        gc.enable()

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


def body_of(kind, data):
    length = str(len(data))
    environ = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": kind, "CONTENT_LENGTH": length}
    headers = [*SCOPE["headers"], (b"content-type", kind.encode())]
    headers.append((b"content-length", length.encode()))
    return data, environ, {"method": "POST", "headers": headers}


NOTHING = (b"", {}, {})
FORM = body_of("application/x-www-form-urlencoded", b"name=Ada+Lovelace&email=ada%40example.org")
JSON = body_of("application/json", b'{"name": "Ada"}')
UPLOAD = body_of(
    "multipart/form-data; boundary=b",
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\nhello\r\n--b--\r\n",
)

# The path, what is sent, the answer, and the most calls under WSGI and ASGI: what Python 3.11
# takes, where each list comprehension is a call, and some for werkzeug's next release.
WORK = [
    ("/", NOTHING, b"hello", 14, None),
    ("/async", NOTHING, b"hello", None, 16),
    ("/inline", NOTHING, b"hello", 14, 16),
    ("/json", NOTHING, b'{"name":"Ada"}\n', 18, 20),
    ("/items/7", NOTHING, b"7", 15, 17),
    ("/query?q=tea", NOTHING, b"tea", 22, 25),
    ("/form", FORM, b"Ada Lovelace ada@example.org", 34, 43),
    ("/echo", JSON, b'{"name":"Ada"}\n', 31, 40),
    ("/upload", UPLOAD, b"hello", 129, 146),
    ("/session", NOTHING, b"1", 75, 86),
    ("/hooked/view", NOTHING, b"1", 30, 40),
    ("/nowhere", NOTHING, None, 26, 27),
]


@pytest.fixture
def work(app):
    app.secret_key = "the key of a test"

    @app.get("/json", inline=True)
    def give_json():
        return {"name": "Ada"}

    @app.get("/items/<int:number>", inline=True)
    def item(number):
        return str(number)

    @app.get("/query", inline=True)
    def query():
        return request.args["q"]

    @app.post("/form", inline=True)
    def form():
        return f"{request.form['name']} {request.form['email']}"

    @app.post("/echo", inline=True)
    def echo():
        return request.get_json()

    app.post("/upload", endpoint="upload", inline=True)(lambda: request.files["file"].read())

    @app.get("/session", inline=True)
    def visits():
        session["visits"] = session.get("visits", 0) + 1
        return str(session["visits"])

    hooked = Blueprint("hooked", __name__, url_prefix="/hooked")

    @hooked.before_request
    @inline
    def before():
        g.before = 1

    @hooked.after_request
    @inline
    def after(response):
        response.headers["X-After"] = "1"
        return response

    @hooked.get("/view", inline=True)
    def view():
        return str(g.before)

    app.register_blueprint(hooked)
    return app


def calls_under_wsgi(app, path, sent):
    data, more, _ = sent
    path, _, query = path.partition("?")
    body = []
    for _ in range(2):  # the first compiles the plan and starts the application
        environ = {**ENVIRON, **more, "PATH_INFO": path, "QUERY_STRING": query}
        environ["wsgi.input"] = io.BytesIO(data)
        with Counter() as counter:
            body = app(environ, lambda *args: None)
    return counter.names, b"".join(body)


def calls_under_asgi(app, path, sent):
    data, _, more = sent
    path, _, query = path.partition("?")
    got = []

    async def receive():
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message):
        got.append(message)

    async def request_twice():
        for _ in range(2):
            got.clear()
            scope = {**SCOPE, **more, "path": path, "query_string": query.encode()}
            with Counter() as counter:
                await app(scope, receive, send)
        return counter.names

    names = asyncio.run(request_twice())
    assert [message["type"] for message in got] == ["http.response.start", "http.response.body"]
    return names, got[1]["body"]


@pytest.mark.parametrize(
    ("path", "sent", "answer", "wsgi", "asgi"),
    WORK,
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_a_request_takes_no_more_calls_than_it_did(work, path, sent, answer, wsgi, asgi):
    for most, calls in ((wsgi, calls_under_wsgi), (asgi, calls_under_asgi)):
        if most is not None:
            names, body = calls(work, path, sent)
            assert body == answer or answer is None
            assert len(names) <= most, " ".join(names)


@pytest.mark.parametrize(
    "signal", [request_started, request_finished, request_tearing_down, appcontext_pushed]
)
def test_a_signal_costs_nothing_before_and_after_somebody_listens(app, signal):
    heard = []

    def receive(sender, **_):
        heard.append(sender)

    before = len(calls_under_wsgi(app, "/", NOTHING)[0])
    with signal.connected_to(receive, app):
        assert len(calls_under_wsgi(app, "/", NOTHING)[0]) > before
    assert heard == [app, app]
    assert len(calls_under_wsgi(app, "/", NOTHING)[0]) == before


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


@pytest.mark.parametrize(
    ("path", "most", "around"),
    # The view's, the encoding of an event, and one that sends; the beginning and the end.
    [("/pieces", 2, 30), ("/events", 3, 33)],
)
def test_one_more_piece_of_a_stream_costs_only_itself_under_wsgi(app, path, most, around):
    @app.get(path)
    def stream():
        pieces = ("piece" for _ in range(int(request.args["n"])))
        return EventStream(pieces) if path == "/events" else pieces

    def count(n):
        environ = {**ENVIRON, "PATH_INFO": path, "QUERY_STRING": f"n={n}"}
        with Counter() as counter:
            body = app(environ, lambda *args: None)
            sent = list(body)
            body.close()
        assert len(sent) == n
        return len(counter.names)

    count(10)  # the first compiles the plan and starts the application
    assert count(10) <= 10 * most + around
    assert (count(110) - count(10)) / 100 == most


@pytest.mark.parametrize(
    ("path", "most", "around"),
    # The view's and those that send; the beginning and the end, with one more in Python 3.11.
    [("/pieces", 2, 38), ("/events", 3, 42)],
)
def test_one_more_piece_of_a_stream_costs_only_itself(app, path, most, around):
    @app.get(path)
    async def stream():
        async def pieces():
            for _ in range(int(request.args["n"])):
                yield "piece"

        return EventStream(pieces()) if path == "/events" else pieces()

    def count(n):
        sent = []

        async def receive():
            await asyncio.Event().wait()

        async def send(message):
            sent.append(message)

        async def ask():
            scope = {**SCOPE, "path": path, "query_string": b"n=%d" % n}
            with Counter() as counter:
                await app(scope, receive, send)
            return len(counter.names)

        asyncio.run(ask())  # the first compiles the plan
        sent.clear()
        calls = asyncio.run(ask())
        assert len(sent) == n + 2
        return calls

    few, many = count(10), count(110)
    assert (many - few) / 100 <= most
    assert few - 10 * most <= around


def calls_of_echoes(app, n):
    """Count the calls of a conversation, the second of two."""

    async def ask():
        come = [{"type": "websocket.connect"}]
        come += [{"type": "websocket.receive", "text": "x"}] * n
        come.append({"type": "websocket.disconnect", "code": 1000})
        messages, sent = iter(come), []

        async def receive():
            return next(messages)

        async def send(message):
            sent.append(message["type"])

        with Counter() as counter:
            await app({**SCOPE, "type": "websocket", "path": "/echo"}, receive, send)
        assert sent == ["websocket.accept", *["websocket.send"] * n]
        return counter.names

    async def ask_twice():
        await ask()  # it compiles the plan, and looks after those that follow
        return await ask()

    return asyncio.run(ask_twice())


def test_one_more_echo_of_a_websocket_costs_what_receives_and_sends_it(app):
    @app.websocket("/echo")
    async def echo():
        async for message in websocket:
            await websocket.send(message)

    few, many = calls_of_echoes(app, 10), calls_of_echoes(app, 110)
    assert (len(many) - len(few)) / 100 <= 7
    assert len(few) - 70 <= 35, few  # the beginning and the end


def test_a_conversation_that_has_ended_is_freed_without_the_collector(app):
    held = []

    @app.websocket("/echo")
    async def echo():
        held.append(weakref.ref(websocket._get_current_object()))
        held.append(weakref.ref(request._get_current_object()))
        async for message in websocket:
            await websocket.send(message)

    gc.disable()
    try:
        calls_of_echoes(app, 1)
        assert [reference() for reference in held] == [None] * 4
    finally:
        gc.enable()
