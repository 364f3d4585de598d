"""Whatever a client sends to a form, the answer is never a 500."""

import datetime

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

from cruse import Cruse
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


@pytest.fixture(scope="module", params=["wsgi", "asgi"])
def client(request, tmp_path_factory):
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

    client = app.test_client(gateway=request.param)
    yield client
    client.close()
    app.stop()


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
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150
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
    import json

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
