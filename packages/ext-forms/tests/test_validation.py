"""Asynchronous validators run, and are never skipped in silence."""

import asyncio
from functools import partial

import pytest
from wtforms import FieldList, FormField, StringField
from wtforms import Form as PlainForm
from wtforms.validators import InputRequired, Length, StopValidation, ValidationError
from wtforms.validators import Optional as OptionalValue

from cruse_forms import Form
from cruse_forms.file import FileField

TAKEN = ("ada", "grace")


async def is_free(form, field):
    await asyncio.sleep(0)
    if field.data in TAKEN:
        raise ValidationError("Taken.")


class Free:
    """The same as an object."""

    async def __call__(self, form, field):
        await is_free(form, field)

    async def method(self, form, field):
        await is_free(form, field)


class Signup(Form):
    name = StringField(validators=[InputRequired(), is_free])
    nick = StringField(validators=[OptionalValue(), Free(), Length(max=9)])


@pytest.fixture
def check(app, client, request):
    """Posts to an async view that validates a form, and returns what it found."""
    forms = {}

    @app.post("/<name>")
    async def view(name):
        form = forms[name]()
        valid = await form.avalidate_on_submit()
        return {"valid": valid, "errors": form.errors}

    def check(form_class, **sent):
        forms[form_class.__name__] = form_class
        return client.post(f"/{form_class.__name__}", **sent).json

    return check


def test_an_asynchronous_validator_that_objects_makes_the_form_invalid(check):
    assert check(Signup, data={"name": "ada"}) == {"valid": False, "errors": {"name": ["Taken."]}}
    assert check(Signup, data={"name": "linus"}) == {"valid": True, "errors": {}}
    told = check(Signup, json={"name": "ada", "nick": "grace"})
    assert told["errors"] == {"name": ["Taken."], "nick": ["Taken."]}


@pytest.mark.parametrize(
    "validator", [is_free, Free(), Free().method, partial(is_free), partial(Free().method)]
)
def test_every_kind_of_asynchronous_callable_is_one(check, validator):
    class Some(Form):
        name = StringField(validators=[validator])

    assert check(Some, data={"name": "ada"})["errors"] == {"name": ["Taken."]}
    with pytest.raises(RuntimeError, match="name"):
        Some(formdata=None).validate()


def test_validators_of_the_form_may_be_asynchronous(check):
    class Some(Form):
        name = StringField(validators=[Length(max=4)])

        async def validate_name(self, field):
            await is_free(self, field)

    assert check(Some, data={"name": "ada"})["errors"] == {"name": ["Taken."]}
    assert check(Some, data={"name": "grace"})["errors"] == {
        "name": ["Field cannot be longer than 4 characters."]
    }
    with pytest.raises(RuntimeError, match=r"Some has asynchronous validators, of name: use"):
        Some(formdata=None).validate()


def test_validators_of_the_caller_may_be_asynchronous(app, client):
    class Some(Form):
        name = StringField()

    extra = {"name": [is_free]}

    @app.post("/")
    async def view():
        return {"valid": await Some().avalidate(extra)}

    @app.post("/sync")
    def sync_view():
        return {"valid": Some().validate(extra)}

    for _ in range(2):
        assert client.post("/", data={"name": "ada"}).json == {"valid": False}
        assert client.post("/", data={"name": "bob"}).json == {"valid": True}
    with pytest.raises(RuntimeError, match="avalidate"):
        client.post("/sync", data={"name": "bob"})
    assert extra == {"name": [is_free]}


@pytest.mark.parametrize("method", ["validate", "validate_on_submit"])
def test_validating_without_waiting_is_an_error_even_for_good_data(app, client, view_of, method):
    view_of(lambda: {"valid": getattr(Signup(), method)()}, endpoint="signup")
    with pytest.raises(RuntimeError, match="await form"):
        client.post("/", data={"name": "linus"})


def test_the_fields_check_side_by_side(check):
    running, most = 0, 0

    async def count(form, field):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1

    class Many(Form):
        one = StringField(validators=[count, count])
        two = StringField(validators=[count])
        three = StringField(validators=[count])

    assert check(Many, data={})["valid"] is True
    assert most == 3


def test_the_validators_of_one_field_run_in_order_and_can_stop(check):
    seen = []

    def noting(name, error=None):
        async def validator(form, field):
            seen.append(name)
            await asyncio.sleep(0)
            if error is not None:
                raise error

        return validator

    class Some(Form):
        one = StringField(
            validators=[
                noting("first", ValidationError("wrong")),
                noting("second", StopValidation("enough")),
                noting("never"),
            ]
        )
        two = StringField(validators=[noting("quiet", StopValidation()), noting("nor this")])

    told = check(Some, data={})
    assert told["errors"] == {"one": ["wrong", "enough"]}
    assert sorted(seen) == ["first", "quiet", "second"]


