"""The short ways that most requests take, and that they are left where somebody has their own."""

import copy
import os
import pickle
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import (
    BadRequest,
    BadRequestKeyError,
    HTTPException,
    ImATeapot,
    NotFound,
)

from cruse import (
    Cruse,
    EventStream,
    Request,
    Response,
    app_ctx,
    g,
    inline,
    request,
    session,
    websocket,
)
from cruse.context import Context
from cruse.formparser import FormParser
from cruse.signals import (
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    request_finished,
    request_started,
    request_tearing_down,
)
from tests.faces import FACES
from tests.faces import client_of as face_client


@pytest.fixture(params=["wsgi", "asgi"])
def client_of(request):
    return lambda app: app.test_client(gateway=request.param)


def app_with(view, rule="/", **options):
    app = Cruse(__name__)
    app.add_url_rule(rule, "view", view, **options)
    return app


# -- the way to the view --


def test_a_context_with_its_own_match_is_asked(client_of):
    class Everything(Context):
        def match_request(self):
            self.path = "/known"
            super().match_request()

    app = app_with(lambda: "found", "/known")
    assert client_of(app).get("/other").status_code == 404
    app.context_class = Everything
    assert client_of(app).get("/other").text == "found"


def test_an_application_with_its_own_push_is_asked(client_of):
    class Counting(Cruse):
        def context_pushed(self, ctx):
            super().context_pushed(ctx)
            if ctx.has_request:
                ctx.g.pushed = True

    app = Counting(__name__)
    app.add_url_rule("/", "view", lambda: str(g.pushed))
    assert client_of(app).get("/").text == "True"


@pytest.mark.parametrize("where", ["class", "instance"])
def test_what_finds_the_route_can_be_replaced(client_of, where):
    class Own(Cruse):
        pass

    app = Own(__name__)
    app.add_url_rule("/known", "view", lambda: "found")
    assert client_of(app).get("/other").status_code == 404

    def match(*given):
        given[-1].path = "/known"
        Cruse.match_request(app, given[-1])

    if where == "class":
        Own.match_request = match
        app.secret_key = "a change of the application, which looks at its class again"
    else:
        app.match_request = match
    assert client_of(app).get("/other").text == "found"


def test_a_context_with_a_constructor_of_its_own_is_made_by_that(client_of):
    class Numbered(Context):
        def __init__(self, app, environ=None):
            super().__init__(app, environ)
            self.number = 7

    app = app_with(lambda: f"{app_ctx.number} {request.path}")
    app.context_class = Numbered
    assert client_of(app).get("/").text == "7 /"


