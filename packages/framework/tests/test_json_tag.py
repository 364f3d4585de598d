"""JSON with tags for the types that it does not have."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from cruse import json
from cruse.json.tag import JSONTag, TaggedJSONSerializer

TAGS = [" di", " t", " b", " m", " u", " d"]
ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.uuids(),
    st.builds(Markup, st.text()),
    # As HTTP writes dates: to the second, in UTC.
    st.datetimes(datetime(1900, 1, 1), timezones=st.just(UTC)).map(
        lambda d: d.replace(microsecond=0)
    ),
)
KEYS = st.text() | st.sampled_from(TAGS) | st.sampled_from(TAGS).map(lambda tag: f"{tag}__")
VALUES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner, max_size=3)
    ),
)


def types(value):
    """The value with its types, because (1,) == Markup and the like compare too kindly."""
    if isinstance(value, dict):
        return (dict, {key: types(inner) for key, inner in value.items()})
    if isinstance(value, (list, tuple)):
        return (type(value), [types(inner) for inner in value])
    return (type(value), value)


@pytest.fixture
def serializer():
    return TaggedJSONSerializer()


@given(VALUES)
def test_values_come_back_with_their_types(value):
    serializer = TaggedJSONSerializer()
    assert types(serializer.loads(serializer.dumps(value))) == types(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((1, (2,)), '{" t":[1,{" t":[2]}]}'),
        (b"\x00\xff", '{" b":"AP8="}'),
        (Markup("<i>"), '{" m":"<i>"}'),
        (UUID(int=255), '{" u":"000000000000000000000000000000ff"}'),
        (datetime(2026, 3, 1, 12, tzinfo=UTC), '{" d":"Sun, 01 Mar 2026 12:00:00 GMT"}'),
        ({" t": 1}, '{" di":{" t__":1}}'),
        ({" t": 1, "a": 2}, '{" t":1,"a":2}'),
        ({"a": [(1,)]}, '{"a":[{" t":[1]}]}'),
    ],
)
def test_the_text_is_the_one_that_cookies_have_had_for_years(serializer, value, text):
    assert serializer.dumps(value) == text
    assert serializer.loads(text) == value


def test_a_naive_datetime_is_taken_as_utc(serializer):
    value = serializer.loads(serializer.dumps(datetime(2026, 3, 1, 12)))
    assert value == datetime(2026, 3, 1, 12, tzinfo=UTC)


class Foo:
    def __init__(self, data):
        self.data = data


class TagFoo(JSONTag):
    key = " f"

    def check(self, value):
        return isinstance(value, Foo)

    def to_json(self, value):
        return self.serializer.tag(value.data)

    def to_python(self, value):
        return Foo(value)


def test_a_tag_of_your_own(serializer):
    with pytest.raises(TypeError):
        serializer.dumps(Foo("bar"))
    serializer.register(TagFoo)
    again = serializer.loads(serializer.dumps([Foo((1, 2))]))
    assert again[0].data == (1, 2)


def test_a_taken_key_must_be_forced(serializer):
    class Other(TagFoo):
        key = " t"

        def check(self, value):
            return isinstance(value, tuple)

        def to_json(self, value):
            return len(value)

    with pytest.raises(KeyError, match="' t'"):
        serializer.register(Other)
    serializer.register(Other, force=True, index=0)
    assert serializer.loads(serializer.dumps((1, 2))).data == 2


def test_a_tag_for_a_subclass_goes_first(serializer):
    class Name(str):
        __slots__ = ()

    class TagName(JSONTag):
        key = " n"

        def check(self, value):
            return isinstance(value, Name)

        def to_json(self, value):
            return str(value)

        def to_python(self, value):
            return Name(value)

    serializer.register(TagName, index=0)
    assert isinstance(serializer.order[0], TagName)
    assert types(serializer.loads(serializer.dumps([Name("n"), "s"]))) == types([Name("n"), "s"])


def test_even_json_s_own_types_may_have_a_tag(serializer):
    class TagInt(TagFoo):
        key = " i"

        def check(self, value):
            return type(value) is int

        def to_json(self, value):
            return hex(value)

        def to_python(self, value):
            return int(value, 16)

    serializer.register(TagInt)
    assert serializer.dumps(255) == '{" i":"0xff"}'
    assert serializer.loads('{" i":"0xff"}') == 255


def test_the_base_tag_says_what_is_missing(serializer):
    tag = JSONTag(serializer)
    for method in (tag.check, tag.to_json, tag.to_python):
        with pytest.raises(NotImplementedError):
            method(1)


def test_json_s_other_types_are_still_written(serializer):
    from decimal import Decimal

    assert serializer.loads(serializer.dumps(Decimal("1.5"))) == json.loads('"1.5"')


def test_a_tag_of_your_own_is_asked_about_what_json_has_too(serializer):
    class Empty(JSONTag):
        key = " e"

        def check(self, value):
            return value == {}

        def to_json(self, value):
            return 0

        def to_python(self, value):
            return "empty"

    assert serializer.dumps({"a": {}}) == '{"a":{}}'
    serializer.register(Empty, index=0)
    assert serializer.dumps({"a": {}}) == '{"a":{" e":0}}'
    assert serializer.loads(serializer.dumps({})) == "empty"
