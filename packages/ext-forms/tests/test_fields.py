"""The fields of one form have nothing to do with those of another one of its class."""

import gc
import itertools
import weakref

import pytest
from wtforms import BooleanField, DateField, FormField, RadioField, SelectField, StringField
from wtforms import Form as PlainForm
from wtforms.validators import DataRequired, Length

from cruse_forms import Form

LANGUAGES = ["en"]


class Signup(Form):
    name = StringField("Name", [DataRequired(), Length(max=80)], render_kw={"class": "wide"})
    birthday = DateField(format=["%Y-%m-%d"])
    terms = BooleanField(default=True)
    language = SelectField(choices=LANGUAGES)


def test_every_form_looks_as_the_first_one():
    def html(form):
        return [f"{field.label} {field()}" for field in form]

    class Plain(PlainForm):
        name = StringField("Name", [DataRequired(), Length(max=80)], render_kw={"class": "wide"})
        birthday = DateField(format=["%Y-%m-%d"])
        terms = BooleanField(default=True)
        language = SelectField(choices=LANGUAGES)

    for prefix in ("", "", "a-", ""):
        assert html(Signup(None, prefix=prefix)) == html(Plain(None, prefix=prefix))


def test_what_a_view_changes_of_a_field_stays_with_its_form():
    first = Signup(None)
    for form in (first, Signup(None)):
        form.name.label.text = "Your name"
        form.name.flags.required = False
        form.name.flags.readonly = True
        form.name.render_kw["class"] = "narrow"
        form.name.description = "As in your passport"
        form.birthday.format.append("%d.%m.%Y")
    after = Signup(None)
    assert after.name.label.text == "Name"
    assert (after.name.flags.required, after.name.flags.readonly) == (True, None)
    assert after.name.render_kw == {"class": "wide"}
    assert after.name.description == ""
    assert after.birthday.format == ["%Y-%m-%d"]


def test_errors_and_data_stay_with_their_form(app):
    with app.test_request_context("/", method="POST", data={"birthday": "soon", "language": "en"}):
        wrong = Signup()
        assert not wrong.validate()
    right = Signup(None, data={"name": "Ada"})
    assert wrong.errors.keys() == {"name", "birthday"}
    assert not right.errors
    assert (wrong.name.data, right.name.data) == (None, "Ada")
    assert (wrong.terms.data, right.terms.data) == (False, True)
    assert right.name.meta is right.meta


def test_a_declaration_may_change_while_the_application_runs():
    class Search(Form):
        words = StringField("Words")
        language = SelectField(choices=LANGUAGES)
        order = RadioField(choices=lambda: list(LANGUAGES))

    Search(None)
    LANGUAGES.append("de")
    try:
        assert [value for value, *_ in Search(None).language.iter_choices()] == ["en", "de"]
        assert [value for value, *_ in Search(None).order.iter_choices()] == ["en", "de"]
    finally:
        LANGUAGES.remove("de")
    Search.words.kwargs["description"] = "Any of them"
    assert Search(None).words.description == "Any of them"
    Search.words = StringField("Phrase", [DataRequired()])
    assert Search(None).words.label.text == "Phrase"
    assert Search(None).words.flags.required


def test_a_field_of_ones_own_is_constructed_for_each_form():
    numbers = itertools.count()

    class Numbered(StringField):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.number = next(numbers)

    class Ticket(Form):
        number = Numbered()

    assert [Ticket(None).number.number for _ in range(3)] == [0, 1, 2]


def test_functions_are_asked_for_defaults_each_time():
    numbers = itertools.count()

    class Ticket(Form):
        number = StringField(default=lambda: next(numbers))

    assert [Ticket(None).number.data for _ in range(3)] == [0, 1, 2]
    assert Ticket(None, data={"number": 9}, number=8).number.data == 8


@pytest.mark.parametrize("field", ["formdata", "obj", "data_", "extra_filters"])
def test_fields_may_have_the_names_of_arguments(field, app):
    form_class = type("Odd", (Form,), {field: StringField(default="as before")})
    assert form_class(None)._fields[field].data == "as before"


def test_labels_made_of_names_are_in_the_language_of_each_form(app):
    class Words:
        def __init__(self, word):
            self.word = word

        def gettext(self, text):
            return f"{self.word} {text}"

        ngettext = gettext

    class Account(Form):
        first_name = StringField()
        last_name = FormField(Signup)

        class Meta:
            words = None

            def get_translations(self, form):
                return Words(self.words) if self.words else None

    for words, first, last in [
        ("a", "a First Name", "a Last Name"),
        ("b", "b First Name", "b Last Name"),
        ("", "First Name", "Last Name"),
    ]:
        form = Account(None, meta={"words": words})
        assert (form.first_name.label.text, form.last_name.label.text) == (first, last)


def test_a_form_is_not_kept_for_the_next_one():
    class Address(Form):
        town = StringField()

    class Person(Form):
        name = StringField()
        address = FormField(Address)

    first = Person(None)
    kept = weakref.ref(first)
    del first
    gc.collect()
    assert kept() is None