def test_a_context_may_be_made_of_a_request_and_a_session():
    app = app_with(lambda: "")
    made = app.request_class(
        {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.url_scheme": "http"}
    )
    kept = {"name": "Ada"}
    with Context(app, made.environ, made, kept):
        assert (request.path, session["name"]) == ("/", "Ada")
        assert request._get_current_object() is made


@pytest.mark.parametrize("value", ["text", b"bytes", {"a": 1}, [1]])
def test_a_constructor_of_responses_that_is_replaced_is_called(client_of, monkeypatch, value):
    usual = Response.__init__

    def marked(self, response=None, *args, **kwargs):
        usual(self, response, *args, **kwargs)
        self.headers["X-Marked"] = "yes"

    client = client_of(app_with(lambda: value))
    plain = client.get("/")
    monkeypatch.setattr(Response, "__init__", marked)
    answer = client.get("/")
    assert (answer.headers["X-Marked"], answer.data) == ("yes", plain.data)


@pytest.mark.parametrize("value", ["text", b"bytes", {"a": 1}, [1]])
def test_a_constructor_that_is_put_in_place_may_take_less(client_of, monkeypatch, value):
    usual = Response.__init__

    def by_name(self, response=None, status=None, headers=None, **more):
        usual(self, response, status, headers, **more)
        self.headers["X-Marked"] = "yes"

    client = client_of(app_with(lambda: value))
    monkeypatch.setattr(Response, "__init__", by_name)
    assert client.get("/").headers["X-Marked"] == "yes"
    assert client.get("/nowhere").status_code == 404


@pytest.mark.parametrize("value", ["text", b"bytes", {"a": 1}, [1]])
def test_a_response_class_is_asked_that_has_its_own_constructor_or_status(client_of, value):
    class Marked(Response):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.headers["X-Marked"] = "yes"

    class Known(Response):
        known = False

        def __new__(cls, *args, **kwargs):
            made = super().__new__(cls)
            made.known = True
            return made

    class Created(Response):
        default_status = 201

    known = []
    app = app_with(lambda: value)
    plain = client_of(app).get("/")
    app.response_class = Known
    with request_finished.connected_to(lambda app, response: known.append(response.known), app):
        assert client_of(app).get("/").data == plain.data
    assert known == [True]
    app.response_class = Marked
    marked = client_of(app).get("/")
    assert (marked.headers["X-Marked"], marked.data) == ("yes", plain.data)
    assert marked.content_type == plain.content_type
    app.response_class = Created
    created = client_of(app).get("/")
    assert (created.status_code, created.data) == (201, plain.data)
    assert created.content_type == plain.content_type


def test_who_listens_later_is_told(client_of):
    app = app_with(lambda: "")
    told = []
    client_of(app).get("/")

    def note(signal):
        return lambda sender, **more: told.append(signal.name)

    signals = [
        *(appcontext_pushed, request_started, request_finished),
        *(request_tearing_down, appcontext_tearing_down, appcontext_popped),
    ]
    receivers = [(signal, note(signal)) for signal in signals]
    for signal, receiver in receivers:
        signal.connect(receiver, app)
    client_of(app).get("/")
    for signal, receiver in receivers:
        signal.disconnect(receiver, app)
    client_of(app).get("/")
    assert told == [signal.name for signal in signals]


@pytest.mark.parametrize("where", ["class", "instance"])
def test_what_raises_the_errors_of_routing_can_be_replaced(client_of, where):
    def raise_teapot(*given):
        raise ImATeapot(f"for {given[-1].path}")

    class Teapots(Cruse):
        raise_routing_exception = raise_teapot

    app = app_with(lambda: "view")
    assert client_of(app).get("/nowhere").status_code == 404
    if where == "class":
        app = Teapots(__name__)
    else:
        app.raise_routing_exception = raise_teapot
    response = client_of(app).get("/nowhere")
    assert response.status_code == 418
    assert "for /nowhere" in response.text


@pytest.mark.parametrize("where", ["class", "instance", "setting"])
@pytest.mark.parametrize(("path", "usual"), [("/nowhere", 404), ("/post", 405)])
def test_what_traps_the_errors_of_routing_can_be_replaced(client_of, where, path, usual):
    def trap(*given):
        return given[-1].code == usual

    class Trapping(Cruse):
        pass

    app = Trapping(__name__)
    app.add_url_rule("/post", "post", lambda: "", methods=["POST"])
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.logger.disabled = True
    assert client_of(app).get(path).status_code == usual
    if where == "class":
        Trapping.trap_http_exception = trap
    elif where == "instance":
        app.trap_http_exception = trap
    else:
        app.config["TRAP_HTTP_EXCEPTIONS"] = True
    assert client_of(app).get(path).status_code == 500
    app.logger.disabled = False


@pytest.mark.parametrize("path", ["/nowhere", "/post"])
def test_a_handler_that_comes_later_is_asked_for_the_errors_of_routing(client_of, path):
    app = app_with(lambda: "", "/post", methods=["POST"])
    assert client_of(app).get(path).status_code in (404, 405)
    app.error_handler_spec[None][None][HTTPException] = lambda error: (f"mine: {error.code}", 400)
    assert client_of(app).get(path).text.startswith("mine: 40")


@pytest.mark.parametrize("method", ["get_body", "get_response", "get_headers"])
def test_a_page_that_was_made_before_does_not_outlive_the_version_it_is_of(
    client_of, monkeypatch, method
):
    app = app_with(lambda: "view")
    usual = client_of(app).get("/nowhere")
    own = {
        "get_body": lambda *given: "own",
        "get_response": lambda *given: Response("own", 404, {"X-Own": "1"}),
        "get_headers": lambda *given: [("X-Own", "1")],
    }
    monkeypatch.setattr(NotFound, method, own[method])
    response = client_of(app).get("/nowhere")
    assert response.text == (usual.text if method == "get_headers" else "own")
    assert response.headers.get("X-Own") == (None if method == "get_body" else "1")
    monkeypatch.undo()
    assert client_of(app).get("/nowhere").text == usual.text


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("code", 410, (410, False, "410 Gone")),
        ("description", "It was here.", (404, False, "It was here.")),
        ("response", Response("own", 200), (200, True, "own")),
    ],
)
def test_what_an_error_was_given_is_in_its_answer(client_of, name, value, found):
    client_of(app_with(lambda: "view")).get("/nowhere")  # its page is known from now on
    app = app_with(lambda: "view")

    @app.before_request
    def give():
        setattr(request.routing_exception, name, value)

    response = client_of(app).get("/nowhere")
    status, whole, text = found
    assert response.status_code == status
    assert response.text == text if whole else text in response.text


