"""Whatever a client sends to a form, the answer is never a 500."""

import asyncio
import datetime
import json
import random
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wtforms import (
    BooleanField,
    ColorField,
    DateField,
    DateTimeLocalField,
    DecimalField,
    FieldList,
    FloatField,
    FormField,
    IntegerField,
    MonthField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    TimeField,
    WeekField,
)
from wtforms import Form as PlainForm
from wtforms.validators import (
    URL,
    UUID,
    AnyOf,
    DataRequired,
    DateRange,
    EqualTo,
    InputRequired,
    IPAddress,
    Length,
    MacAddress,
    NoneOf,
    NumberRange,
    Regexp,
    ValidationError,
)
from wtforms.validators import Optional as OptionalValue

from cruse import Cruse, request
from cruse_forms import Form, Forms
from cruse_forms.file import FileAllowed, FileField, FileSize, MultipleFileField


async def never_ada(form, field):
    if field.data == "ada":
        raise ValidationError("Taken.")


class Line(PlainForm):
    count = IntegerField(validators=[NumberRange(1, 9)])
    price = DecimalField(validators=[OptionalValue(), NumberRange(min=0)])


class Everything(Form):
    name = StringField(validators=[InputRequired(), Length(2, 9), never_ada])
    again = StringField(validators=[EqualTo("name")])
    about = TextAreaField(validators=[DataRequired()])
    url = StringField(validators=[OptionalValue(), URL(require_tld=False)])
    uuid = StringField(validators=[UUID()])
    ip = StringField(validators=[IPAddress(ipv6=True)])
    mac = StringField(validators=[MacAddress()])
    code = StringField(validators=[Regexp(r"[a-z]+$"), NoneOf(["abc"])])
    color = ColorField(validators=[AnyOf(["#000000"])])
    whole = IntegerField(validators=[NumberRange(0, 9)])
    real = FloatField(validators=[NumberRange(0, 9)])
    exact = DecimalField(validators=[NumberRange(0, 9)])
    day = DateField(validators=[DateRange(min=datetime.date(2000, 1, 1))])
    month = MonthField()
    week = WeekField()
    hour = TimeField()
    moment = DateTimeLocalField(tz=datetime.UTC)
    yes = BooleanField()
    one = SelectField(choices=["1", "2"], coerce=int)
    other = RadioField(choices=["a", "b"])
    some = SelectMultipleField(choices=["a", "b"])
    file = FileField(validators=[FileAllowed(["png"]), FileSize(9)])
    files = MultipleFileField(validators=[FileSize(9)])
    line = FormField(Line)
    lines = FieldList(FormField(Line), max_entries=3)
    words = FieldList(StringField(validators=[Length(max=3), never_ada]), min_entries=1)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    root = tmp_path_factory.mktemp("fuzz")
    (root / "templates").mkdir()
    (root / "templates" / "page.html").write_text("{{ form.render() }}")
    app = Cruse("fuzz", root_path=str(root), extensions=[Forms()])
    # Errors become what a visitor would see.
    app.config.update(SECRET_KEY="x", PROPAGATE_EXCEPTIONS=False)

    @app.route("/", methods=["POST", "PATCH"])
    async def view():
        form = Everything()
        valid = await form.avalidate_on_submit()
        assert valid is not bool(form.errors)
        return form.respond("page.html")

    @app.route("/<int:part>", methods=["POST", "PATCH"])
    async def view_part(part):
        form = await PARTS[part].abind(partial=request.method == "PATCH")
        await form.avalidate_on_submit()
        return form.respond("page.html")

    yield app
    app.stop()


@pytest.fixture(scope="module", params=["wsgi", "asgi"])
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()


NAMES = [field for field in dir(Everything) if hasattr(getattr(Everything, field), "field_class")]
SEPARATED = ["line-count", "lines-0-count", "lines-1-price", "lines-7", "words-0", "words-3"]
ODD = ["lines-²-count", "words-" + "9" * 5_000, "words--1", "-", "", "csrf_token", "\0", "é²"]
names = st.sampled_from([*NAMES, *SEPARATED, *ODD]) | st.text(max_size=9)
numbers = ["sNaN", "NaN", "Infinity", "-0", "1e999999", "9" * 400, "1_0", "٣", "0x1", "1,5"]
addresses = ["http://[", "http://a", "::1%", "1.1.1.1", "0-0-0-0-0", "2020-01-01", "9999-W53"]
dates = ["0001-01-01", "2020-01-01T00:00", "24:00", "2020-02-30", "#000000", "ada", "a", "1"]
texts = st.sampled_from([*numbers, *addresses, *dates]) | st.text(max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=9,
)

ANSWERS = {200, 400, 403, 413, 422}
fuzzed = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60
)


@fuzzed
@given(pairs=st.lists(st.tuples(names, texts), max_size=12))
def test_forms(client, pairs):
    sent = {}
    for name, text in pairs:
        sent.setdefault(name, []).append(text.encode("utf-8", "surrogatepass"))
    assert client.post("/", data=sent).status_code in ANSWERS


@fuzzed
@given(values=st.dictionaries(names, json_values, max_size=9) | json_values)
def test_json(client, values):
    body = json.dumps(values)
    response = client.patch("/", data=body, content_type="application/json")
    assert response.status_code in ANSWERS
    html = {"Accept": "text/html"}
    response = client.post("/", data=body, content_type="application/json", headers=html)
    assert response.status_code in ANSWERS


def quoted(text):
    return text.replace("\\", "").replace('"', "").replace("\r", "").replace("\n", "")


