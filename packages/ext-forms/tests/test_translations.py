"""Error messages in the language of the request, from WTForms' own catalogues."""

import re
import tomllib
from io import BytesIO
from pathlib import Path

import pytest
from wtforms import FieldList, FormField, StringField
from wtforms.i18n import get_translations, messages_path
from wtforms.validators import InputRequired

import cruse_forms
from cruse_forms import Form, Rows
from cruse_forms.file import FileAllowed, FileField, FileSize

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


# -- the messages that are not WTForms' ----------------------------------------------------------

SOURCES = Path(cruse_forms.__file__).parent
OWN = sorted((SOURCES / "messages").iterdir())


class Files(Form):
    text = StringField()
    picture = FileField(validators=[FileAllowed(["png"]), FileSize(9)])
    phones = Rows(StringField(), max=1)


def test_files_rows_and_types_are_told_of_in_the_language(all_languages, client, view_of):
    def view():
        form = Files()
        form.validate()
        return [form.errors, form.render_group("phones"), form.render_summary()]

    view_of(view)
    german = {"Accept-Language": "de-AT"}
    data = {"phones-0": "1", "phones-1": "2", "picture": (BytesIO(b"GIF"), "a.gif")}
    errors, group, summary = client.post("/", data=data, headers=german).json
    assert errors["picture"] == ["Die Datei hat keine erlaubte Endung: png"]
    assert errors["phones"] == ["Höchstens 1 sind möglich."]
    assert ">Entfernen</button>" in group
    assert "Bitte korrigieren:" in summary
    data = {"picture": (BytesIO(b"\x89PNG\r\n\x1a\n..."), "a.png")}
    errors, *_ = client.post("/", data=data, headers=german).json
    assert errors["picture"] == ["Die Datei muss zwischen 0 und 9 Bytes groß sein."]
    errors, *_ = client.post("/", json={"text": 5}, headers=german).json
    assert errors["text"] == ["Muss ein Text sein."]
    errors, *_ = client.post("/", json=[], headers=german).json
    assert errors[""] == ["Der Inhalt muss ein JSON-Objekt sein."]


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_every_language_has_every_message_with_what_is_filled_in(path):
    messages = tomllib.loads(path.read_text(encoding="utf-8"))
    first = tomllib.loads(OWN[0].read_text(encoding="utf-8"))
    assert list(messages) == list(first)
    for message, translated in messages.items():
        assert re.findall(r"%\(?\w+\)?\w?", translated) == re.findall(r"%\(?\w+\)?\w?", message)


def test_every_message_is_translated_and_none_is_left_over():
    files = [*SOURCES.rglob("*.py"), *SOURCES.rglob("*.html")]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    known = tomllib.loads(OWN[0].read_text(encoding="utf-8"))
    assert [message for message in known if f'"{message}"' not in text] == []
    theirs = get_translations(["de"])
    asked = set(re.findall(r"gettext\(\s*\"([^\"]+)\"", text)) | set(
        re.findall(r'"(Must [^"]+)"', text)
    )
    assert [each for each in asked - known.keys() if theirs.gettext(each) == each] == []
