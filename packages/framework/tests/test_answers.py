"""What views may return, redirects, errors on purpose, URLs and default headers."""

import dataclasses
import uuid
from datetime import UTC, datetime

import pytest
from werkzeug.exceptions import NotFound
from werkzeug.routing import BaseConverter, BuildError
from werkzeug.wrappers import Response as WerkzeugResponse

from cruse import (
    Cruse,
    Response,
    abort,
    after_this_request,
    make_response,
    redirect,
    request,
    stream_with_context,
    url_for,
)


@dataclasses.dataclass
class Point:
    x: int
    when: datetime


def plain_wsgi(environ, start_response):
    start_response("418 I'M A TEAPOT", [("Content-Type", "text/plain")])
    return [b"short and stout"]


@pytest.fixture
def app():
    return Cruse(__name__, static_folder=None)


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()


HTML = "text/html; charset=utf-8"


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize(
    ("value", "status", "content_type", "data"),
    [
        ("ä", 200, HTML, "ä".encode()),
        (b"b", 200, HTML, b"b"),
        (bytearray(b"b"), 200, HTML, b"b"),
        ("", 200, HTML, b""),
        ({"a": 1}, 200, "application/json", b'{"a":1}\n'),
        ([1, None], 200, "application/json", b"[1,null]\n"),
        (("x", 201), 201, HTML, b"x"),
        (("x", "404 Gone Fishing"), 404, HTML, b"x"),
        (("x", {"Content-Type": "text/plain"}), 200, "text/plain", b"x"),
        (("x", 202, [("X-A", "1")]), 202, HTML, b"x"),
        ((b"x", 200), 200, HTML, b"x"),
        (Response("r", 203, mimetype="text/css"), 203, "text/css; charset=utf-8", b"r"),
        ((Response("r", mimetype="text/css"), 404), 404, "text/css; charset=utf-8", b"r"),
        (WerkzeugResponse("w", content_type="text/x"), 200, "text/x", b"w"),
        (plain_wsgi, 418, "text/plain", b"short and stout"),
        (
            Point(1, datetime(2026, 1, 2, tzinfo=UTC)),
            200,
            "application/json",
            b'{"when":"2026-01-02T00:00:00+00:00","x":1}\n',
        ),
    ],
)
def test_a_view_may_return(app, client, kind, value, status, content_type, data):
    async def from_async():
        return value

    app.add_url_rule("/", "index", from_async if kind == "async" else lambda: value)
    response = client.get("/")
    assert (response.status_code, response.content_type, response.data) == (
        status, content_type, data,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "view of 'index' returned None"),
        (True, "type 'bool'"),
        (7, "type 'int'"),
        ((), "tuple of 0 items"),
        (("a",), "tuple of 1 items"),
        (("a", 200, {}, 4), "tuple of 4 items"),
        ((None, 200), "returned None"),
        ({1, 2}, "type 'set'"),
    ],
)
def test_anything_else_is_a_type_error_that_names_the_view(app, client, value, message):
    app.testing = True
    app.add_url_rule("/", "index", lambda: value)
    with pytest.raises(TypeError, match=message):
        client.get("/")


def test_every_response_has_the_security_headers_unless_it_says_otherwise(app, client):
    app.add_url_rule("/", "index", lambda: "x")
    app.add_url_rule("/own", "own", lambda: ("x", {"X-Frame-Options": "DENY"}))
    headers = client.get("/").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert client.get("/own").headers.getlist("X-Frame-Options") == ["DENY"]
    assert client.get("/nowhere").headers["X-Content-Type-Options"] == "nosniff"


def test_the_security_headers_can_be_changed_and_switched_off(app, client):
    app.config["SECURITY_HEADERS"] = {"X-Own": "1", "X-Frame-Options": None}
    app.add_url_rule("/", "index", lambda: "x")
    headers = client.get("/").headers
    assert headers["X-Own"] == "1"
    assert "X-Frame-Options" not in headers
    assert "X-Content-Type-Options" not in headers