def test_hooks_see_the_error_of_routing_and_may_take_it_away(client_of):
    app = app_with(lambda: "view")
    seen = []

    @app.before_request
    def look():
        seen.append(type(request.routing_exception))
        if request.args:
            request.routing_exception = NotFound("not that one")

    assert client_of(app).get("/nowhere").status_code == 404
    assert "not that one" in client_of(app).get("/?lost=1").text
    assert client_of(app).get("/").text == "view"
    assert seen == [NotFound, type(None), type(None)]


@pytest.mark.parametrize("path", ["/", "/nowhere"])
def test_an_answer_asks_for_the_version_of_its_headers_that_it_was_given(client_of, path):
    def view():
        session["seen"] = True
        return "view"

    app = app_with(view)
    app.secret_key = "key"

    @app.after_request
    def mark(response):
        def get_wsgi_headers(environ):
            headers = Response.get_wsgi_headers(response, environ)
            headers["X-Path"] = environ["PATH_INFO"]
            return headers

        response.get_wsgi_headers = get_wsgi_headers
        return response

    headers = client_of(app).get(path).headers
    assert headers["X-Path"] == path
    assert ("Set-Cookie" in headers) is (path == "/")


def test_an_error_page_has_its_own_copy_of_what_was_sent_before(client_of):
    app = app_with(lambda: "view")
    app.secret_key = "key"

    @app.after_request
    def add(response):
        if "cookie" in request.args:
            session["seen"] = True
        elif "header" in request.args:
            response.headers["X-One"] = "1"
            response.vary.add("Origin")
        return response

    for query in ("", "?cookie", "?header", ""):
        headers = client_of(app).get(f"/nowhere{query}").headers
        vary = {"?cookie": {"accept", "cookie"}, "?header": {"accept", "origin"}}
        names = ", ".join(headers.getlist("Vary")).lower().split(", ")
        assert sorted(names) == sorted(vary.get(query, {"accept"}))
        assert ("X-One" in headers, "Set-Cookie" in headers) == (
            query == "?header",
            query == "?cookie",
        )


@pytest.mark.parametrize(("mimetype", "body"), [("text/html", "a"), ("text/plain", "bc")])
def test_the_head_of_a_plain_answer_is_its_own(client_of, mimetype, body):
    app = app_with(lambda: Response(request.args["body"], mimetype=request.args["type"]))
    for sent in ("", body, 9 * body):
        response = client_of(app).get("/", query_string={"body": sent, "type": mimetype})
        assert response.text == sent
        assert response.content_length == len(sent)
        assert response.headers.getlist("Content-Type") == [f"{mimetype}; charset=utf-8"]


class WithOwnFields(Response):
    def get_wsgi_headers(self, environ):
        headers = super().get_wsgi_headers(environ)
        headers["X-Own"] = "yes"
        return headers


def keep_this(app):
    """Touch nothing."""


def look(app):
    app.after_request(lambda response: response if response.headers else None)


