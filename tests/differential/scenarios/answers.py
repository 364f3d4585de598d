"""What a view may return, and how it becomes a response."""

import dataclasses
import json
from decimal import Decimal
from http import HTTPStatus
from uuid import UUID

from werkzeug.datastructures import Headers
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as WerkzeugResponse

from tests.differential.harness import scenario


def plain_wsgi(environ, start_response):
    start_response("207 MULTI-STATUS", [("X-Path", environ["PATH_INFO"])])
    return [b"wsgi"]


def generator():
    yield "one "
    yield "two"


@dataclasses.dataclass
class Point:
    x: int
    y: int


class Markup:
    def __html__(self):
        return "<b>bold</b>"


class Text(str):
    __slots__ = ()


#: Each is made anew for each run; those with an argument are given ``fw``.
VALUES = {
    "text": lambda fw: "te\xe9xt",
    "empty text": lambda fw: "",
    "subclass of text": lambda fw: Text("text"),
    "bytes": lambda fw: b"\x00\xff",
    "bytearray": lambda fw: bytearray(b"array"),
    "memoryview": lambda fw: memoryview(b"view"),
    "dict": lambda fw: {"b": 1, "a": [True, None, 1.5, "\xe9"]},
    "empty dict": lambda fw: {},
    "list": lambda fw: [1, {"a": 2}],
    "empty list": lambda fw: [],
    "nested": lambda fw: {"d": Decimal("1.50"), "u": UUID(int=5), "m": Markup(), "p": Point(1, 2)},
    "keys": lambda fw: {1: "a", 2: "b"},
    "set": lambda fw: {1},
    "object": lambda fw: object(),
    "in json": lambda fw: {"a": object()},
    "generator": lambda fw: generator(),
    "iterator": lambda fw: iter(["a", b"b"]),
    "map": lambda fw: map(str, range(3)),
    "range": lambda fw: range(3),
    "none": lambda fw: None,
    "true": lambda fw: True,
    "false": lambda fw: False,
    "number": lambda fw: 1,
    "float": lambda fw: 1.5,
    "response": lambda fw: fw.Response("made", 201, {"X-A": "b"}),
    "werkzeug's response": lambda fw: WerkzeugResponse("other", 202, mimetype="text/plain"),
    "wsgi": lambda fw: plain_wsgi,
    "http error": lambda fw: NotFound("words"),
    "http error class": lambda fw: NotFound,
    "exception": lambda fw: KeyError("x"),
    "class": lambda fw: int,
    "function": lambda fw: lambda: "text",
    "jsonify": lambda fw: fw.jsonify(a=1),
    "jsonify list": lambda fw: fw.jsonify(1, 2),
    "jsonify nothing": lambda fw: fw.jsonify(),
    "redirect": lambda fw: fw.redirect("/a b?c=\xe9#d"),
    "redirect elsewhere": lambda fw: fw.redirect("https://example.com/", 301),
    "redirect with code": lambda fw: fw.redirect("/x", code=307),
    "made": lambda fw: fw.make_response(),
    "made of text": lambda fw: fw.make_response("text", 201),
    "made of a tuple": lambda fw: fw.make_response(("text", 201, {"X-A": "b"})),
    "made with headers": lambda fw: fw.make_response("text", {"X-A": "b"}),
    "template": lambda fw: fw.render_template_string("{{ 1 + 1 }}"),
}


@scenario(async_too=True, each=VALUES)
def returned(fw, make):
    app = fw.App(__name__)
    app.add_url_rule("/", "index", fw.colour(lambda: make(fw)))
    client = fw.client(app)
    client.get("/")
    client.head("/")


SHAPES = {
    "body": ("text",),
    "empty": (),
    "four": ("text", 200, {}, None),
    "status": ("text", 404),
    "status text": ("text", "404 Own Words"),
    "bare status text": ("text", "404"),
    "enum": ("text", HTTPStatus.CREATED),
    "unknown status": ("text", 299),
    "no status": ("text", None),
    "odd status": ("text", 1.5),
    "zero status": ("text", 0),
    "dict": ("text", {"X-A": "b", "Content-Type": "text/plain"}),
    "list": ("text", [("X-A", "b"), ("X-A", "c")]),
    "tuple": ("text", (("X-A", "b"),)),
    "headers": ("text", Headers([("X-A", "b"), ("X-A", "c")])),
    "both": ("text", 201, {"X-A": "b"}),
    "lists of values": ("text", 201, {"X-A": ["b", "c"]}),
    "cookies": ("text", 201, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]),
    "empty headers": ("text", 201, {}),
    "none headers": ("text", 201, None),
    "no content": ("", 204),
    "no content with a body": ("text", 204),
    "not modified": ("text", 304),
    "length": ("text", {"Content-Length": "99"}),
    "location": ("", 201, {"Location": "/new"}),
    "dict body": ({"a": 1}, 201),
    "dict body and headers": ({"a": 1}, {"X-A": "b"}),
    "list body": ([1], 201, {"X-A": "b"}),
    "none body": (None, 201),
    "tuple in a tuple": (("a", "b"), 201),
    "list body, type": ([1], 200, {"Content-Type": "application/vnd.api+json"}),
    "response": (WerkzeugResponse("made", 202, {"X-A": "a"}), 203, {"X-A": "b"}),
    "wsgi": (plain_wsgi, 201, {"X-B": "c"}),
    "http error": (NotFound(), 410),
    "number body": (1, 2),
    "bytes status": ("text", b"201 made"),
    "line break": ("text", {"X-A": "b\r\nc: d"}),
    "number header": ("text", {"X-A": 1}),
}


