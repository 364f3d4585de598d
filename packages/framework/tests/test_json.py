"""JSON as the framework writes and reads it."""

import io
import json as plain_json
import math
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from cruse import Cruse, json, jsonify
from cruse.json.provider import DefaultJSONProvider, JSONProvider

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@dataclass
class Point:
    x: int
    y: list[int]


@pytest.fixture
def provider():
    return DefaultJSONProvider(None)


@given(VALUES)
def test_what_is_written_is_read_again(value):
    assert json.loads(json.dumps(value)) == value


@given(VALUES)
def test_the_text_is_that_of_the_standard_library(value):
    assert json.dumps(value) == plain_json.dumps(value)
    with Cruse(__name__).app_context():
        assert json.dumps(value) == plain_json.dumps(value, sort_keys=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (date(2026, 3, 1), '"2026-03-01"'),
        (datetime(2026, 3, 1, 12, 30), '"2026-03-01T12:30:00"'),
        (datetime(2026, 3, 1, 12, 30, tzinfo=UTC), '"2026-03-01T12:30:00+00:00"'),
        (
            datetime(2026, 3, 1, 12, 30, 0, 5, tzinfo=timezone(timedelta(hours=-3))),
            '"2026-03-01T12:30:00.000005-03:00"',
        ),
        (Decimal("1.10"), '"1.10"'),
        (uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (Point(1, [2]), '{"x": 1, "y": [2]}'),
        (Markup("<b>"), '"<b>"'),
    ],
)
def test_types_that_json_does_not_have(value, text):
    assert json.dumps(value) == text


def test_an_object_with_html_is_its_markup():
    class Icon:
        def __html__(self):
            return "<svg>"

    assert json.dumps([Icon()]) == '["<svg>"]'


@pytest.mark.parametrize("value", [object(), {1, 2}, Point, b"bytes"])
def test_other_types_are_an_error(value):
    with pytest.raises(TypeError, match="is not JSON serializable"):
        json.dumps(value)


def test_options_are_passed_on():
    assert json.dumps({"b": 1, "a": "ä"}, sort_keys=False, ensure_ascii=False) == (
        '{"b": 1, "a": "ä"}'
    )
    assert json.dumps([1, 2], separators=(",", ":")) == "[1,2]"
    assert json.dumps([object()], default=lambda o: "x") == '["x"]'
    assert json.dumps([1], separators=[",", ":"]) == "[1]"
    assert json.loads("[1.5]", parse_float=Decimal) == [Decimal("1.5")]
    with pytest.raises(ValueError, match="not JSON compliant"):
        json.dumps(math.nan, allow_nan=False)


def test_an_encoder_class_may_be_given():
    class Upper(plain_json.JSONEncoder):
        def encode(self, o):
            return super().encode(o).upper()

    assert json.dumps({"a": 1}, cls=Upper) == '{"A": 1}'


def test_options_made_at_run_time_do_not_pile_up(provider):
    results = {provider.dumps([object()], default=lambda o, n=n: n) for n in range(100)}
    assert len(results) == 100
    assert len(provider._encoders) <= 16


def test_files():
    file = io.StringIO()
    json.dump({"a": [1]}, file)
    file.seek(0)
    assert json.load(file) == {"a": [1]}
    assert json.load(io.BytesIO(b'"\xc3\xa4"')) == "ä"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_bytes_are_read_in_every_encoding_of_json(encoding):
    assert json.loads('{"a": "ä"}'.encode(encoding)) == {"a": "ä"}


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, b"[" * 100_000, "[" * 257 + "]" * 257]
)
def test_json_that_is_nested_too_deeply_is_a_value_error(text):
    with pytest.raises(ValueError, match="nested"):
        json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 256 + "]" * 256,
        "[" + "[]," * 1000 + "{}]",
        plain_json.dumps("[" * 1000),
        plain_json.dumps({"{" * 1000: [1]}),
    ],
)
def test_json_that_only_has_many_brackets_is_read(text):
    assert json.loads(text) == plain_json.loads(text)