@fuzzed
@given(parts=st.lists(st.tuples(names, texts, st.none() | texts), max_size=9))
def test_multipart(client, parts):
    body = ""
    for name, text, filename in parts:
        file = "" if filename is None else f'; filename="{quoted(filename)}"'
        head = f'Content-Disposition: form-data; name="{quoted(name)}"{file}'
        body += f"--b\r\n{head}\r\n\r\n{text}\r\n"
    data = (body + "--b--\r\n").encode("utf-8", "surrogatepass")
    response = client.post("/", data=data, content_type="multipart/form-data; boundary=b")
    assert response.status_code in ANSWERS


@fuzzed
@given(body=st.binary(max_size=200), kind=st.sampled_from(["urlencoded", "multipart", "json", ""]))
def test_bytes(client, body, kind):
    types = {
        "urlencoded": "application/x-www-form-urlencoded",
        "multipart": "multipart/form-data; boundary=b",
        "json": "application/vnd.api+json",
        "": "text/plain",
    }
    assert client.post("/", data=body, content_type=types[kind]).status_code in ANSWERS


# -- many, at a low price: small forms, no client, no search for the smallest body ---------------

FIELDS = sorted(
    ((name, getattr(Everything, name)) for name in NAMES),
    key=lambda each: each[1].creation_counter,
)
#: All the fields, in forms of a few.
PARTS = [
    type("Part", (Form,), dict(FIELDS[first : first + 5])) for first in range(0, len(FIELDS), 5)
]
NUMBERS = ["sNaN", "NaN", "Infinity", "-0", "1e999999", "9" * 400, "1_0", "٣", "0x1", "1,5", "5"]
SOME_TEXTS = [
    *NUMBERS,
    *addresses,
    *dates,
    "",
    "\0",
    "\ud800",
    "<&\"'",
    "y" * 300,
    "\u017f\u202e\U0001f600",
]


class Bodies:
    """Bodies made by chance, always the same ones.

    Args:
        seed: Another one makes others.
    """

    def __init__(self, seed):
        self.random = random.Random(seed)  # noqa: S311 - no secret
        self.names = []

    def make(self, part):
        """Return a body for a form, and its type."""
        own = [name for name in NAMES if hasattr(part, name)]
        self.names = [*own, *own, *ODD]
        self.names += [name for name in SEPARATED if name.partition("-")[0] in own]
        return self.random.choice([self.form, self.json, self.multipart])()

    def text(self):
        text = self.random.choice(SOME_TEXTS)
        return text if self.random.random() < 0.9 else text + self.random.choice(SOME_TEXTS)

    def name(self):
        return self.random.choice(self.names)

    def pairs(self):
        return [(self.name(), self.text()) for _ in range(self.random.randrange(12))]

    def damaged(self, body):
        """Return a body that lacks a part, or has a byte more, now and then."""
        if not body or self.random.random() < 0.9:
            return body
        at = self.random.randrange(len(body))
        more = bytes([self.random.randrange(256)]) if self.random.random() < 0.5 else b""
        return body[:at] + more + body[at + self.random.randrange(9) :]

    def form(self):
        written = (
            "=".join(quote_from_bytes(each.encode("utf-8", "surrogatepass")) for each in pair)
            for pair in self.pairs()
        )
        return self.damaged("&".join(written).encode()), "application/x-www-form-urlencoded"

    def json(self):
        body = json.dumps(self.json_value(3)).encode()
        return self.damaged(body), "application/json"

    def json_value(self, depth):
        kind = self.random.randrange(9 if depth else 5)
        if kind > 6:
            return [self.json_value(depth - 1) for _ in range(self.random.randrange(4))]
        if kind > 4 or depth == 3:
            count = self.random.randrange(9)
            return {self.name(): self.json_value(depth - 1) for _ in range(count)}
        return [None, True, 10**400, float("nan"), self.text()][kind]

    def multipart(self):
        body = ""
        for name, text in self.pairs():
            file = f'; filename="{quoted(self.text())}"' if self.random.random() < 0.3 else ""
            head = f'Content-Disposition: form-data; name="{quoted(name)}"{file}'
            body += f"--b\r\n{head}\r\n\r\n{text}\r\n"
        body = (body + "--b--\r\n").encode("utf-8", "surrogatepass")
        return self.damaged(body), "multipart/form-data; boundary=b"


async def status_of(app, method, path, body, content_type, accept):
    """Hand a request to an application as an ASGI server does; return the status."""
    headers = {"host": "localhost", "accept": accept, "content-type": content_type}
    headers["content-length"] = str(len(body))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }
    statuses = []

    async def receive():
        return {"type": "http.request", "body": body}

    async def send(message):
        statuses.append(message.get("status"))

    await app(scope, receive, send)
    return statuses[0]


def test_ten_thousand_bodies(app):
    async def send_all():
        bodies = Bodies(8)
        wrong = []
        counts = dict.fromkeys(ANSWERS, 0)
        for number in range(10_000):
            part = number % len(PARTS)
            body, content_type = bodies.make(PARTS[part])
            method = "PATCH" if number % 3 else "POST"
            accept = "text/html" if number % 50 == 0 else "application/json"
            status = await status_of(app, method, f"/{part}", body, content_type, accept)
            counts[status] = counts.get(status, 0) + 1
            if status not in ANSWERS:
                wrong.append((status, method, accept, content_type, body))
        return wrong, counts

    wrong, counts = asyncio.run(send_all())
    assert wrong[:3] == []
    assert counts[422] > 5_000  # most of them came as far as the fields