@scenario(async_too=True, each=SHAPES)
def tuples(fw, value):
    app = fw.App(__name__)
    app.add_url_rule("/", "index", fw.colour(lambda: value))
    fw.client(app).get("/")


@scenario(each={"text": "text", "json": {"a": 1}, "stream": None, "empty": ""})
def a_view_that_returns_with_a_head_request(fw, value):
    app = fw.App(__name__)
    app.add_url_rule("/", "index", lambda: generator() if value is None else value)
    fw.client(app).head("/")


@scenario
def headers_are_replaced_not_added(fw):
    app = fw.App(__name__)

    def index():
        response = fw.Response("x", headers=[("X-A", "1"), ("X-A", "2"), ("X-B", "3")])
        return response, {"X-A": "4"}

    app.add_url_rule("/", "index", index)
    fw.client(app).get("/")


@scenario
def messages_of_what_is_no_response(fw):
    app = fw.App(__name__)
    app.testing = True
    for name, value in {"none": None, "tuple": (1,), "bool": True}.items():
        app.add_url_rule(f"/{name}", f"endpoint_{name}", lambda value=value: value)
    client = fw.client(app)

    def names(path):
        try:
            client.get(path)
        except TypeError as error:
            return [word for word in ("endpoint_", "tuple", "bool", "None") if word in str(error)]
        return None

    fw.observe(none="endpoint_" in names("/none"), type="bool" in names("/bool"))
    fw.observe(tuple=fw.outcome(lambda: client.get("/tuple")))


@scenario
def changing_a_response(fw):
    app = fw.App(__name__)

    def index():
        response = fw.make_response("text")
        response.data = "other"
        response.status_code = 203
        response.mimetype = "text/plain"
        response.headers["X-A"] = "b"
        response.set_cookie("name", "value", max_age=10, httponly=True, samesite="Strict")
        response.delete_cookie("gone")
        response.content_language.update(["en", "de"])
        response.cache_control.max_age = 5
        response.vary.add("Accept")
        response.set_etag("tag")
        response.location = "/x y"
        return response

    app.add_url_rule("/", "index", index)
    fw.client(app).get("/")


@scenario
def response_objects(fw):
    response = fw.Response("text")
    fw.observe(
        mimetype=response.mimetype,
        status=response.status,
        data=response.data,
        text=response.get_data(as_text=True),
        length=response.content_length,
        sequence=response.is_sequence,
        streamed=response.is_streamed,
        json=fw.Response('{"a": 1}', mimetype="application/json").json,
        no_json=fw.outcome(lambda: fw.Response("x").json),
        repr=repr(response),
        statuses=[fw.Response("", code).status for code in (200, 418, 413, 422, 299, "201 X")],
        types=[
            fw.Response("", mimetype=kind).content_type
            for kind in ("text/plain", "image/png", "application/xml", "text/html; charset=x")
        ],
        content_type=fw.Response("", content_type="text/x").content_type,
    )


@scenario
def conditional_answers(fw):
    app = fw.App(__name__)

    def index():
        response = fw.make_response("text")
        response.add_etag()
        return response.make_conditional(fw.request)

    app.add_url_rule("/", "index", index)
    client = fw.client(app)
    etag = client.get("/").headers["ETag"]
    client.get("/", headers={"If-None-Match": etag})
    client.get("/", headers={"If-None-Match": "*"})
    client.get("/", headers={"If-Match": '"other"'})


@scenario(async_too=True)
def make_response_in_an_after_hook(fw):
    app = fw.App(__name__)

    @app.after_request
    @fw.colour
    def wrap(response):
        return fw.make_response(json.dumps([response.get_data(as_text=True)]), response.status)

    app.add_url_rule("/", "index", lambda: ("text", 202))
    fw.client(app).get("/")


@scenario
def the_status_of_a_response_that_is_forced(fw):
    app = fw.App(__name__)
    app.add_url_rule("/", "index", lambda: WerkzeugResponse(generator(), 206, {"X-A": "b"}))
    fw.client(app).get("/")


@scenario(each={"302": 302, "303": 303, "301": 301, "307": 307, "308": 308, "305": 305})
def redirects_with_a_code(fw, code):
    app = fw.App(__name__)
    app.add_url_rule("/", "index", lambda: fw.redirect("/elsewhere", code))
    fw.client(app).get("/")


@scenario
def a_redirect_is_followed(fw):
    app = fw.App(__name__)
    app.add_url_rule("/", "index", lambda: fw.redirect("/next"), methods=["GET", "POST"])
    app.add_url_rule("/next", "next", lambda: fw.request.method)
    client = fw.client(app)
    client.get("/", follow_redirects=True)
    client.post("/", data={"a": "b"}, follow_redirects=True)


@scenario
def a_session_cookie(fw):
    app = fw.App(__name__)
    app.secret_key = "of this test"

    @app.get("/")
    def index():
        fw.session["name"] = "Ada"
        return repr(fw.g)

    client = fw.client(app)
    client.get("/")
    client.get("/")