def have_own_class(app):
    app.response_class = WithOwnFields


def vary_by_default(app):
    app.config["SECURITY_HEADERS"] = {**app.config["SECURITY_HEADERS"], "Vary": "Origin"}


def replace_the_body(app):
    @app.after_request
    def replace(response):
        response.data = "another, longer body"
        return response


@pytest.mark.parametrize(
    "change", [keep_this, look, have_own_class, vary_by_default, replace_the_body]
)
@pytest.mark.parametrize("path", ["/", "/nowhere"])
def test_what_an_answer_varies_by_is_there_once_whatever_else_is_done(client_of, path, change):
    def view():
        session["seen"] = True
        return "body"

    app = app_with(view)
    app.secret_key = "key"
    change(app)
    response = client_of(app).get(path)
    headers = response.headers
    assert headers.getlist("Vary") == ["Cookie" if path == "/" else "Accept"]
    assert len(headers.getlist("Set-Cookie")) == (path == "/")
    assert headers.getlist("Content-Length") == [str(len(response.data))]
    assert headers.getlist("Content-Type") == ["text/html; charset=utf-8"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert ("X-Own" in headers) is (change is have_own_class)


def test_an_error_page_that_looked_into_the_session_varies_by_both(client_of):
    app = app_with(lambda: "view")
    app.secret_key = "key"

    @app.before_request
    def count():
        session["seen"] = True

    response = client_of(app).get("/nowhere")
    assert response.vary.as_set() == {"accept", "cookie"}
    assert response.headers.getlist("Set-Cookie")


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_has_its_cookie_and_no_length(client_of, status):
    def view():
        session["seen"] = True
        return "", status

    app = app_with(view)
    app.secret_key = "key"
    headers = client_of(app).get("/").headers
    assert headers["Vary"] == "Cookie"
    assert headers["Set-Cookie"]
    assert "Content-Length" not in headers


def test_middleware_may_add_to_the_head_of_one_answer():
    app = app_with(lambda: "view")
    inner, served = app.asgi_app, []

    async def middleware(scope, receive, send):
        async def send_more(message):
            if message["type"] == "http.response.start":
                served.append(scope)
                message["headers"].append((b"x-served", str(len(served)).encode()))
            await send(message)

        await inner(scope, receive, send_more)

    app.asgi_app = middleware
    client = app.test_client(gateway="asgi")
    for number in ("1", "2"):
        assert client.get("/").headers.getlist("X-Served") == [number]


def test_a_handshake_is_answered_with_the_fields_of_its_class():
    class Marked(Response):
        def get_wsgi_headers(self, environ):
            headers = super().get_wsgi_headers(environ)
            headers["X-Marked"] = "yes"
            return headers

    app = Cruse(__name__)

    @app.websocket("/ws")
    async def talk():
        await websocket.send("hello")

    client = app.test_client(gateway="asgi")
    for response_class, mark in ((Response, None), (Marked, "yes")):
        app.response_class = response_class
        with client.websocket("/ws") as connection:
            assert connection.receive() == "hello"
            assert connection.headers.get("X-Marked") == mark


def test_middleware_and_mounts_that_come_later_are_met():
    app = app_with(lambda: "view")
    client = app.test_client()
    assert client.get("/").text == "view"

    def middleware(environ, start_response, inner=app.wsgi_app):
        environ["PATH_INFO"] = "/"
        return inner(environ, start_response)

    assert client.get("/away").status_code == 404
    app.wsgi_app = middleware
    assert client.get("/away").text == "view"


def test_the_first_of_a_context_is_kept_and_can_be_replaced():
    app = app_with(lambda: "")
    with app.test_request_context("/a?x=1") as ctx:
        assert request.args["x"] == "1"
        assert ctx.request is request._get_current_object()
        ctx.request = other = Request({"QUERY_STRING": "x=2"})
        assert ctx.request is other
        assert request.args["x"] == "2"
        assert not hasattr(ctx, "nothing_of_that_name")


# -- what is read --


class Upper(FormParser):
    def parse(self, *args, **kwargs):
        stream, form, files = super().parse(*args, **kwargs)
        return stream, ImmutableMultiDict((k, v.upper()) for k, v in form.items()), files


def test_a_form_parser_of_ones_own_reads_urlencoded_forms(client_of):
    class OwnRequest(Request):
        form_data_parser_class = Upper

    app = app_with(lambda: request.form["name"], methods=["POST"])
    assert client_of(app).post("/", data={"name": "Ada"}).text == "Ada"
    app.request_class = OwnRequest
    assert client_of(app).post("/", data={"name": "Ada"}).text == "ADA"


def test_a_query_string_of_ones_own_is_parsed(client_of):
    class OwnRequest(Request):
        query_string = b"a=of+mine"

    app = app_with(lambda: request.args["a"])
    assert client_of(app).get("/?a=sent+b%C3%BC").text == "sent bü"
    app.request_class = OwnRequest
    assert client_of(app).get("/?a=sent").text == "of mine"


@given(st.lists(st.sampled_from([*"%\\xuN{}'40aF é日", "%D0%9F", "%c3%a9", "%26"])).map("".join))
def test_percent_signs_are_read_as_python_reads_them(text):
    sent = text.encode("utf-8").decode("latin-1")
    read = Request({"QUERY_STRING": f"a={sent}&{sent}=b"})
    try:
        value = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        with pytest.raises(BadRequest):
            read.args  # noqa: B018 - it is read here
    else:
        assert list(read.args.items(multi=True)) == [("a", value), (value, "b")]


def test_what_was_sent_is_in_a_dictionary_of_werkzeug_s():
    sent = Request({"QUERY_STRING": "a=1&b=x&a=2", "HTTP_COOKIE": "c=3"})
    assert isinstance(sent.args, ImmutableMultiDict)
    assert sent.args == ImmutableMultiDict([("a", "1"), ("b", "x"), ("a", "2")])
    assert repr(sent.args) == "ImmutableMultiDict([('a', '1'), ('a', '2'), ('b', 'x')])"
    assert (sent.args["a"], sent.args.get("a"), sent.args.get("no", 7)) == ("1", "1", 7)
    assert (sent.args.get("a", type=int), sent.args.get("b", default=0, type=int)) == (1, 0)
    assert sent.args.getlist("a", type=int) == [1, 2]
    assert sent.cookies["c"] == "3"
    with pytest.raises(BadRequestKeyError) as caught:
        sent.args["no"]
    assert caught.value.args == ("no",)
    with pytest.raises(TypeError):
        sent.args["a"] = "4"
    assert {sent.args: "it can be a key"}[ImmutableMultiDict(sent.args)]
    for same in (copy.copy(sent.args), copy.deepcopy(sent.args), sent.args.copy()):
        assert same.to_dict(flat=False) == {"a": ["1", "2"], "b": ["x"]}
    kept = pickle.dumps(sent.args)
    assert b"cruse" not in kept  # whoever reads it may have another version
    assert pickle.loads(kept) == sent.args  # noqa: S301 - it was made here


def test_a_dictionary_that_finds_its_values_otherwise_is_asked():
    class Anyhow(Request.parameter_storage_class):
        def __getitem__(self, key):
            return super().__getitem__(key.lower())

    class Guessing(Anyhow):
        def get(self, key, default="a guess", type=None):
            return super().get(key, default, type)

    args = {}
    for cls in (Anyhow, Guessing):
        request_class = type("OwnRequest", (Request,), {"parameter_storage_class": cls})
        args[cls] = request_class({"QUERY_STRING": "a=1"}).args
        assert args[cls]["A"] == args[cls].get("A") == "1"
    assert (args[Anyhow].get("B"), args[Guessing].get("B")) == (None, "a guess")


@pytest.mark.parametrize(
    "sent",
    [b'{"a": [1]}', b' {"a": [1]}\n', '{"a": [1]}'.encode("utf-16"), b'\xef\xbb\xbf{"a": [1]}'],
)
def test_json_is_read_whatever_is_around_it_and_in_each_of_its_encodings(client_of, sent):
    app = app_with(lambda: request.get_json(), methods=["POST"])
    answer = client_of(app).post("/", data=sent, content_type="application/json")
    assert answer.json == {"a": [1]}


@pytest.mark.parametrize("sent", [b"", b"{", b'{"a": 1} x', b'"\xff"', b"[" * 9999])
def test_what_is_no_json_is_refused(client_of, sent):
    app = app_with(lambda: request.get_json(), methods=["POST"])
    answer = client_of(app).post("/", data=sent, content_type="application/json; charset=utf-8")
    assert answer.status_code == 400


def test_fields_are_found_that_an_async_server_does_not_name_in_lower_case():
    def named(scope, receive, send):
        fields = [(name.title() if app.shouts else name, v) for name, v in scope["headers"][1:]]
        return inner({**scope, "headers": [(b"host", b"localhost"), *fields]}, receive, send)

    app = app_with(lambda: request.headers.get("X-Name", "none"))
    inner, app.asgi_app = app.asgi_app, named
    client = app.test_client(gateway="asgi")
    for app.shouts in (False, True, False):
        assert client.get("/").text == "none"
        assert client.get("/", headers={"X-Name": "Ada"}).text == "Ada"


# -- what is sent --


def test_a_response_with_an_end_of_its_own_is_closed(client_of):
    closed = []

    class Closing(Response):
        def close(self):
            closed.append(True)
            super().close()

    app = app_with(lambda: Closing("text"))
    with client_of(app).get("/") as answer:
        assert answer.text == "text"
    assert closed == [True]


def test_headers_of_a_response_are_those_of_werkzeug():
    headers = Response("text").headers
    headers["X-New"] = "1"
    headers["x-new"] = "2"
    headers["X-Number"] = 3
    assert headers.getlist("X-New") == ["2"]
    assert headers["X-Number"] == "3"
    assert repr(headers).startswith("Headers([('Content-Type'")
    kept = pickle.dumps(headers)  # caches keep whole responses
    assert pickle.loads(kept) == headers  # noqa: S301 - it was made here
    with pytest.raises(ValueError, match="newline"):
        headers["X-Broken"] = "a\r\nb"


def test_a_stream_may_say_how_it_is_encoded(client_of):
    class Shouting(Response):
        def iter_encoded(self):
            return (piece.upper().encode() for piece in self.response)

    app = app_with(lambda: Shouting(iter(["a", "b"])))
    assert client_of(app).get("/").text == "AB"


def test_siblings_that_come_later_are_found(tmp_path, client_of):
    (tmp_path / "app.css").write_text("plain")
    os.utime(tmp_path, (1, 1))  # nothing has come into the folder for long
    app = Cruse(__name__, static_folder=tmp_path, static_url_path="/static")
    client = client_of(app)
    accepting = {"Accept-Encoding": "gzip"}
    for _ in range(2):
        assert client.get("/static/app.css", headers=accepting).text == "plain"
    (tmp_path / "app.css.gz").write_bytes(b"compressed")
    os.utime(tmp_path / "app.css.gz", (2**31, 2**31))
    assert client.get("/static/app.css", headers=accepting).data == b"compressed"


def test_a_request_class_with_a_constructor_of_its_own_is_called_with_the_environ(client_of):
    class Own(Request):
        def __init__(self, environ):
            super().__init__(environ)
            self.own = "its own"

    app = app_with(lambda: request.own)
    app.request_class = Own
    assert client_of(app).get("/").text == "its own"


def test_a_constructor_of_requests_that_is_replaced_is_called(client_of, monkeypatch):
    made, init = [], Request.__init__

    def noting(self, environ, *args):
        made.append(environ["PATH_INFO"])
        init(self, environ, *args)

    app = app_with(lambda: request.path)
    client = client_of(app)
    assert client.get("/").text == "/"
    monkeypatch.setattr(Request, "__init__", noting)
    assert client.get("/").text == "/"
    assert "/" in made


def test_a_proxy_has_the_names_of_what_it_stands_for_and_a_few_of_its_own(client_of):
    def view():
        g.name = "of g"
        return {
            "touched": request.path,
            "class": isinstance(request, Request),
            "dict": "environ" in request.__dict__,
            "doc": g.__doc__,
            "real": request._get_current_object() is app_ctx.request,
            "g": [g.name, g.get("none", "default"), hasattr(g, "none")],
        }

    assert client_of(app_with(view)).get("/").json == {
        "touched": "/",
        "class": True,
        "dict": True,
        "doc": "Stands for the current g.",
        "real": True,
        "g": ["of g", "default", False],
    }
    with pytest.raises(RuntimeError, match="outside of request context"):
        request.path  # noqa: B018 - it is asked for what it stands for
    assert not hasattr(request, "__wrapped__")


def test_a_request_tells_the_errors_of_its_own_properties(client_of):
    class Own(Request):
        @property
        def broken(self):
            return self.no_such_name

    def view():
        try:
            return request.broken
        except AttributeError as error:
            return str(error)

    app = app_with(view)
    app.request_class = Own
    assert "no_such_name" in client_of(app).get("/").text


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ([], "text/html"),
        ([("Accept", "*/*")], "text/html"),
        ([("Accept", "*/*"), ("Accept", "application/json")], "application/problem+json"),
        ([("Accept", "application/json")], "application/problem+json"),
        ([("Accept", "*/*"), ("Content-Type", "application/json")], "application/problem+json"),
        ([("Content-Type", "text/plain")], "text/html"),
    ],
    ids=str,
)
@pytest.mark.parametrize("face", FACES)
def test_an_error_is_answered_as_the_client_wants_it_whoever_looked_before(face, headers, kind):
    app = app_with(lambda: "found", "/known")

    @app.before_request
    @inline
    def look():
        if "look" in request.args:
            request.headers.get("Accept")

    client = face_client(app, face)
    for url in ("/nowhere", "/nowhere?look", "/nowhere"):
        answer = client.get(url, headers=headers)
        assert (answer.status_code, answer.mimetype) == (404, kind)
        assert answer.headers["Vary"] == "Accept"


