"""Made-up rules, paths, values and answers: both frameworks do the same with them."""

from functools import cache

import flask
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BuildError, RequestRedirect
from werkzeug.test import EnvironBuilder

import cruse

FRAMEWORKS = (flask.Flask, cruse.Cruse)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")

# Few words, so that rules and paths meet often.
WORDS = ("a", "b", "ab", "1", "12", "1.5", "x-y", "\N{LATIN SMALL LETTER E WITH ACUTE}")
PARTS = (
    *("a", "b", "ab", "1"),
    *("<v>", "<string(length=2):v>", "<int:v>", "<int(signed=True):v>", "<float:v>"),
    *("<path:v>", "<any(a, ab):v>", "a<v>", "<int:v>b", "<v>.<int:w>"),
)


@st.composite
def rules(draw):
    """A rule such as ``/a/<int:v1>/``, with methods and options."""
    count = draw(st.integers(0, 3))
    parts = [
        part.replace("v>", f"v{number}>").replace("w>", f"w{number}>")
        for number, part in enumerate(draw(st.tuples(*[st.sampled_from(PARTS)] * count)))
    ]
    path = "/" + "/".join(parts) + draw(st.sampled_from(["", "/"]) if parts else st.just(""))
    options = draw(
        st.fixed_dictionaries(
            {"methods": st.sets(st.sampled_from(["GET", "POST", "PUT"]), min_size=1).map(sorted)},
            optional={
                "strict_slashes": st.booleans(),
                "merge_slashes": st.booleans(),
                "provide_automatic_options": st.just(False),
                "defaults": st.sampled_from([{"extra": 1}, {"extra": 2}]),
            },
        )
    )
    return path, options


paths = st.lists(st.sampled_from([*WORDS, ""]), max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)


def application(framework, table):
    """Return an application with a view for each rule that says what it was called with."""
    app = framework("made", static_folder=None)
    for number, (rule, options) in enumerate(table):

        def view(_number=number, **values):
            return f"{_number} {sorted(values.items())!r}"

        app.add_url_rule(rule, f"endpoint{number}", view, **options)
    return app


def answer(app, method, path):
    """Return what matters of an answer: status, body or place, and the methods allowed."""
    environ = EnvironBuilder(path, method=method).get_environ()
    started = []
    body = app(environ, lambda status, headers, exc_info=None: started.append((status, headers)))
    content = b"".join(body)
    if hasattr(body, "close"):
        body.close()
    status, headers = started[0]
    fields = dict(headers)
    allowed = sorted(fields.get("Allow", "").split(", "))
    return status, fields.get("Location"), allowed, content if status == "200 OK" else b""


@settings(max_examples=150, deadline=None)
@given(
    table=st.lists(rules(), min_size=1, max_size=6),
    requests=st.lists(st.tuples(st.sampled_from(METHODS), paths), min_size=1, max_size=6),
)
def test_the_same_rule_answers(table, requests):
    theirs, ours = (application(framework, table) for framework in FRAMEWORKS)
    for method, path in requests:
        assert answer(ours, method, path) == answer(theirs, method, path), (method, path)


def match(app, method, path):
    with app.test_request_context(path, method=method):
        request = flask.request if isinstance(app, flask.Flask) else cruse.request
        error = request.routing_exception
        place = error.new_url if isinstance(error, RequestRedirect) else None
        allowed = sorted(getattr(error, "valid_methods", None) or ())
        return request.endpoint, request.view_args, type(error).__name__, place, allowed


@settings(max_examples=100, deadline=None)
@given(
    table=st.lists(rules(), min_size=1, max_size=4),
    later=rules(),
    method=st.sampled_from(METHODS),
    path=paths,
)
def test_a_rule_added_later_takes_part(table, later, method, path):
    theirs, ours = (application(framework, table) for framework in FRAMEWORKS)
    assert match(ours, method, path) == match(theirs, method, path)
    for app in (theirs, ours):
        app.add_url_rule(later[0], "later", lambda **values: "", **later[1])
    assert match(ours, method, path) == match(theirs, method, path)


# -- url_for --


@cache
def site(framework):
    """An application with rules of every kind, two blueprints, and a server name."""
    app = framework("site", static_folder=None, subdomain_matching=True)
    app.config.update(SERVER_NAME="example.org:81", PREFERRED_URL_SCHEME="https")
    blueprint = (flask if framework is flask.Flask else cruse).Blueprint
    outer, inner = blueprint("outer", __name__, url_prefix="/o"), blueprint("inner", __name__)
    for scaffold in (app, outer, inner):
        scaffold.add_url_rule("/", "index", lambda: "")
        scaffold.add_url_rule("/t/<text>", "text", lambda text: "")
        scaffold.add_url_rule("/n/<int:number>", "number", lambda number: "")
        scaffold.add_url_rule("/p/<path:text>/<float:number>", "both", lambda **values: "")
        scaffold.add_url_rule("/d/", "some", lambda number: "", defaults={"number": 1})
        scaffold.add_url_rule("/d/<int:number>", "some")
        scaffold.add_url_rule("/post", "verb", lambda: "", methods=["POST"])
        scaffold.add_url_rule("/get", "verb", methods=["GET"])
    app.add_url_rule("/", "below", lambda: "", subdomain="<text>")
    outer.register_blueprint(inner, url_prefix="/i")
    app.register_blueprint(outer)
    return app


