"""The short ways of bodies and sessions, and that they are left where somebody has their own."""

import asyncio
import gc
import weakref
from datetime import timedelta

import pytest

from cruse import Cruse, Request, abort, app_ctx, copy_current_request_context, request, session
from cruse.json.provider import DefaultJSONProvider
from cruse.sessions import SecureCookieSession, SecureCookieSessionInterface


@pytest.fixture(params=["wsgi", "asgi"])
def client_of(request):
    return lambda app: app.test_client(gateway=request.param)


def app_with(view, request_class=Request):
    app = Cruse(__name__, static_folder=None)
    app.request_class = request_class
    app.post("/")(view)
    return app


async def read_json():
    return request.get_json()


def read_json_in_a_thread():
    return request.get_json()


VIEWS = pytest.mark.parametrize("view", [read_json, read_json_in_a_thread])


# -- JSON --


@VIEWS
@pytest.mark.parametrize("name", ["get_data", "is_json", "mimetype", "json_module"])
def test_what_a_request_class_says_of_json_is_asked(client_of, view, name):
    class Ten:
        loads = staticmethod(lambda text: [10])

    own = {
        "get_data": lambda self, **options: b"[10]",
        "is_json": property(lambda self: self.headers["Content-Type"] == "text/ten"),
        "mimetype": property(lambda self: "application/json"),
        "json_module": Ten,
    }[name]
    kind = "text/ten" if name in {"is_json", "mimetype"} else "application/json"
    client = client_of(app_with(view, type("Own", (Request,), {name: own})))
    answer = client.post("/", data=b"[10]" if kind == "text/ten" else b"[1]", content_type=kind)
    assert answer.json == [10]


@VIEWS
def test_what_is_put_into_a_request_class_later_is_asked_for_json(client_of, view, monkeypatch):
    client = client_of(app_with(view))
    assert client.post("/", data=b"[1]", content_type="application/json").json == [1]
    monkeypatch.setattr(Request, "get_data", lambda self, **options: b"[10]")
    assert client.post("/", data=b"[1]", content_type="application/json").json == [10]


def fail_by_an_error():
    raise LookupError


@pytest.mark.parametrize(
    "fail", [lambda: request.get_json(), lambda: abort(400), fail_by_an_error]
)
@pytest.mark.parametrize("hook", ["no hook", "a hook", "an async hook"])
@pytest.mark.parametrize("asynchronous", [True, False])
def test_what_fails_leaves_nothing_for_the_collector(client_of, asynchronous, hook, fail):
    contexts = []

    def view():
        contexts.append(weakref.ref(app_ctx._get_current_object()))
        return fail()

    async def async_view():
        return view()

    async def async_hook():
        return None

    app = app_with(async_view if asynchronous else view)
    app.logger.disabled = True
    if hook != "no hook":
        app.before_request(async_hook if hook == "an async hook" else lambda: None)
    client = client_of(app)
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            answer = client.post("/", data=b"{", content_type="application/json")
            assert answer.status_code in {400, 500}
        assert [context() for context in contexts[:2]] == [None, None]
    finally:
        gc.enable()
        app.logger.disabled = False


def test_json_is_read_once_and_what_is_none_is_told_again(client_of):
    async def view():
        if "silent" in request.args:
            assert request.get_json(silent=True) is None
        first = request.get_json()
        assert request.get_json() is request.json is first
        assert request.get_json(force=True, cache=False) == first
        assert request.get_data(as_text=True) == "[1]"
        return first

    client = client_of(app_with(view))
    assert client.post("/", data="[1]", content_type="application/json").json == [1]
    for path in ("/", "/?silent"):
        assert client.post(path, data="[1", content_type="application/json").status_code == 400
    assert client.post("/", data="[1]", content_type="text/plain").status_code == 415


def test_who_answers_for_bad_json_is_asked_and_silence_stays_silence(client_of):
    class Own(Request):
        def on_json_loading_failed(self, e):
            return "bad"

    async def view():
        return [request.get_json(), request.get_json(), request.get_json(silent=True)]

    answer = client_of(app_with(view, Own)).post("/", data="{", content_type="application/json")
    assert answer.json == ["bad", "bad", None]


