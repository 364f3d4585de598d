"""Objects that views return, and the JSON they become: dataclasses and registered types."""

import enum
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import attrs
import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_date

from cruse import Cruse, Response


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclass
class Item:
    name: str
    price: Decimal = Decimal("9.90")


@dataclass
class Order:
    id: uuid.UUID
    due: date
    made: datetime
    colour: Colour = Colour.RED
    level: Level = Level.HIGH
    items: list[Item] = field(default_factory=list)


ORDER = Order(
    uuid.UUID(int=1), date(2026, 3, 1), datetime(2026, 3, 1, 12, tzinfo=UTC), items=[Item("cup")]
)
ORDER_AS_JSON = {
    "id": "00000000-0000-0000-0000-000000000001",
    "due": "2026-03-01",
    "made": "2026-03-01T12:00:00+00:00",
    "colour": "red",
    "level": 3,
    "items": [{"name": "cup", "price": "9.90"}],
}


class Person(pydantic.BaseModel):
    name: str
    born: date


class Struct(msgspec.Struct):
    name: str
    born: date


@attrs.define
class Attrs:
    name: str
    born: date


ANNA = {"name": "anna", "born": "2001-02-03"}
BORN = date(2001, 2, 3)


@pytest.fixture
def app():
    app = Cruse(__name__, static_folder=None)
    app.testing = True
    app.register_response_type(pydantic.BaseModel, lambda model: model.model_dump(mode="json"))
    app.register_response_type(msgspec.Struct, msgspec.to_builtins)
    app.register_response_type(Attrs, attrs.asdict)
    return app


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()


def returned(app, client, value):
    app.add_url_rule("/", "index", lambda: value)
    return client.get("/")


def test_a_dataclass_with_everything_in_it(app, client):
    assert returned(app, client, ORDER).json == ORDER_AS_JSON


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([ORDER], [ORDER_AS_JSON]),
        ({"orders": [ORDER, ORDER]}, {"orders": [ORDER_AS_JSON, ORDER_AS_JSON]}),
        ([Colour.RED, Level.HIGH], ["red", 3]),
    ],
)
def test_dataclasses_and_enums_within_lists_and_dicts(app, client, value, expected):
    assert returned(app, client, value).json == expected


@pytest.mark.parametrize("kind", [Person, Struct, Attrs])
def test_objects_of_registered_types(app, client, kind):
    anna = kind(name="anna", born=BORN)
    app.add_url_rule("/alone", "alone", lambda: anna)
    app.add_url_rule("/tuple", "tuple", lambda: (anna, 201, {"X-A": "1"}))
    app.add_url_rule("/list", "list", lambda: [anna, anna])
    app.add_url_rule("/dict", "dict", lambda: {"who": anna})
    alone = client.get("/alone")
    assert (alone.json, alone.mimetype) == (ANNA, "application/json")
    in_tuple = client.get("/tuple")
    assert (in_tuple.json, in_tuple.status_code, in_tuple.headers["X-A"]) == (ANNA, 201, "1")
    assert client.get("/list").json == [ANNA, ANNA]
    assert client.get("/dict").json == {"who": ANNA}


def test_an_async_view_may_return_them_too(app, client):
    @app.get("/")
    async def index():
        return Person(name="anna", born=BORN)

    assert client.get("/").json == ANNA


def test_a_registered_object_within_a_dataclass(app, client):
    @dataclass
    class Team:
        lead: Person
        members: list[Struct]

    team = Team(Person(name="anna", born=BORN), [Struct("anna", BORN)])
    assert returned(app, client, team).json == {"lead": ANNA, "members": [ANNA]}


def test_the_nearest_class_decides(app, client):
    class Employee(Person):
        pass

    class Boss(Employee):
        pass

    app.register_response_type(Employee, lambda employee: "an employee")
    assert returned(app, client, Boss(name="b", born=BORN)).text == "an employee"


def test_a_registered_type_goes_before_what_it_would_be_otherwise(app, client):
    app.register_response_type(Item, lambda item: (f"item {item.name}", 202))
    response = returned(app, client, Item("cup"))
    assert (response.text, response.status_code) == ("item cup", 202)


def test_the_function_may_return_a_response_of_any_type(app, client):
    app.register_response_type(
        Struct, lambda s: Response(msgspec.msgpack.encode(s), mimetype="application/msgpack")
    )
    response = returned(app, client, Struct("anna", BORN))
    assert response.mimetype == "application/msgpack"
    assert msgspec.msgpack.decode(response.data, type=Struct) == Struct("anna", BORN)


def test_the_registry_is_live(app, client):
    app.add_url_rule("/", "index", lambda: Item("cup"))
    assert client.get("/").json["name"] == "cup"
    app.response_types[Item] = lambda item: "later"
    assert client.get("/").text == "later"


def test_without_being_told_it_is_a_type_error_that_says_what_to_do(client, app):
    del app.response_types[pydantic.BaseModel]
    with pytest.raises(TypeError, match=r"'Person'.*app\.register_response_type"):
        returned(app, client, Person(name="anna", born=BORN))


async def from_async(value):
    return "x"


@pytest.mark.parametrize(
    ("cls", "function"), [(str, str), (bytes, bytes), (Response, str), (Item, from_async)]
)
def test_what_could_never_be_called_is_refused(app, cls, function):
    with pytest.raises(TypeError, match="nothing to register"):
        app.register_response_type(cls, function)


OFFSETS = st.none() | st.integers(-23 * 60, 23 * 60).map(lambda m: timezone(timedelta(minutes=m)))


@given(st.datetimes(timezones=OFFSETS) | st.dates())
def test_dates_in_iso_8601_can_be_read_back_with_their_offset(value):
    app = Cruse("x")
    text = json.loads(app.json.dumps(value))
    read = type(value).fromisoformat(text)
    assert read == value
    assert getattr(read, "tzinfo", None) == getattr(value, "tzinfo", None)


@given(st.datetimes(datetime(1900, 1, 2), datetime(9999, 1, 1), timezones=OFFSETS))
def test_http_dates_are_the_same_instant_to_the_second(value):
    app = Cruse("x")
    app.config["JSON_DATE_FORMAT"] = "http"
    text = json.loads(app.json.dumps(value))
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    assert parse_date(text) == aware.replace(microsecond=0)
    assert text.endswith(" GMT")


def test_a_date_alone_is_midnight_in_utc_as_an_http_date(app):
    app.config["JSON_DATE_FORMAT"] = "http"
    assert app.json.dumps(date(2026, 3, 1)) == '"Sun, 01 Mar 2026 00:00:00 GMT"'


def test_a_date_format_that_does_not_exist_is_an_error_at_start(app):
    app.config["JSON_DATE_FORMAT"] = "rfc"
    with pytest.raises(ValueError, match="'JSON_DATE_FORMAT' is 'rfc'"):
        app.start()
