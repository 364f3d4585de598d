"""Forms made from models of SQLAlchemy."""

import datetime
import enum
import uuid
from decimal import Decimal

import pytest
from werkzeug.datastructures import MultiDict
from wtforms import StringField

from cruse_forms import Form

sqlalchemy = pytest.importorskip("sqlalchemy")

from sqlalchemy import (  # noqa: E402
    JSON,
    BigInteger,
    Column,
    Date,
    DateTime,
    Enum,
    Float,
    ForeignKey,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    Uuid,
    create_engine,
)
from sqlalchemy.exc import IntegrityError  # noqa: E402
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, registry  # noqa: E402
from sqlalchemy.pool import StaticPool  # noqa: E402

from cruse_forms.models import AsyncUnique, acommit, commit, model_form  # noqa: E402


class Base(DeclarativeBase):
    pass


class Color(enum.Enum):
    dark_red = 1
    blue = 2


class Thing(Base):
    __tablename__ = "thing"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    parent: Mapped[int | None] = mapped_column(ForeignKey("thing.id"))
    name: Mapped[str] = mapped_column(String(9), unique=True)
    text: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(String(5))
    count: Mapped[int] = mapped_column(Integer, default=3)
    price: Mapped[Decimal | None] = mapped_column(Numeric(9, 2))
    real: Mapped[float | None] = mapped_column(Float)
    active: Mapped[bool] = mapped_column()
    day: Mapped[datetime.date | None] = mapped_column(Date)
    moment: Mapped[datetime.datetime | None] = mapped_column(DateTime)
    hour: Mapped[datetime.time | None] = mapped_column(Time)
    key: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    more: Mapped[object] = mapped_column(JSON, nullable=True)
    color: Mapped[Color] = mapped_column(Enum(Color))
    size: Mapped[str | None] = mapped_column(Enum("s", "m"))
    raw: Mapped[bytes | None] = mapped_column(LargeBinary)
    span: Mapped[datetime.timedelta | None] = mapped_column(Interval)


@pytest.fixture
def session():
    # One connection for all threads, as under an async server.
    options = {"check_same_thread": False}
    engine = create_engine("sqlite://", connect_args=options, poolclass=StaticPool)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        yield session
    engine.dispose()


GOOD = {
    "name": "cup",
    "text": "A cup.",
    "note": "",
    "count": "5",
    "price": "1.50",
    "real": "0.5",
    "day": "2026-01-02",
    "moment": "2026-01-02T03:04",
    "hour": "05:06",
    "key": "12345678-1234-5678-1234-567812345678",
    "more": '{"a": [1]}',
    "color": "dark_red",
    "size": "",
    "span": "1 day, 2:03:04",
}
STORED = {
    "name": "cup",
    "text": "A cup.",
    "note": None,
    "count": 5,
    "price": Decimal("1.50"),
    "real": 0.5,
    "active": False,
    "day": datetime.date(2026, 1, 2),
    "moment": datetime.datetime(2026, 1, 2, 3, 4),
    "hour": datetime.time(5, 6),
    "key": uuid.UUID("12345678-1234-5678-1234-567812345678"),
    "more": {"a": [1]},
    "color": Color.dark_red,
    "size": None,
    "span": datetime.timedelta(days=1, hours=2, minutes=3, seconds=4),
}


@pytest.fixture
def save(client, view_of, session):
    """Posts to a view that makes or changes the thing, and says what was stored."""
    form_class = model_form(Thing, session=session)

    def view():
        thing = session.query(Thing).filter_by(note="old").one_or_none() or Thing()
        form = form_class(obj=thing if thing.id else None)
        if form.validate_on_submit():
            form.apply(thing)
            session.add(thing)
            session.commit()
            return repr({name: getattr(thing, name) for name in form.data})
        return form.respond("page.html")

    view_of(view)
    return lambda **sent: client.post("/", data=GOOD | sent, headers={"Accept": "text/html"})


def test_every_column_has_a_field_but_keys_and_bytes():
    assert set(model_form(Thing)(formdata=None).data) == set(STORED)


def test_what_is_sent_is_stored_with_its_type(save):
    assert save().text == repr(STORED)


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("name", "", "This field is required."),
        ("name", "a name that is long", "Field cannot be longer than 9 characters."),
        ("key", "x", "Invalid UUID."),
        ("more", "{", "Not valid JSON."),
        ("more", "[" * 100_000, "Not valid JSON."),
        ("more", "[" * 500 + "]" * 500, "Not valid JSON."),
        ("more", '{"a": NaN}', "Not valid JSON."),
        ("more", "[1e999]", "Not valid JSON."),
        ("more", r'["\u0000"]', "Not valid JSON."),
        ("more", r'{"\\\u0000": 1}', "Not valid JSON."),
        ("more", r'"\ud800"', "Not valid JSON."),
        ("color", "green", "Invalid Choice"),
        ("count", "x", "Not a valid integer value."),
        ("count", str(2**31), "Number must be between -2147483648 and 2147483647."),
        ("price", "1e8", "Number must be between -9999999.99 and 9999999.99."),
        *(("price", text, "Not a valid decimal value.") for text in ("NaN", "sNaN", "-Infinity")),
        *(("real", text, "Not a valid float value.") for text in ("nan", "1e999")),
        ("span", "soon", "Not a valid time span, such as 1:30:00."),
        ("span", "9" * 9 + ":00", "Not a valid time span, such as 1:30:00."),
        ("span", "\u0661:30", "Not a valid time span, such as 1:30:00."),
    ],
)
def test_wrong_values_are_errors_of_their_fields(save, name, text, error):
    response = save(**{name: text})
    assert response.status_code == 422
    assert error in response.text