@pytest.mark.parametrize(
    "where", ["a subclass", "the instance", "the instance, later", "the class, later"]
)
def test_a_provider_that_writes_json_by_itself_is_asked(client_of, monkeypatch, where):
    def dumps(obj, **options):
        return f'"{len(options)}"'

    app = app_with(read_json)
    client = client_of(app)
    if where.endswith("later"):
        assert client.post("/", data="[1]", content_type="application/json").text == "[1]\n"
    if where == "the class, later":
        monkeypatch.setattr(DefaultJSONProvider, "dumps", staticmethod(dumps))
    elif where == "a subclass":
        app.json = type("Own", (DefaultJSONProvider,), {"dumps": staticmethod(dumps)})(app)
    else:
        app.json.dumps = dumps
    assert client.post("/", data="[1]", content_type="application/json").text == '"1"\n'


# -- bodies --


def exchange(app, body, *messages, headers=()):
    """Send messages as the body of a request with this announced body; return the answer."""
    sent, left = [], list(messages)
    fields = [(b"host", b"localhost"), (b"content-type", b"application/json"), *headers]
    scope = {
        **{"type": "http", "http_version": "1.1", "method": "POST", "path": "/"},
        **{"scheme": "http", "root_path": "", "query_string": b""},
        "headers": [*fields, (b"content-length", b"%d" % len(body))],
    }

    async def receive():
        await asyncio.sleep(0)
        return left.pop(0)

    async def send(message):
        sent.append(message)

    async def serve():
        await app(scope, receive, send)
        await app.stop_on_loop()

    asyncio.run(serve())
    return sent[0]["status"], sent[1]["body"]


def piece(body, more=False):
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.mark.parametrize(
    ("messages", "status"),
    [
        ([piece(b"[1,2]")], 200),
        ([piece(b"[1,2]", more=True), piece(b"")], 200),
        ([piece(b"[1,", more=True), piece(b"2]")], 200),
        ([piece(b"", more=True), piece(b"[1,2]")], 200),
        ([piece(b"[1,2] and what is not announced")], 200),
        ([piece(b"[1]")], 400),
        ([piece(b"")], 400),
        ([{"type": "http.disconnect"}], 400),
    ],
)
@pytest.mark.parametrize("hook", [False, True])
def test_a_body_is_the_same_however_it_comes(messages, status, hook):
    app = app_with(read_json)
    if hook:

        @app.before_request
        async def look():
            assert request.content_length == 5

    said = exchange(app, b"[1,2]", *messages)
    assert said[0] == status
    assert status == 400 or said[1] == b"[1,2]\n"


def test_fields_that_came_twice_are_read_as_one():
    app = app_with(read_json)
    twice = [(b"x-name", b"1"), (b"x-name", b"2")]
    assert exchange(app, b"[1]", piece(b"[1]"), headers=twice) == (200, b"[1]\n")


@pytest.mark.parametrize("limit", [2, 3])
def test_a_limit_holds_for_a_body_that_nobody_asks_for(limit):
    app = app_with(read_json)

    @app.post("/idle")
    async def idle():
        return "idle"

    app.config["MAX_CONTENT_LENGTH"] = limit
    status = 200 if limit == 3 else 413
    assert exchange(app, b"[1]", piece(b"[1]"))[0] == status
    client = app.test_client(gateway="asgi")
    assert client.post("/idle", data=b"abc").status_code == status


class Limiting(Request):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.max_content_length = 2


@pytest.mark.parametrize("where", ["its constructor", "the class, later", "Request, later"])
def test_a_limit_holds_wherever_it_is_set(client_of, monkeypatch, where):
    own = Limiting if where == "its constructor" else type("Own", (Request,), {})
    client = client_of(app_with(read_json, own))
    if where != "its constructor":
        assert client.post("/", data=b"[1]", content_type="application/json").json == [1]
        where = own if where == "the class, later" else Request
        monkeypatch.setattr(where, "max_content_length", 2, raising=False)
    assert client.post("/", data=b"[1]", content_type="application/json").status_code == 413


@pytest.mark.parametrize("name", ["load_body", "max_content_length", "content_length", "stream"])
def test_what_a_request_class_says_of_its_body_is_asked(name):
    class Loading(Request):
        async def load_body(self):
            await super().load_body()
            self.get_data()
            self.__dict__["_cached_data"] = b"[11]"

    class Limited(Request):
        max_content_length = 4

    class Shorter(Request):
        content_length = 4

    class Streaming(Request):
        @property
        def stream(self):
            raise OverflowError

    classes = dict(
        zip(
            ("load_body", "max_content_length", "content_length", "stream"),
            (Loading, Limited, Shorter, Streaming),
            strict=True,
        )
    )
    answers = {"load_body": 200, "max_content_length": 413, "content_length": 200, "stream": 500}
    said = exchange(app_with(read_json, classes[name]), b"[10]?", piece(b"[10]?"))
    assert said[0] == answers[name]
    if name == "load_body":
        assert said[1] == b"[11]\n"
    elif name == "content_length":
        assert said[1] == b"[10]\n"