def test_redirects_make_the_browser_get_the_location(app, client):
    app.add_url_rule("/", "index", lambda: redirect("/ä?b=c"))
    app.add_url_rule("/keep", "keep", lambda: redirect("/", 307))
    response = client.get("/")
    assert (response.status_code, response.location) == (303, "/%C3%A4?b=c")
    assert client.get("/keep").status_code == 307


@pytest.mark.parametrize("evil", ["/\r\nX-Evil: 1", "/\nX-Evil: 1"])
def test_a_redirect_does_not_let_headers_in(app, client, evil):
    app.add_url_rule("/", "index", lambda: redirect(evil))
    assert "X-Evil" not in client.get("/").headers


def test_abort_raises_the_error_of_a_status(app, client):
    app.add_url_rule("/", "index", lambda: abort(404, "no such thing"))
    response = client.get("/")
    assert response.status_code == 404
    assert "no such thing" in response.text
    with pytest.raises(NotFound):
        abort(404)


def test_make_response_lets_a_view_set_headers_and_cookies(app, client):
    def view():
        response = make_response("x", 201)
        response.set_cookie("a", "b")
        response.headers["X-A"] = "1"
        return response

    app.add_url_rule("/", "index", view)
    response = client.get("/")
    assert (response.status_code, response.headers["X-A"]) == (201, "1")
    assert client.get_cookie("a").value == "b"


def test_stream_with_context_keeps_the_request_for_a_generator(app, client):
    from cruse import request

    @stream_with_context
    def generate():
        yield request.path
        yield "!"

    app.add_url_rule("/s", "s", lambda: Response(generate()))
    app.add_url_rule("/t", "t", lambda: Response(stream_with_context(c for c in request.path)))
    assert client.get("/s").text == "/s!"
    assert client.get("/t").text == "/t"


class TestURLs:
    @pytest.fixture
    def app(self, app):
        app.add_url_rule("/users/<int:number>", "user", lambda number: "")
        app.add_url_rule("/things/<uuid:key>", "thing", lambda key: "", methods=["GET", "POST"])
        return app

    def test_inside_a_request_urls_are_relative(self, app):
        with app.test_request_context("/", base_url="https://example.com/root"):
            assert url_for("user", number=7) == "/root/users/7"
            assert url_for("user", number=7, q="a b") == "/root/users/7?q=a+b"
            assert url_for("user", number=7, _external=True) == "https://example.com/root/users/7"
            assert url_for("user", number=7, _scheme="http") == "http://example.com/root/users/7"
            assert url_for("user", number=7, _anchor="x y/ä") == "/root/users/7#x%20y/%C3%A4"

    def test_outside_of_a_request_they_need_a_server_name(self, app):
        with app.app_context(), pytest.raises(RuntimeError, match="SERVER_NAME"):
            url_for("user", number=7)
        app.config.update(
            SERVER_NAME="example.com", PREFERRED_URL_SCHEME="https", APPLICATION_ROOT="/app"
        )
        with app.app_context():
            assert url_for("user", number=7) == "https://example.com/app/users/7"
            assert url_for("user", number=7, _external=False) == "/app/users/7"

    def test_a_scheme_makes_a_url_external(self, app):
        with app.test_request_context("/"), pytest.raises(ValueError, match="_external"):
            url_for("user", number=7, _scheme="https", _external=False)

    def test_values_are_converted_to_the_url(self, app):
        key = uuid.UUID(int=5)
        with app.test_request_context("/"):
            assert url_for("thing", key=key) == f"/things/{key}"

    def test_what_cannot_be_built_is_an_error_that_handlers_may_mend(self, app):
        with app.test_request_context("/"):
            with pytest.raises(BuildError, match="nowhere"):
                url_for("nowhere")
            app.url_build_error_handlers.append(
                lambda error, endpoint, values: (
                    f"/made/{endpoint}" if endpoint.startswith("no") else None
                )
            )
            assert url_for("nowhere") == "/made/nowhere"
            with pytest.raises(BuildError):
                url_for("user")