def test_numbers_may_be_as_large_as_their_columns(save):
    response = save(count=str(-(2**31)), price="-9999999.99", real="1e300")
    assert repr(-(2**31)) in response.text
    assert "Decimal('-9999999.99')" in response.text


@pytest.mark.parametrize(("kind", "bits"), [(SmallInteger, 16), (BigInteger, 64)])
def test_whole_numbers_have_the_bits_of_their_type(kind, bits):
    highest = 2 ** (bits - 1) - 1
    table = Table(f"numbers{bits}", MetaData(), Column("id", Integer, primary_key=True))
    table.append_column(Column("number", kind, unique=True))
    made = model_form(registry().map_imperatively(type("Number", (), {}), table).class_)
    for number, errors in ((highest, {}), (-highest - 1, {}), (highest + 1, {"number"})):
        form = made(MultiDict({"number": str(number)}))
        form.validate()
        assert set(form.errors) == set(errors)


def test_a_unique_value_is_taken_by_others_only(save, session):
    session.add(Thing(name="cup", active=True, color=Color.blue, note="old", count=1))
    session.commit()
    assert save(note="old").text.startswith("{'name': 'cup'")
    session.add(Thing(name="jar", active=True, color=Color.blue, count=1))
    session.commit()
    response = save(name="jar")
    assert response.status_code == 422
    assert "Already exists." in response.text


@pytest.mark.parametrize(
    ("text", "span", "shown"),
    [
        ("1:30", datetime.timedelta(minutes=90), "1:30:00"),
        ("2 days 0:15", datetime.timedelta(days=2, minutes=15), "2 days, 0:15:00"),
        ("100:00:01", datetime.timedelta(hours=100, seconds=1), "4 days, 4:00:01"),
    ],
)
def test_time_spans_are_written_as_python_writes_them(text, span, shown):
    made = model_form(Thing, only=["span"])
    form = made(MultiDict({"span": text}))
    assert form.validate()
    assert form.span.data == span
    assert f'value="{shown}"' in form.span()
    again = made(MultiDict({"span": shown}))
    assert again.span.data == span


def test_who_comes_second_is_told_at_the_field(client, view_of, session):
    made = model_form(Thing, session=session, only=["name", "color"])

    def view():
        form = made()
        if form.validate_on_submit():
            other = Thing(name="cup", active=True, color=Color.blue)
            session.add(other)  # as another request would, in this moment
            session.commit()
            thing = Thing(active=True)
            form.apply(thing)
            session.add(thing)
            if commit(form, session):
                return "stored"
        return form.respond("page.html")

    view_of(view)
    response = client.post("/", data={"name": "cup", "color": "blue"})
    assert response.status_code == 422
    assert "Already exists." in response.text
    assert [thing.name for thing in session.query(Thing)] == ["cup"]


def test_what_the_form_does_not_object_to_stays_an_error(app, session):
    made = model_form(Thing, session=session, only=["name"])
    with app.test_request_context("/", method="POST", data={"name": "cup"}):
        form = made()
        assert form.validate()
        session.add(Thing(name="cup", active=None, color=Color.blue))
        with pytest.raises(IntegrityError):
            commit(form, session)
        session.add(Thing(name="jar", active=True, color=Color.blue))
        assert commit(form, session)


class OnLoop:
    """A session as on an event loop, around one that is not."""

    def __init__(self, session):
        self.session = session

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        pass

    async def execute(self, statement):
        return self.session.execute(statement)

    async def commit(self):
        self.session.commit()

    async def rollback(self):
        self.session.rollback()


def test_unique_values_are_awaited(app, client, session):
    class Named(Form):
        name = StringField(validators=[AsyncUnique(Thing.name, lambda: OnLoop(session))])

    @app.post("/")
    async def view():
        form = Named(data={"name": "mine"})
        if await form.avalidate_on_submit():
            if form.name.data == "late":
                session.add(Thing(name="late", active=True, color=Color.blue))
                session.commit()
            session.add(Thing(name=form.name.data, active=True, color=Color.blue))
            if await acommit(form, OnLoop(session)):
                return "stored"
        return form.respond("page.html")

    assert client.post("/", data={"name": "cup"}).text == "stored"
    for name in ("cup", "late"):
        response = client.post("/", data={"name": name})
        assert response.status_code == 422
        assert "Already exists." in response.text


def test_fields_are_chosen_added_and_described(client, view_of):
    class Own(Form):
        name = StringField("Called")
        extra = StringField()

    made = model_form(
        Thing,
        only=["name", "text"],
        base=Own,
        field_args={"text": {"label": "About", "description": "Short."}},
    )
    form = made(formdata=None)
    assert set(form.data) == {"name", "extra", "text"}
    assert (form.name.label.text, form.text.label.text) == ("Called", "About")
    assert set(model_form(Thing, exclude=["name"])(formdata=None).data) == set(STORED) - {"name"}


def test_what_cannot_have_a_field_is_told():
    with pytest.raises(LookupError, match="nam"):
        model_form(Thing, only=["nam"])
    with pytest.raises(TypeError, match="raw"):
        model_form(Thing, only=["raw"])
