"""The environ of a request that arrives on an event loop: whole, in whatever order it is asked."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cruse import Cruse, Request, request
from cruse.context import Context
from cruse.globals import current_context
from tests.faces import client_of

FIELDS = [
    (b"host", b"localhost"),
    (b"accept", b"text/html"),
    (b"content-type", b"text/plain"),
    (b"content-length", b"0"),
    (b"x-name", b"Ada"),
    (b"x_name", b"Mallory"),
    (b"cookie", b"a=1"),
]
ASKED = [
    "REQUEST_METHOD", "PATH_INFO", "SCRIPT_NAME", "QUERY_STRING", "SERVER_NAME", "SERVER_PORT",
    "SERVER_PROTOCOL", "RAW_URI", "REMOTE_ADDR", "REMOTE_PORT", "CONTENT_TYPE", "CONTENT_LENGTH",
    "HTTP_HOST", "HTTP_ACCEPT", "HTTP_X_NAME", "HTTP_X-NAME", "HTTP_CONTENT_TYPE", "HTTP_", "NONE",
    "HTTP_COOKIE", "wsgi.url_scheme", "wsgi.version", "wsgi.errors", "wsgi.early_hints", "X_\xb5",
    "HTTP_X_TWICE", "cruse.access_route",
]  # fmt: skip


@pytest.fixture(params=["asgi", "rsgi"])
def face(request):
    return request.param


def environ_of(face, look, fields=FIELDS):
    """Return what ``look(environ)`` finds in a view."""
    app = Cruse(__name__, static_folder=None)
    found = []

    @app.post("/caf\xe9", inline=True)
    def view():
        found.append(look(request.environ))
        return ""

    with_fields(app, face, lambda given: fields).post("/caf\xe9?q=tea")
    (answer,) = found
    return answer


def with_fields(app, face, change):
    """Return a client whose header fields are changed on their way."""
    client = client_of(app, face)
    inner = app.asgi_app

    async def changed(scope, receive, send):
        if scope["type"] == "http":
            scope["headers"] = change(scope["headers"])
        await inner(scope, receive, send)

    app.asgi_app = changed
    return client


def singly(keys):
    """Ask for each key in one of the ways there are."""

    def look(environ):
        found = {}
        for number, key in enumerate(keys):
            if number % 3 == 0:
                value = environ.get(key)
            elif number % 3 == 1:
                value = environ[key] if key in environ else None  # noqa: SIM401 - another way
            else:
                try:
                    value = environ[key]
                except KeyError:
                    value = None
            if value is not None:
                found[key] = value
        return found

    return look


@settings(max_examples=25)
@given(keys=st.permutations(ASKED), twice=st.booleans())
@pytest.mark.parametrize("one_face", ["asgi", "rsgi"])
def test_single_keys_are_those_of_the_whole(one_face, keys, twice):
    fields = FIELDS + [(b"x-twice", b"a"), (b"x-twice", b"b")] * twice
    whole = environ_of(one_face, dict, fields)
    expected = {key: whole[key] for key in keys if key in whole}
    assert environ_of(one_face, singly(keys), fields) == expected
    assert whole["HTTP_X_NAME"] == "Ada"
    assert whole.get("HTTP_X_TWICE") == ("a,b" if twice else None)


def test_what_is_taken_away_stays_away(face):
    def look(environ):
        del environ["HTTP_ACCEPT"]
        environ.pop("HTTP_X_NAME")
        environ["HTTP_HOST"] = "example.org"
        return environ.get("HTTP_ACCEPT"), environ.get("HTTP_X_NAME"), dict(environ)["HTTP_HOST"]

    assert environ_of(face, look) == (None, None, "example.org")


@pytest.mark.parametrize(
    "whole",
    [
        lambda environ: environ | {},
        lambda environ: {} | environ,
        lambda environ: environ.copy(),
        lambda environ: {**environ},
        lambda environ: dict(environ.items()),
        lambda environ: dict.fromkeys(reversed(environ)),
        lambda environ: dict.fromkeys(environ) if len(environ) > 20 else {},
        lambda environ: eval(repr({k: v for k, v in environ.items() if k[:5] == "HTTP_"})),  # noqa: S307
    ],
)
def test_whoever_takes_all_gets_all(face, whole):
    def look(environ):
        environ.get("CONTENT_TYPE")  # one key is there, and others are not
        return whole(environ)

    assert "HTTP_ACCEPT" in environ_of(face, look)


def test_a_server_that_sends_capitals_is_understood():
    app = Cruse(__name__)

    @app.get("/", inline=True)
    def index():
        return request.headers.get("X-Name", "none")

    client = with_fields(app, "asgi", lambda given: [(n.title(), value) for n, value in given])
    assert client.get("/", headers={"X-Name": "Ada"}).text == "Ada"


class LookingContext(Context):
    """One that looks into its environ when it is made."""

    def __init__(self, app, environ=None):
        super().__init__(app, environ)
        self.language = None if environ is None else environ["HTTP_ACCEPT_LANGUAGE"]
        self.same = environ is self.environ


@pytest.mark.parametrize("way", ["wsgi", "asgi", "rsgi"])
def test_a_context_class_may_look_into_the_environ(way):
    app = Cruse(__name__, static_folder=None)
    app.add_url_rule("/", "view", lambda: f"{current_context().language} {current_context().same}")
    client = client_of(app, way)
    app.context_class = LookingContext
    assert client.get("/", headers={"Accept-Language": "de"}).text == "de True"


@pytest.mark.parametrize("way", ["wsgi", "asgi", "rsgi"])
@pytest.mark.parametrize("context_class", [Context, LookingContext])
def test_a_context_and_its_request_have_one_environ(way, context_class):
    app = Cruse(__name__, static_folder=None)
    app.context_class = context_class

    @app.get("/")
    def view():
        ctx = current_context()
        ctx.environ["HTTP_X_SEEN"] = "yes"  # before there is a request
        return f"{request.headers['X-Seen']} {request.environ is ctx.environ}"

    answer = client_of(app, way).get("/", headers={"Accept-Language": "de"})
    assert answer.text == "yes True"


WAYS = ["wsgi", "asgi", "rsgi"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("whose", ["context", "request", "new"])
def test_a_query_and_a_type_are_read_from_an_environ_that_was_changed(way, whose):
    app = Cruse(__name__, static_folder=None)

    @app.before_request
    def change():
        ctx = current_context()
        if whose == "new":
            request.environ = {**request.environ}
        environ = ctx.environ if whose == "context" else request.environ
        environ["QUERY_STRING"] = "q=changed"
        environ["CONTENT_TYPE"] = "text/changed"

    app.post("/")(lambda: f"{request.args['q']} {request.mimetype}")
    assert client_of(app, way).post("/?q=tea", json=1).text == "changed text/changed"


@pytest.mark.parametrize("way", WAYS)
def test_what_is_read_first_does_not_change_the_environ(way):
    app = Cruse(__name__, static_folder=None)

    @app.post("/")
    def view():
        read = request.args["q"], request.mimetype, request.get_json()
        environ = request.environ
        told = environ["QUERY_STRING"], environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]
        own = environ is current_context().environ
        return [read, told, own, environ["werkzeug.request"] is request._get_current_object()]

    assert client_of(app, way).post("/?q=tea", json=1).json == [
        ["tea", "application/json", 1],
        ["q=tea", "application/json", "1"],
        True,
        True,
    ]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("early", [True, False])
def test_a_request_that_is_kept_has_its_environ_and_no_way_back(way, early):
    app, kept = Cruse(__name__, static_folder=None), []

    @app.get("/")
    def view():
        kept.append((request._get_current_object(), early and request.environ))
        return request.args["q"]

    assert client_of(app, way).get("/?q=tea", headers={"X-Name": "Ada"}).text == "tea"
    ((made, environ),) = kept
    assert made.environ["QUERY_STRING"] == "q=tea"
    assert made.environ["HTTP_X_NAME"] == made.headers["X-Name"] == "Ada"
    assert made.environ["werkzeug.request"] is None
    assert not early or made.environ is environ
    assert made.endpoint == "view"


@pytest.mark.parametrize("way", WAYS)
def test_a_request_class_may_keep_the_environ_in_its_own_way(way):
    class Own(Request):
        @property
        def environ(self):
            return self.kept

        @environ.setter
        def environ(self, environ):
            self.kept = {**environ, "QUERY_STRING": "q=own", "CONTENT_TYPE": "text/own"}

    app = Cruse(__name__, static_folder=None)
    app.request_class = Own
    app.get("/")(lambda: f"{request.args['q']} {request.mimetype}")
    assert client_of(app, way).get("/?q=tea").text == "own text/own"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("first", ["context", "request"])
@pytest.mark.parametrize("later", [True, False])
def test_a_context_and_its_request_share_an_environ_that_is_made_late(way, first, later):
    app, seen = Cruse(__name__, static_folder=None), []

    def look(made):
        context = current_context()
        one, other = (context, made) if first == "context" else (made, context)
        one.environ["mark"] = "set"
        seen.append((other.environ is one.environ, other.environ["mark"]))
        return "seen"

    @app.get("/")
    def view():
        made = request._get_current_object()
        return (look(each) for each in [made]) if later else look(made)

    assert client_of(app, way).get("/").text == "seen"
    assert seen == [(True, "set")]


@pytest.mark.parametrize("way", WAYS)
def test_a_request_class_may_look_into_the_environ_before_it_is_made(way):
    class Mine(Request):
        def __new__(cls, environ, *args):
            made = super().__new__(cls)
            made.tenant = environ["HTTP_HOST"].partition(".")[0]
            return made

    app = Cruse(__name__, static_folder=None)
    app.request_class = Mine
    app.get("/")(lambda: request.tenant)
    assert client_of(app, way).get("/").text == "localhost"


@pytest.mark.parametrize("way", WAYS)
def test_a_request_class_may_be_a_function(way):
    app, given = Cruse(__name__, static_folder=None), []

    def make(environ):
        given.append(environ)
        return Request(environ)

    app.request_class = make
    app.get("/")(lambda: f"{request.args['q']} {request.environ is given[0]}")
    assert client_of(app, way).get("/?q=tea").text == "tea True"
