"""Error messages in the language of the request, from WTForms' own catalogues."""

from pathlib import Path

import pytest
from wtforms import FieldList, FormField, StringField
from wtforms.i18n import messages_path
from wtforms.validators import InputRequired

from cruse_forms import Form

ENGLISH = "This field is required."
GERMAN = "Dieses Feld wird benötigt."
NAMES = sorted(path.name for path in Path(messages_path()).iterdir() if path.is_dir())


class Line(Form):
    name = StringField(validators=[InputRequired()])


class Order(Form):
    name = StringField(validators=[InputRequired()])
    lines = FieldList(FormField(Line), min_entries=1)


@pytest.fixture
def errors(client, view_of):
    def view():
        form = Order()
        form.validate()
        form.respond("page.html")
        return [form.name.errors[0], form.lines[0].form.name.errors[0]]

    view_of(view)
    return lambda language: client.post("/", headers={"Accept-Language": language}).json


@pytest.fixture
def all_languages(app):
    app.config["FORMS_LOCALES"] = ("*",)


def test_messages_are_english_unless_the_application_wants_more(errors):
    assert errors("de") == [ENGLISH, ENGLISH]


def test_the_browser_chooses_a_language(all_languages, errors):
    assert errors("de") == [GERMAN, GERMAN]
    assert errors("de-AT, en;q=0.5") == [GERMAN, GERMAN]
    assert errors("cs")[0] not in (ENGLISH, GERMAN)
    for language in ("en", "en-GB, de;q=0.1", "", "*", "xx", "\\", "de;q=x"):
        assert errors(language) == [ENGLISH, ENGLISH], language


def test_every_language_of_wtforms_can_be_chosen(all_languages, errors):
    for name in NAMES:
        assert errors(name.replace("_", "-"))[0], name


@pytest.fixture
def german_or_french(app):
    app.config["FORMS_LOCALES"] = ("de", "fr")


def test_the_application_can_name_the_languages(german_or_french, errors):
    assert errors("en")[0] == GERMAN
    assert errors("fr")[0] not in (ENGLISH, GERMAN)


def test_the_application_can_choose_itself(all_languages, app, forms, errors):
    chosen = ["de", "pt_BR", "xx", None]
    forms.locale_selector(lambda: chosen.pop(0))
    # Each of the two forms asks.
    assert errors("en") == [GERMAN, "Campo obrigatório."]
    assert errors("de") == [ENGLISH, ENGLISH]


def test_caches_are_told(all_languages, client, view_of):
    view_of(lambda: Order().respond("page.html"), endpoint="page")
    assert "Accept-Language" in client.get("/").vary


def test_a_form_may_have_its_own_language(client, view_of):
    class German(Order):
        class Meta:
            locales = ("de",)

    def view():
        form = German()
        form.validate()
        return form.name.errors

    view_of(view)
    assert client.post("/").json == [GERMAN]
