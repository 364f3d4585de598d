"""JSON: the provider, jsonify, the module's functions, requests, and tagged JSON."""

import io
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

from markupsafe import Markup

from tests.differential.harness import scenario


@dataclass
class Point:
    x: int
    y: Decimal


VALUES = {
    "dict": {"b": 1, "a": [1, 2.5, None, True]},
    "list": [1, "two", {"three": 3}],
    "text": "ä \u2028 \U0001f600",
    "number": 5,
    "none": None,
    "false": False,
    "empty dict": {},
    "empty list": [],
    "tuple": (1, 2),
    "uuid": uuid.UUID(int=5),
    "decimal": Decimal("1.50"),
    "dataclass": Point(1, Decimal("2.0")),
    "markup": Markup("<b>x</b>"),
    "int keys": {2: "b", 1: "a"},
    "bool keys": {True: 1},
    "nan": [float("nan"), float("inf")],
    "large": 2**70,
    "lone surrogate": "\ud800",
}
DATES = {
    "date": date(2026, 2, 3),
    "datetime": datetime(2026, 2, 3, 4, 5, 6, 789),
    "utc": datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC),
    "zone": datetime(2026, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=2))),
}
UNKNOWN = {
    "set": {1},
    "object": object(),
    "bytes": b"x",
    "complex": 1j,
    "mixed keys": {1: 1, "b": 2},
}


@scenario(each=VALUES)
def a_value(fw, value):
    app = fw.App(__name__)
    app.add_url_rule("/", "index", lambda: fw.jsonify(value))
    fw.client(app).get("/")
    with app.app_context():
        fw.observe(text=fw.json.dumps(value))
    fw.observe(without=fw.json.dumps(value))


@scenario(each=DATES)
def a_date_as_in_http(fw, value):
    app = fw.App(__name__)
    app.config["JSON_DATE_FORMAT"] = "http"
    with app.app_context():
        fw.observe(text=fw.json.dumps(value))


@scenario
def a_date(fw):
    app = fw.App(__name__)
    with app.app_context():
        fw.observe(text=fw.json.dumps(DATES["date"]))


@scenario(each=UNKNOWN)
def a_value_that_json_does_not_have(fw, value):
    app = fw.App(__name__)
    with app.app_context():
        fw.observe(
            dumps=fw.outcome(lambda: fw.json.dumps(value)),
            jsonify=fw.outcome(lambda: fw.jsonify(value)),
        )


@scenario(
    each={
        "nothing": ((), {}),
        "one": (([1],), {}),
        "none": ((None,), {}),
        "two": ((1, 2), {}),
        "named": ((), {"b": 1, "a": 2}),
        "both": ((1,), {"a": 2}),
    }
)
def arguments_of_jsonify(fw, arguments):
    args, kwargs = arguments
    app = fw.App(__name__)
    with app.test_request_context():
        fw.observe(text=fw.outcome(lambda: fw.jsonify(*args, **kwargs).text, message=False))


@scenario
def jsonify_without_an_application(fw):
    fw.observe(outcome=fw.outcome(lambda: fw.jsonify(1)))


@scenario(each={"debug": True, "not": False})
def white_space(fw, debug):
    app = fw.App(__name__)
    app.debug = debug
    app.add_url_rule("/", "index", lambda: {"b": [1, 2], "a": {}})
    fw.client(app).get("/")


@scenario(
    each={
        "compact": {"compact": True},
        "spacious": {"compact": False},
        "unsorted": {"sort_keys": False},
        "not only ascii": {"ensure_ascii": False},
        "type": {"mimetype": "application/vnd.shop+json"},
        "default": {"default": staticmethod(lambda o: f"<{type(o).__name__}>")},
    }
)
def attributes_of_the_provider(fw, attributes):
    app = fw.App(__name__)
    for name, value in attributes.items():
        setattr(app.json, name, getattr(value, "__func__", value))
    app.add_url_rule(
        "/", "index", lambda: {"b": "ä", "a": [object] if "default" in attributes else 1}
    )
    fw.client(app).get("/")


@scenario(each={"class": True, "instance": False})
def a_provider_of_the_applications_own(fw, by_class):
    provider = fw.module("json.provider")

    class Backwards(provider.JSONProvider):
        def dumps(self, obj, **kwargs):
            return repr(obj)[::-1]

        def loads(self, s, **kwargs):
            return s[::-1].decode() if isinstance(s, bytes) else s[::-1]

    if by_class:
        app = type("Own", (fw.App,), {"json_provider_class": Backwards})(__name__)
    else:
        app = fw.App(__name__)
        app.json = Backwards(app)

    @app.post("/")
    def index():
        return {"got": fw.request.get_json()}

    client = fw.client(app, record=False)
    response = client.post("/", data=b"abc", content_type="application/json")
    fw.observe(text=response.text, type=response.content_type, json=response.json)
    with app.app_context():
        out = io.StringIO()
        fw.json.dump([1], out)
        fw.observe(dumped=out.getvalue(), loaded=fw.json.load(io.StringIO("xy")))


@scenario
def options_of_dumps_and_loads(fw):
    app = fw.App(__name__)
    with app.app_context():
        fw.observe(
            indent=fw.json.dumps(
                {"b": 1, "a": "ä"}, indent=1, sort_keys=False, ensure_ascii=False
            ),
            separators=fw.json.dumps([1, 2], separators=(";", "=")),
            default=fw.json.dumps({1j}, default=lambda o: "x"),
            numbers=fw.json.loads("[1.5, 2]", parse_float=str, parse_int=str),
            bytes=fw.json.loads(b'"\xc3\xa4"'),
            utf16=fw.json.loads('"ä"'.encode("utf-16")),
            file=fw.json.load(io.BytesIO(b"[1]")),
            bad=fw.outcome(lambda: fw.json.loads("{")),
        )