texts = st.text(max_size=6)
values = st.dictionaries(
    st.sampled_from(["text", "number", "q", "r s", "endpoint"]),
    texts | st.integers(-5, 5) | st.floats(0, 9) | st.booleans() | st.none() | st.lists(texts),
    max_size=3,
).filter(lambda given: "endpoint" not in given or isinstance(given["endpoint"], str))
specials = st.fixed_dictionaries(
    {},
    optional={
        "_anchor": texts | st.none(),
        "_scheme": st.sampled_from(["http", "https", "ws", "", None]),
        "_external": st.booleans() | st.none(),
        "_method": st.sampled_from(["GET", "POST", "post", "PUT", None]),
    },
)
endpoints = st.builds(
    "{}{}".format,
    st.sampled_from(["", ".", "outer.", "outer.inner."]),
    st.sampled_from(["index", "text", "number", "both", "some", "verb", "below", "missing"]),
)


def build(app, request, endpoint, arguments):
    """Return the URL, or the type of the error, in a request or (with no path) outside of one."""
    context = app.app_context() if request is None else app.test_request_context(**request)
    arguments = {name: value for name, value in arguments.items() if name != "endpoint"}
    with context:
        try:
            return app.url_for(endpoint, **arguments)
        except (BuildError, ValueError, TypeError) as error:
            return type(error).__name__


@settings(max_examples=300, deadline=None)
@given(
    request=st.none()
    | st.fixed_dictionaries(
        {"path": st.sampled_from(["/", "/t/x", "/o/", "/o/i/", "/nowhere"])},
        optional={
            "base_url": st.sampled_from(
                ["http://example.org:81/root", "https://s.example.org:81/"]
            )
        },
    ),
    endpoint=endpoints,
    values=values,
    specials=specials,
)
def test_the_same_url_is_built(request, endpoint, values, specials):
    theirs, ours = (
        build(site(framework), request, endpoint, values | specials) for framework in FRAMEWORKS
    )
    assert ours == theirs


# -- answers --

header_fields = st.dictionaries(
    st.sampled_from(["X-A", "Content-Type", "Location", "Cache-Control", "Vary"]),
    st.text("abc/; =-", min_size=1, max_size=8).map(str.strip),
    max_size=2,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
bodies = st.one_of(
    st.text(),
    st.binary(),
    st.binary().map(bytearray),
    st.lists(json_values, max_size=3),
    st.dictionaries(st.text(), json_values, max_size=3),
    st.none() | st.booleans() | st.integers() | st.just(object()),
)
statuses = st.sampled_from([200, 201, 204, 299, 304, 404, 418, "202 Accepted", "404", None])
answers = st.one_of(
    bodies,
    st.tuples(),
    st.tuples(bodies),
    st.tuples(bodies, statuses),
    st.tuples(bodies, header_fields),
    st.tuples(bodies, header_fields.map(lambda fields: list(fields.items()))),
    st.tuples(bodies, statuses, header_fields | st.none()),
    st.tuples(bodies, statuses, header_fields, st.none()),
)


def made(app, value):
    """Return the response that is made of a value, or the type of the error."""
    app.config["SECURITY_HEADERS"] = {}
    with app.test_request_context():
        try:
            response = app.make_response(value)
        except (TypeError, ValueError, AttributeError, HTTPException) as error:
            return type(error).__name__
        return response.status, sorted(response.headers.items()), response.get_data()


@settings(max_examples=300, deadline=None)
@given(value=answers)
def test_the_same_response_is_made(value):
    theirs, ours = (made(framework("made", static_folder=None), value) for framework in FRAMEWORKS)
    assert ours == theirs


@settings(max_examples=150, deadline=None)
@given(chunks=st.lists(st.text(max_size=5) | st.binary(max_size=5), max_size=5))
def test_the_same_stream_is_sent(chunks):
    def sent(framework):
        app = framework("made", static_folder=None)
        app.add_url_rule("/", "index", lambda: iter(chunks))
        return answer(app, "GET", "/")

    theirs, ours = map(sent, FRAMEWORKS)
    assert ours == theirs
