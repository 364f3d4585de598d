"""What a form gives back: a typed value, what was sent, and an object with the changes in it."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Annotated

import pytest
from wtforms import BooleanField, FieldList, FormField, IntegerField, StringField, SubmitField
from wtforms.validators import InputRequired, Length, ReadOnly

from cruse_forms import Form


@dataclass
class Place:
    city: str


@dataclass
class Account:
    email: str
    age: int
    place: Place

    def __post_init__(self):
        if self.age == 13:
            raise ValueError("Unlucky.")


class PlaceForm(Form[Place]):
    city = StringField(validators=[Length(max=9)])


class AccountForm(Form[Account]):
    email = StringField(validators=[InputRequired()])
    again = StringField()
    age = IntegerField(validators=[InputRequired()])
    place = FormField(PlaceForm)
    send = SubmitField()


def test_the_value_is_an_object_of_the_declared_class(client, view_of):
    def view():
        form = AccountForm()
        if form.validate_on_submit():
            return repr(form.value)
        with pytest.raises(RuntimeError, match="no value"):
            _ = form.value
        return form.errors, 422

    view_of(view)
    sent = {"email": "a@b", "again": "a@b", "age": "7", "place-city": "Oslo", "send": "y"}
    expected = repr(Account("a@b", 7, Place("Oslo")))
    assert client.post("/", data=sent).text == expected
    assert client.post("/", data=sent | {"age": "x"}).status_code == 422
    assert client.post("/", data=sent | {"age": "13"}).json == {"": ["Unlucky."]}


def test_without_a_class_the_value_is_a_dict_without_buttons(client, view_of):
    class Plain(Form):
        name = StringField()
        lines = FieldList(FormField(PlaceForm))
        send = SubmitField()

    def view():
        form = Plain()
        form.validate()
        return repr(form.value)

    view_of(view)
    sent = {"name": "x", "lines-0-city": "Rome"}
    assert client.post("/", data=sent).text == repr({"name": "x", "lines": [Place("Rome")]})


@pytest.mark.parametrize("library", ["pydantic", "msgspec"])
def test_models_of_pydantic_and_msgspec_judge_too(client, view_of, library):
    module = pytest.importorskip(library)
    if library == "pydantic":
        base, length = module.BaseModel, module.Field(min_length=3)
    else:
        base, length = module.Struct, module.Meta(min_length=3)

    class Model(base):
        name: Annotated[str, length]

    class Named(Form[Model]):
        name = StringField()
        other = StringField()

    def view():
        form = Named()
        return {"valid": form.validate(), "errors": form.errors}

    view_of(view)
    told = client.post("/", data={"name": "ab"}).json
    assert not told["valid"]
    assert len(told["errors"]["name"]) == 1
    assert client.post("/", data={"name": "abc"}).json["valid"]


class Profile(Form):
    name = StringField(validators=[InputRequired()])
    bio = StringField(validators=[InputRequired()])
    rank = StringField(validators=[ReadOnly()])
    active = BooleanField()
    place = FormField(PlaceForm)
    tags = FieldList(StringField())
    save = SubmitField()


def stored():
    place = SimpleNamespace(city="Oslo", zip="0150")
    return SimpleNamespace(
        name="Ada", bio="Counts.", rank="3", active=True, place=place, tags=["a"]
    )


@pytest.fixture
def patch(client, view_of):
    def view():
        obj = stored()
        form = Profile.bind(obj, partial=True)
        valid = form.validate_on_submit()
        if valid:
            form.apply(obj, only="sent")
        obj.place = vars(obj.place)
        return {
            "valid": valid,
            "sent": sorted(form.sent),
            "changed": sorted(form.changed),
            "errors": form.errors,
            "obj": vars(obj),
        }

    view_of(view)
    return lambda **sent: client.patch("/", **sent).json


def unchanged():
    obj = stored()
    obj.place = vars(obj.place)
    return vars(obj)


@pytest.mark.parametrize("kind", ["json", "data"])
def test_a_partial_form_validates_and_writes_only_what_was_sent(patch, kind):
    told = patch(**{kind: {"bio": "Writes."}})
    assert (told["valid"], told["sent"], told["changed"]) == (True, ["bio"], ["bio"])
    assert told["obj"] == unchanged() | {"bio": "Writes."}
    told = patch(**{kind: {"name": ""}})
    assert told["errors"] == {"name": ["This field is required."]}


def test_a_partial_form_is_partial_in_the_forms_within_it(patch):
    told = patch(json={"place": {"city": "Rome"}, "tags": ["b", "c"], "active": False})
    assert told["valid"]
    place = {"city": "Rome", "zip": "0150"}
    assert told["obj"] == unchanged() | {"place": place, "tags": ["b", "c"], "active": False}
    assert patch(json={"place": {}})["obj"] == unchanged()
    assert not patch(json={"place": {"city": "A name that is long"}})["valid"]


def test_read_only_fields_and_buttons_are_never_written(patch):
    assert not patch(data={"rank": "9"})["valid"]
    form = Profile(formdata=None)
    form.name.data, form.rank.data = "Eve", "9"
    obj = stored()
    form.apply(obj, only=["name", "rank", "save"])
    assert (obj.name, obj.rank, hasattr(obj, "save")) == ("Eve", "3", False)


def test_only_some_fields_are_validated_when_asked(client, view_of):
    def view():
        form = Profile()
        return {"valid": form.validate(only=["name"]), "errors": form.errors}

    view_of(view)
    assert client.post("/", data={"name": "x"}).json == {"valid": True, "errors": {}}
    told = client.post("/", data={}).json
    assert told == {"valid": False, "errors": {"name": ["This field is required."]}}
    told = client.post("/", json={"name": "x", "bio": 7}).json
    assert told["valid"]


def test_a_name_that_no_field_has_cannot_be_validated():
    with pytest.raises(LookupError, match="nam"):
        Profile(formdata=None).validate(only=["nam"])


def test_rows_are_written_into_the_objects_they_came_from(client, view_of):
    class Line(Form):
        count = IntegerField()

    class Order(Form):
        lines = FieldList(FormField(Line))

    def view():
        first = SimpleNamespace(count=1, id=11)
        obj = SimpleNamespace(lines=[first])
        form = Order(obj=obj)
        form.validate()
        form.apply(obj)
        return [vars(obj.lines[0]), obj.lines[1], obj.lines[0] is first]

    view_of(view)
    told = client.post("/", data={"lines-0-count": "5", "lines-1-count": "6"}).json
    assert told == [{"count": 5, "id": 11}, {"count": 6}, True]


class Search(Form):
    q = StringField(validators=[Length(max=5)])
    page = IntegerField(default=1)


def test_a_search_is_bound_to_the_query(client, view_of):
    def view():
        form = Search.bind_query()
        return {"valid": form.validate_on_submit(), "data": form.data, "errors": form.errors}

    view_of(view)
    assert client.get("/").json == {"valid": False, "data": {"q": None, "page": 1}, "errors": {}}
    assert client.get("/?utm=x").json["valid"] is False
    told = client.get("/?q=cats&page=2").json
    assert told == {"valid": True, "data": {"q": "cats", "page": 2}, "errors": {}}
    assert "q" in client.get("/?q=elephants").json["errors"]
    assert client.get("/?" + "&".join(f"q-{n}=x" for n in range(1_001))).status_code == 413