def test_the_depth_can_be_set(provider):
    provider.max_depth = 2
    assert provider.loads('{"a": [1]}') == {"a": [1]}
    with pytest.raises(ValueError, match="deeper than 2 levels"):
        provider.loads('{"a": [1, [2]]}')
    provider.max_depth = None
    assert provider.loads("[" * 300 + "]" * 300)


@pytest.mark.parametrize(
    "text", ["", "{", "nope", b"\xff\xfe\x00", b'"\xff"', '{"a": 1,}', "9" * 5000]
)
def test_what_is_no_json_is_a_value_error(text):
    with pytest.raises(ValueError):  # noqa: PT011 - the parser's own words
        json.loads(text)


def test_half_a_surrogate_pair_survives():
    assert json.dumps(json.loads(r'"\ud800"')) == r'"\ud800"'
    json.dumps(json.loads(r'"\ud800"')).encode()


def test_setting_an_attribute_changes_what_is_written(provider):
    assert provider.dumps({"b": 1, "a": "ä"}) == r'{"a": "\u00e4", "b": 1}'
    provider.sort_keys = False
    provider.ensure_ascii = False
    assert provider.dumps({"b": 1, "a": "ä"}) == '{"b": 1, "a": "ä"}'
    provider.default = lambda o: "own"
    assert provider.dumps([object(), date(2026, 1, 1)]) == '["own", "own"]'


def test_a_subclass_may_override_default():
    class Provider(DefaultJSONProvider):
        @staticmethod
        def default(o):
            return sorted(o) if isinstance(o, set) else DefaultJSONProvider.default(o)

    assert Provider(None).dumps([{2, 1}, date(2026, 1, 1)]) == '[[1, 2], "2026-01-01"]'


def test_default_may_be_a_method():
    class Provider(DefaultJSONProvider):
        word = "set"

        def default(self, o):
            return self.word if isinstance(o, set) else super().default(o)

    assert Provider(None).dumps([{1}, Decimal(1)]) == '["set", "1"]'


def test_a_provider_without_an_application_makes_no_response(provider):
    with pytest.raises(RuntimeError, match="no application"):
        provider.response(1)


def test_a_provider_of_another_library_needs_two_methods():
    class Provider(JSONProvider):
        def dumps(self, obj, **kwargs):
            return repr(obj)

        def loads(self, s, **kwargs):
            return ("read", s)

    provider, file = Provider(None), io.StringIO()
    provider.dump([1], file)
    assert file.getvalue() == "[1]"
    assert provider.load(io.StringIO("x")) == ("read", "x")
    for method in (JSONProvider(None).dumps, JSONProvider(None).loads):
        with pytest.raises(NotImplementedError):
            method("")


def test_jsonify_needs_an_application():
    with pytest.raises(RuntimeError, match="outside of application context"):
        json.jsonify(1)


# -- in an application ------------------------------------------------


@pytest.fixture
def app():
    app = Cruse(__name__)
    app.testing = True
    return app


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    return app.test_client(gateway=request.param)


def test_a_view_may_return_a_dictionary_or_a_list(app, client):
    app.get("/dict", endpoint="dict")(lambda: {"b": [1, None], "a": "ä"})
    app.get("/list", endpoint="list")(lambda: [1, 2])
    response = client.get("/dict")
    assert response.content_type == "application/json"
    assert response.text == '{"a":"\\u00e4","b":[1,null]}\n'
    assert client.get("/list").text == "[1,2]\n"


@pytest.mark.parametrize(
    ("make", "value"),
    [
        (lambda: jsonify(), None),
        (lambda: jsonify(1), 1),
        (lambda: jsonify(1, 2), [1, 2]),
        (lambda: jsonify([1]), [1]),
        (lambda: jsonify(a=1), {"a": 1}),
        (lambda: jsonify({"a": 1}), {"a": 1}),
    ],
)
def test_jsonify(app, client, make, value):
    app.get("/")(make)
    assert client.get("/").json == value


def test_jsonify_takes_either_kind_of_arguments(app):
    with app.app_context(), pytest.raises(TypeError, match="either args or kwargs"):
        jsonify(1, a=2)