@pytest.mark.parametrize("body", ["hello", {"a": 1}, [1], Response("hello")])
def test_a_field_that_a_view_returns_twice_is_sent_twice(app, client, body):
    @app.get("/")
    def index():
        return body, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]

    assert client.get("/").headers.getlist("Set-Cookie") == ["a=1", "b=2"]


def test_a_media_type_cannot_smuggle_a_header_in():
    with pytest.raises(ValueError, match="newline"):
        Response("hello", mimetype="text/plain\r\nX-Evil: 1")


def test_a_response_class_decides_about_status_and_headers(app, client):
    class Own(Response):
        default_status = 202

        def get_wsgi_headers(self, environ):
            headers = super().get_wsgi_headers(environ)
            headers["X-Own"] = "yes"
            return headers

    app.response_class = Own

    @app.get("/")
    def index():
        return "hello"

    response = client.get("/")
    assert (response.status_code, response.headers["X-Own"]) == (202, "yes")


def test_an_error_of_a_converter_is_answered_as_one_of_a_view(app, client):
    class Broken(BaseConverter):
        def to_python(self, value):
            raise KeyError(value)

    app.url_map.converters["broken"] = Broken

    @app.get("/<broken:name>")
    def index(name):
        return name

    @app.errorhandler(KeyError)
    def missing(error):
        return f"no {error}", 500

    assert client.get("/thing").text == "no 'thing'"


def test_a_function_for_after_this_request_may_register_another(app, client):
    @app.get("/")
    def index():
        @after_this_request
        def first(response):
            @after_this_request
            def second(response):
                response.headers["X-Second"] = "yes"
                return response

            return response

        return "hello"

    assert client.get("/").headers["X-Second"] == "yes"


def test_a_url_map_put_in_place_of_another_is_the_one_that_matches(app, client):
    app.add_url_rule("/old", "index", lambda: "hello")
    assert client.get("/old").status_code == 200
    app.url_map = app.url_map_class([app.url_rule_class("/new", endpoint="index")])
    assert client.get("/new").text == "hello"
    assert client.get("/old").status_code == 404


def test_a_response_of_another_class_keeps_the_type_it_was_made_with(app, client):
    class Plain(Response):
        default_mimetype = "text/plain"

    app.response_class = Plain
    app.add_url_rule("/", "index", lambda: Response("<b>bold</b>"))
    assert client.get("/").mimetype == "text/html"


@pytest.mark.parametrize("status", [203, 413, 422])
def test_the_reason_phrase_of_a_status_is_the_same_for_every_body(app, client, status):
    app.add_url_rule("/text", "text", lambda: Response("text", status))
    app.add_url_rule("/pieces", "pieces", lambda: Response(["text"], status))
    assert client.get("/text").status == client.get("/pieces").status


@pytest.mark.parametrize("body", ["hello", [1, 2]])
def test_the_length_of_a_text_is_not_what_a_view_says_it_is(app, client, body):
    app.add_url_rule("/", "index", lambda: (body, {"Content-Length": "99"}))
    response = client.get("/")
    assert response.headers.getlist("Content-Length") == [str(len(response.data))]


@pytest.mark.parametrize("where", ["view", "hook"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_stream_in_the_place_of_a_text_is_a_stream_as_any_other(app, client, where, method):
    ended = []
    app.teardown_request(ended.append)

    def pieces():
        yield "hello "
        yield "world"

    def swap(response):
        if request.path == "/swapped":
            response.response = pieces()
        return response

    @app.get("/swapped")
    def swapped():
        return swap(Response("x")) if where == "view" else "x"

    app.get("/stream")(pieces)
    if where == "hook":
        app.after_request(swap)
    for path in ("/swapped", "/stream"):
        response = client.open(path, method=method)
        assert response.data == (b"hello world" if method == "GET" else b"")
        assert "Content-Length" not in response.headers
        response.close()
    assert ended == [None, None]