def test_who_asks_for_a_body_while_it_comes_has_it_too():
    app, seen = app_with(read_json), []

    @app.before_request
    async def begin():
        async def load():
            await request.load_body()
            seen.append(request.get_data())

        seen.append(asyncio.create_task(load()))

    assert exchange(app, b"[1]", piece(b"[1]")) == (200, b"[1]\n")
    assert seen[1:] == [b"[1]"]


def test_a_copy_of_a_context_has_the_body_that_nobody_has_asked_for():
    async def view():
        @copy_current_request_context
        async def later():
            return request.get_json()

        return await asyncio.create_task(later())

    assert exchange(app_with(view), b"[1]", piece(b"[1]")) == (200, b"[1]\n")


def test_what_a_hook_puts_in_the_place_of_the_body_is_read():
    app = app_with(read_json)

    @app.before_request
    async def put():
        from io import BytesIO

        request.environ["wsgi.input"] = BytesIO(b"[10]")
        request.environ["CONTENT_LENGTH"] = "4"

    assert exchange(app, b"[1]", piece(b"[1]")) == (200, b"[10]\n")


# -- the cookie of the session --


def visiting(interface=None):
    app = Cruse(__name__, static_folder=None)
    app.secret_key = "the key of a test"
    if interface is not None:
        app.session_interface = interface

    @app.get("/")
    def view():
        session["visits"] = session.get("visits", 0) + 1
        return str(session["visits"])

    return app


def test_the_cookie_of_a_session_follows_the_settings(client_of):
    app = visiting()
    client = client_of(app)
    app.config.update(
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_PATH="/app",
        SESSION_COOKIE_HTTPONLY=False,
        SESSION_COOKIE_SECURE=True,
    )
    cookie = client.get("/").headers["Set-Cookie"]
    assert "SameSite=Strict" in cookie
    assert "Path=/app" in cookie
    assert "; Secure" in cookie
    assert "HttpOnly" not in cookie
    app.config["SESSION_COOKIE_NAME"] = "other"
    assert client.get("/").headers["Set-Cookie"].startswith("other=")


@pytest.mark.parametrize("where", ["a subclass", "the instance", "the class, later"])
@pytest.mark.parametrize(
    ("method", "told", "attribute"),
    [("get_cookie_path", "/own", "Path=/own"), ("get_cookie_secure", True, "Secure")],
)
def test_an_interface_that_tells_of_its_cookie_by_a_method_is_asked(
    client_of, monkeypatch, where, method, told, attribute
):
    def tell(*arguments):
        return told

    def attributes(*interface):
        return client_of(visiting(*interface)).get("/").headers["Set-Cookie"].split("; ")

    assert attribute not in attributes()
    if where == "a subclass":
        interface = type("Own", (SecureCookieSessionInterface,), {method: tell})()
    else:
        interface = SecureCookieSessionInterface()
        if where == "the instance":
            setattr(interface, method, tell)
        else:
            monkeypatch.setattr(SecureCookieSessionInterface, method, tell)
    assert attribute in attributes(interface)


def test_a_session_that_tells_its_content_by_a_method_of_its_own_is_asked(client_of):
    class Own(SecureCookieSession):
        def items(self):
            return [("visits", self["visits"] * 10)]

    interface = SecureCookieSessionInterface()
    interface.session_class = Own
    client = client_of(visiting(interface))
    assert [client.get("/").text for _ in range(2)] == ["1", "11"]


def test_how_long_a_session_counts_may_be_changed_while_it_runs(client_of):
    app = visiting()
    client = client_of(app)
    assert [client.get("/").text for _ in range(2)] == ["1", "2"]
    for lifetime in (timedelta(seconds=-100), -100):
        app.permanent_session_lifetime = lifetime
        assert client.get("/").text == "1"
    app.permanent_session_lifetime = timedelta(days=1)
    assert client.get("/").text == "2"


def test_a_session_is_as_secure_as_its_request(client_of):
    client = client_of(visiting())
    for url, secure in (("http://localhost", False), ("https://localhost", True)) * 2:
        assert ("; Secure" in client.get("/", base_url=url).headers["Set-Cookie"]) is secure


def test_who_is_told_of_a_change_of_a_session_is_told():
    app, told = visiting(), []

    @app.get("/told")
    def told_view():
        session.on_update = told.append
        session["a"] = 1
        return str(session.modified)

    assert app.test_client().get("/told").text == "False"
    assert len(told) == 1