def test_what_a_hook_puts_in_the_place_of_accept_decides(client_of):
    app = app_with(lambda: "found", "/known")

    @app.before_request
    @inline
    def prefer():
        app_ctx.environ["HTTP_ACCEPT"] = "application/json"

    assert client_of(app).get("/nowhere").mimetype == "application/problem+json"


def test_error_pages_are_of_the_own_response_class(client_of):
    class Own(Response):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.headers["X-Own"] = str(self.status_code)

    app = Cruse(__name__)
    assert "X-Own" not in client_of(app).get("/nowhere").headers
    app.response_class = Own
    assert client_of(app).get("/nowhere").headers["X-Own"] == "404"


def test_an_error_with_a_status_of_its_own_is_answered_with_that(client_of):
    class Own(ImATeapot):
        code = 499

    def view():
        raise Own

    assert client_of(app_with(view)).get("/").status_code == 499


def test_a_session_is_saved_whatever_waits_around_it(client_of):
    """Hooks of both colours, those of one request, and who listens to the end of it."""
    app = app_with(lambda: "done")
    app.secret_key = "the key of a test"
    seen = []

    async def view():
        session["visits"] = session.get("visits", 0) + 1
        return str(session["visits"])

    app.add_url_rule("/async", "async", view)
    app.add_url_rule("/plain", "plain", lambda: str(session.setdefault("plain", 1)))
    client = client_of(app)
    assert [client.get("/async").text, client.get("/plain").text] == ["1", "1"]

    async def after(response):
        response.headers["X-After"] = "1"
        return response

    app.after_request_funcs[None].append(after)

    def note(sender, response):
        seen.append(response.status_code)

    with request_finished.connected_to(note, app):
        answer = client.get("/async")
    assert (answer.text, answer.headers["X-After"], seen) == ("2", "1", [200])
    assert client.get("/async").text == "3"


def test_a_stream_of_events_has_the_default_status_that_somebody_sets(monkeypatch):
    assert EventStream(iter(())).status == "200 OK"
    monkeypatch.setattr(EventStream, "default_status", 202)
    assert EventStream(iter(())).status == "202 ACCEPTED"