# -- requests --

BODIES = {
    "object": (b'{"a": 1}', "application/json"),
    "text": (b'"x"', "application/json"),
    "null": (b"null", "application/json"),
    "charset": (b'"\xc3\xa4"', "application/json; charset=utf-8"),
    "problem": (b"1", "application/problem+json"),
    "suffix": (b"1", "application/vnd.x+json"),
    "not json": (b"{", "application/json"),
    "empty": (b"", "application/json"),
    "text type": (b"1", "text/plain"),
    "no type": (b"1", None),
    "not utf-8": (b'"\xff"', "application/json"),
    "surrogate": (b'"\\ud800"', "application/json"),
    "double key": (b'{"a": 1, "a": 2}', "application/json"),
}


@scenario(each=BODIES)
def a_body(fw, body):
    data, content_type = body
    app = fw.App(__name__)

    @app.post("/get")
    def get():
        return {"json": fw.request.get_json()}

    @app.post("/silent")
    def silent():
        return {"json": fw.request.get_json(silent=True), "is": fw.request.is_json}

    @app.post("/force")
    def force():
        return {"json": fw.request.get_json(force=True)}

    @app.post("/attribute")
    def attribute():
        return {"json": fw.request.json}

    client = fw.client(app)
    for path in ("/get", "/silent", "/force", "/attribute"):
        client.post(path, data=data, content_type=content_type)


@scenario(each={"debug": True, "not": False})
def why_json_is_bad_is_told_in_debug_only(fw, debug):
    app = fw.App(__name__)
    app.debug = debug
    app.config["TRAP_BAD_REQUEST_ERRORS"] = False

    @app.post("/")
    def index():
        return {"json": fw.request.get_json()}

    client = fw.client(app, record=False)
    response = client.post("/", data=b"{", content_type="application/json")
    fw.observe(status=response.status, told="Expecting" in response.text)


@scenario
def what_bad_json_becomes_is_the_requests_choice(fw):
    class Own(fw.Request):
        def on_json_loading_failed(self, e):
            return {"failed": type(e).__name__}

    app = fw.App(__name__)
    app.request_class = Own
    app.add_url_rule("/", "index", lambda: {"json": fw.request.get_json()}, methods=["POST"])
    client = fw.client(app)
    client.post("/", data=b"{", content_type="application/json")
    client.post("/", data=b"1", content_type="text/plain")


@scenario
def the_client_sends_and_reads_json(fw):
    app = fw.App(__name__)

    @app.post("/")
    def index():
        return [fw.request.json, fw.request.content_type]

    response = fw.client(app).post("/", json={"b": [1], "a": uuid.UUID(int=1)})
    fw.observe(json=response.json, is_json=response.is_json)


@scenario
def get_json_is_read_once(fw):
    app = fw.App(__name__)

    @app.post("/")
    def index():
        return {"same": fw.request.get_json() is fw.request.get_json(), "data": fw.request.data}

    app.json.default = lambda o: o.decode()
    fw.client(app).post("/", json=[1])


# -- tagged JSON --

TAGGED = {
    "plain": {"a": [1, 2.5, None, True, "x"]},
    "tuple": {"t": (1, (2, 3))},
    "bytes": {"b": b"\x00\xff"},
    "markup": {"m": Markup("<b>")},
    "uuid": {"u": uuid.UUID(int=7)},
    "datetime": {"d": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)},
    "dict like a tag": {" t": [1]},
    "dict like a tag twice": {" di": {" t": [1]}},
    "two keys": {" t": 1, " b": 2},
    "deep": {"a": [{"b": ({"c": b"x"},)}]},
    "int keys": {"a": {1: "b"}},
}


@scenario(each=TAGGED)
def tagged(fw, value):
    serializer = fw.module("json.tag").TaggedJSONSerializer()
    text = serializer.dumps(value)
    back = serializer.loads(text)
    fw.observe(text=text, back=back, types=[type(item) for item in back.values()])


@scenario(each={"last": {}, "first": {"index": 0}, "forced": {"force": True}, "twice": None})
def a_tag_of_ones_own(fw, options):
    tag = fw.module("json.tag")

    class TagSet(tag.JSONTag):
        key = " s" if options != {"force": True} else " t"

        def check(self, value):
            return isinstance(value, set)

        def to_json(self, value):
            return sorted(value)

        def to_python(self, value):
            return set(value)

    serializer = tag.TaggedJSONSerializer()
    fw.observe(first=fw.outcome(lambda: serializer.register(TagSet, **(options or {}))))
    if options is None:
        fw.observe(second=fw.outcome(lambda: serializer.register(TagSet)))
    text = fw.outcome(lambda: serializer.dumps({"a": {1, 2}}))
    fw.observe(text=text, order=[each.key for each in serializer.order])


@scenario
def names_of_the_tags(fw):
    tag = fw.module("json.tag")
    names = [
        "TagDict",
        "PassDict",
        "TagTuple",
        "PassList",
        "TagBytes",
        "TagMarkup",
        "TagUUID",
        "TagDateTime",
    ]
    fw.observe(
        there=[hasattr(tag, name) for name in names],
        keys=[getattr(tag, name).key for name in names],
        default=[each.__name__ for each in tag.TaggedJSONSerializer.default_tags],
    )