def test_a_field_that_is_wrong_already_starts_no_asynchronous_validator(check):
    seen = []

    async def note(form, field):
        seen.append(field.name)

    class Some(Form):
        long = StringField(validators=[note, Length(max=2)])
        empty = StringField(validators=[OptionalValue(), note])
        missing = StringField(validators=[note, InputRequired()])
        typed = StringField(validators=[OptionalValue(), note])
        good = StringField(validators=[note])

    assert check(Some, json={"long": "abc", "typed": 5, "good": "x"})["valid"] is False
    assert seen == ["good"]


def test_an_unexpected_error_of_a_validator_is_raised_after_all_have_ended(check):
    ended = []

    async def fail(form, field):
        raise ArithmeticError("bug")

    async def slow(form, field):
        await asyncio.sleep(0.01)
        ended.append(field.name)

    class Some(Form):
        one = StringField(validators=[fail])
        two = StringField(validators=[slow])

    with pytest.raises(ArithmeticError, match="bug"):
        check(Some, data={})
    assert ended == ["two"]


class Phone(Form):
    number = StringField(validators=[Length(max=5), is_free])

    async def validate_number(self, field):
        if field.data == "000":
            raise ValidationError("No such number.")


class PlainPhone(PlainForm):
    number = StringField(validators=[Length(max=5), Free()])


class Person(Form):
    main = FormField(Phone)
    plain = FormField(PlainPhone)
    phones = FieldList(FormField(Phone))
    names = FieldList(StringField(validators=[is_free, Length(max=5)]), validators=[Free()])


def test_validators_within_forms_and_lists_run(check):
    sent = {"main": {"number": "000"}, "plain": {"number": "ada"}, "names": ["x", "ada"]}
    sent["phones"] = [{"number": "1"}, {"number": "grace"}, {"number": 6}]
    assert check(Person, json=sent)["errors"] == {
        "main": {"number": ["No such number."]},
        "plain": {"number": ["Taken."]},
        "phones": [
            {},
            {"number": ["Taken."]},
            {"number": ["Must be text."]},
        ],
        "names": [[], ["Taken."]],
    }
    good = {"main": {"number": "1"}, "names": ["x"], "phones": [{"number": "2"}]}
    assert check(Person, json=good) == {"valid": True, "errors": {}}
    with pytest.raises(RuntimeError, match="main-number, plain-number, names"):
        Person(formdata=None).validate()


def test_a_list_keeps_its_own_errors_beside_those_of_its_entries(check):
    def at_most_two(form, field):
        if len(field.data) > 2:
            raise ValidationError("Far too many.")

    async def at_most_one(form, field):
        if len(field.data) > 1:
            raise ValidationError("Too many.")

    class Some(Form):
        names = FieldList(StringField(validators=[is_free]), validators=[at_most_two, at_most_one])

    assert check(Some, json={"names": ["a", "b"]})["errors"] == {"names": ["Too many."]}
    assert check(Some, json={"names": ["ada"]})["errors"] == {"names": [["Taken."]]}
    told = check(Some, json={"names": ["a", "b", 3]})
    assert told["errors"]["names"] == [
        [],
        [],
        ["Must be text."],
        "Far too many.",
    ]


def test_what_cannot_wait_is_refused_with_a_reason():
    class Plain(PlainForm):
        number = StringField()

        async def validate_number(self, field):
            pass

    class Outer(Form):
        inner = FormField(Plain)

    with pytest.raises(TypeError, match="Plain has an asynchronous validator"):
        Outer(formdata=None).validate()

    class Inner(Form):
        inner = FormField(Phone)

        async def validate_inner(self, field):
            pass

    with pytest.raises(TypeError, match="takes no validators"):
        Inner(formdata=None).validate()


def test_an_overridden_validate_is_part_of_the_asynchronous_one(check):
    class Passwords(Form):
        one = StringField(validators=[is_free])
        two = StringField()

        def validate(self, extra_validators=None):
            valid = super().validate(extra_validators)
            if self.one.data != self.two.data:
                self.form_errors.append("They differ.")
                return False
            return valid

    assert check(Passwords, data={"one": "a", "two": "b"}) == {
        "valid": False,
        "errors": {"": ["They differ."]},
    }
    assert check(Passwords, data={"one": "a", "two": "a"})["valid"] is True


def test_validating_twice_tells_everything_once(app, client):
    @app.post("/")
    async def view():
        form = Signup()
        first = await form.avalidate()
        second = await form.avalidate()
        return {"valid": [first, second], "errors": form.errors}

    told = client.post("/", json=["ada"]).json
    assert told["valid"] == [False, False]
    assert told["errors"][""] == ["The body must be a JSON object."]
    assert client.post("/", json={"name": "ada"}).json["errors"] == {"name": ["Taken."]}


def test_a_form_without_asynchronous_validators_may_be_awaited_too(check):
    class Some(Form):
        name = StringField(validators=[InputRequired()])
        file = FileField()

    assert check(Some, data={})["errors"] == {"name": ["This field is required."]}
    assert check(Some, data={"name": "x"})["valid"] is True


def test_nothing_is_validated_that_was_not_submitted(app, client):
    @app.get("/")
    async def view():
        form = Signup()
        return {"valid": await form.avalidate_on_submit(), "errors": form.errors}

    assert client.get("/").json == {"valid": False, "errors": {}}