@pytest.mark.parametrize(
    ("debug", "compact", "text"),
    [
        (False, None, '{"a":1}\n'),
        (True, None, '{\n  "a": 1\n}\n'),
        (True, True, '{"a":1}\n'),
        (False, False, '{\n  "a": 1\n}\n'),
    ],
)
def test_responses_are_indented_in_debug_mode(app, debug, compact, text):
    app.debug = debug
    app.json.compact = compact
    with app.app_context():
        assert jsonify(a=1).get_data(as_text=True) == text


def test_the_mimetype_can_be_set(app):
    app.json.mimetype = "application/problem+json"
    with app.app_context():
        assert jsonify(a=1).mimetype == "application/problem+json"


@pytest.mark.parametrize("value", [date(2026, 3, 1), datetime(2026, 3, 1, tzinfo=UTC)])
def test_dates_may_be_written_as_in_http(app, value):
    app.config["JSON_DATE_FORMAT"] = "http"
    text = '"Sun, 01 Mar 2026 00:00:00 GMT"'
    assert app.json.dumps(value) == text
    with app.app_context():
        assert json.dumps(value) == text
        assert json.dumps(value, default=DefaultJSONProvider.default) == text


def test_the_application_s_provider_is_used_everywhere(app, client):
    class Provider(DefaultJSONProvider):
        def dumps(self, obj, **kwargs):
            return super().dumps({"wrapped": obj})

        def loads(self, s, **kwargs):
            return {"read": super().loads(s)}

    app.json = Provider(app)
    app.post("/")(lambda: json.loads("1"))
    assert client.post("/").json == {"read": {"wrapped": {"read": 1}}}


def test_a_provider_of_another_library_makes_responses(app):
    class Provider(JSONProvider):
        def dumps(self, obj, **kwargs):
            return f"<{obj}>"

    app.json = Provider(app)
    with app.app_context():
        response = jsonify(1)
    assert response.get_data() == b"<1>"
    assert response.mimetype == "application/json"


def test_another_class_of_provider(tmp_path):
    class Own(Cruse):
        class json_provider_class(DefaultJSONProvider):  # noqa: N801
            sort_keys = False

    with Own(__name__).app_context():
        assert json.dumps({"b": 1, "a": 2}) == '{"b": 1, "a": 2}'


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 400 + b"1" + b"}" * 400, b"{", b'"\xff"', b"9" * 5000]
)
def test_bad_json_from_a_client_is_answered_with_400(app, client, body):
    from cruse.globals import request

    app.post("/")(lambda: [request.get_json()])
    response = client.post("/", data=body, content_type="application/json")
    assert response.status_code == 400


@given(VALUES)
def test_whatever_json_a_client_sends_can_be_answered(value):
    from cruse.globals import request

    app = Cruse(__name__)
    app.post("/")(lambda: [request.get_json()])
    response = app.test_client().post("/", data=json.dumps(value), content_type="application/json")
    assert (response.status_code, response.json) == (200, [value])


def test_an_await_that_was_forgotten_is_told(app):
    async def price():
        return 5

    forgotten = price()
    try:
        with pytest.raises(TypeError, match=r"price\(\) is a coroutine.* an 'await' is missing"):
            app.json.dumps({"price": forgotten})
    finally:
        forgotten.close()


def test_the_provider_does_not_keep_the_application():
    import gc
    import weakref

    app = Cruse(__name__)
    app.json.dumps(1)
    provider, alive = app.json, weakref.ref(app)
    del app
    gc.collect()
    assert alive() is None
    assert provider.dumps(1) == "1"


@pytest.mark.parametrize("options", [{}, {"indent": 2}, {"check_circular": False, "indent": 2}])
def test_what_contains_itself_is_refused(app, options):
    endless = {"a": []}
    endless["a"].append(endless)
    with pytest.raises((ValueError, RecursionError)) as caught:
        app.json.dumps(endless, **options)
    if "check_circular" not in options:
        assert str(caught.value) == "Circular reference detected"
    assert app.json.dumps({"a": [1]}) == '{"a": [1]}'
