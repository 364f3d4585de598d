"""Inputs are written as WTForms writes them, to the letter, for a part of the cost."""

import pytest
import wtforms
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from werkzeug.datastructures import MultiDict
from wtforms import widgets
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Regexp
from wtforms.widgets import PasswordInput

from cruse import Cruse
from cruse_forms import Form, Forms
from tests.calls import calls_of

PLAIN = [
    SelectChoice("a", "<First>"),
    SelectChoice("b", render_kw={"data_x": '"', "disabled": True}),
]
GROUPED = [SelectChoice("a", optgroup="One & two"), SelectChoice("b"), SelectChoice(True, "c")]


class Shouting(widgets.TextInput):
    """A widget of an application."""

    def __call__(self, field, **kwargs):
        return Markup("<b>") + super().__call__(field, **kwargs) + Markup("</b>")


KINDS = {
    "text": wtforms.StringField("A <b>", [InputRequired(), Length(2, 9)]),
    "pattern": wtforms.StringField(validators=[Regexp("[a-z]+", html_pattern="[a-z]+")]),
    "listed": wtforms.StringField(datalist=wtforms.DataList(choices=["a", "b"])),
    "elsewhere": wtforms.StringField(datalist="others", id="an-id"),
    "long": wtforms.TextAreaField(validators=[Length(max=5)], render_kw={"rows": 3}),
    "secret": wtforms.PasswordField(render_kw={"class_": "wide", "aria_label": "x"}),
    "shown": wtforms.PasswordField(widget=PasswordInput(hide_value=False)),
    "hidden": wtforms.HiddenField(),
    "search": wtforms.SearchField(),
    "phone": wtforms.TelField(),
    "site": wtforms.URLField(),
    "email": wtforms.EmailField(),
    "color": wtforms.ColorField(),
    "whole": wtforms.IntegerField(validators=[NumberRange(lambda: 1, 9)]),
    "slider": wtforms.IntegerRangeField(widget=widgets.RangeInput(step=2, min=0)),
    "exact": wtforms.DecimalField(),
    "day": wtforms.DateField(),
    "yes": wtforms.BooleanField(validators=[InputRequired()]),
    "one": wtforms.SelectField(choices=PLAIN, validators=[InputRequired()]),
    "grouped": wtforms.SelectField(choices=GROUPED),
    "some": wtforms.SelectMultipleField(choices=PLAIN),
    "either": wtforms.RadioField(choices=PLAIN, validators=[InputRequired()]),
    "file": wtforms.MultipleFileField(),
    "button": wtforms.ButtonField("More & more"),
    "submit": wtforms.SubmitField("Send <"),
    "own": wtforms.StringField(widget=Shouting()),
}
#: For each of them a form of ours and a plain one.
FORMS = {
    name: [type("Kind", (base,), {name: field}) for base in (Form, wtforms.Form)]
    for name, field in KINDS.items()
}
texts = st.sampled_from(['"', "<&>'", "", "a", "b", "True"]) | st.text(max_size=5)
values = (
    texts
    | st.booleans()
    | st.integers()
    | st.none()
    | texts.map(Markup)
    | st.just(Markup('"<i>"'))
)
keys = st.sampled_from(
    ["class_", "class", "data_a_b", "aria_label", "id", "value", "type", "required", "checked",
     "min", "list", "multiple", "rows", "disabled", "x<", "on_"]
)  # fmt: skip


def outcome(make):
    """What comes of it: HTML, or an error, as for a date that is none."""
    try:
        return make()
    except (AttributeError, TypeError, ValueError) as error:
        return type(error)


@given(
    name=st.sampled_from(list(KINDS)),
    data=texts | st.none() | st.booleans(),
    attributes=st.dictionaries(keys, values, max_size=4),
)
def test_the_html_is_that_of_wtforms(name, data, attributes):
    own, plain = (
        outcome(lambda form=form: form(None, data={name: data})[name](**attributes))
        for form in FORMS[name]
    )
    assert own == plain
    assert type(own) is type(plain)


@given(text=texts, attributes=st.dictionaries(keys | st.just("for_"), values, max_size=2))
def test_labels_are_those_of_wtforms(text, attributes):
    own, plain = (form().text.label for form in FORMS["text"])
    assert own() == plain() == str(own)
    assert own(text, **attributes) == plain(text, **attributes)


@pytest.mark.parametrize(("name", "chosen"), [("either", "a"), ("some", ["b"])])
def test_choices_one_by_one_are_those_of_wtforms(name, chosen):
    own, plain = (form(data={name: chosen})[name] for form in FORMS[name])
    assert [(each(class_="x"), each.label()) for each in own] == [
        (each(class_="x"), each.label()) for each in plain
    ]
    assert own() == plain()


# -- what it takes, in Python calls: exact on any machine -----------------------------------------

VALID = {
    "name": "Ada",
    "email": "ada@example.org",
    "age": "36",
    "password": "engines!",
    "yes": "y",
}


def signup(base):
    return type(
        "Signup",
        (base,),
        {
            "name": wtforms.StringField("Name", [DataRequired(), Length(max=80)]),
            "email": wtforms.EmailField("E-mail", [DataRequired(), Regexp(r"[^@]+@[^@]+$")]),
            "age": wtforms.IntegerField("Age", [NumberRange(0, 150)]),
            "password": wtforms.PasswordField("Password", [DataRequired(), Length(min=8)]),
            "yes": wtforms.BooleanField("Terms", [DataRequired()]),
        },
    )


@pytest.fixture
def request_of():
    """The context of a request that submits a form of five fields, and the form."""
    app = Cruse(__name__, extensions=[Forms()])
    own = {"Sec-Fetch-Site": "same-origin"}
    with app.test_request_context("/", method="POST", data=VALID, headers=own):
        yield signup(Form)
    app.stop()


def html(form):
    return "".join(f"{field.label} {field()}" for field in form)


def test_labels_and_inputs_take_a_tenth_of_the_calls(request_of):
    own, plain = request_of(), signup(wtforms.Form)(MultiDict(VALID))
    assert html(own) == html(plain)
    assert calls_of(lambda: html(own)) * 8 < calls_of(lambda: html(plain))


def test_all_of_a_form_takes_half_the_calls_of_its_labels_and_inputs(request_of):
    own, plain = request_of(), signup(wtforms.Form)(MultiDict(VALID))
    assert calls_of(own.render) * 2 < calls_of(lambda: html(plain))


def test_a_form_is_made_and_validated_in_few_calls_more_than_plain_ones(request_of):
    """More, for what is looked for in texts, in asynchronous validators and against forgery."""
    data, plain_class = MultiDict(VALID), signup(wtforms.Form)
    plain = calls_of(lambda: plain_class(data).validate())
    assert calls_of(lambda: request_of().validate_on_submit()) <= plain * 1.6
