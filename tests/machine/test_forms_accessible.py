"""Forms as people with assistive technology meet them: axe-core finds nothing to complain of."""

import shutil
import subprocess
from io import BytesIO

import pytest
import wtforms
from wtforms import widgets
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange

from cruse import Cruse
from cruse_forms import Form, Forms, Rows
from cruse_forms.uploads import UploadField
from cruse_uploads import IMAGES, MemoryStorage, Uploads

TOOLS = {"axe-core": "axe-core@4.14.1", "bootstrap": "bootstrap@5.3.8"}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0"
PAGE = """<!doctype html>
<html lang="en">
<title>Every field</title>
<link rel="stylesheet" href="{style}">
<main><h1>Every field</h1>
<form method="post" enctype="{enctype}">{inside}</form>
</main>
"""
#: Widgets that are pieces of others or laid out by our templates, and one that is deprecated.
PIECES = {"Input", "Option", "RadioInput", "DataListWidget", "TableWidget", "DateTimeInput"}
CHOICES = [SelectChoice("a", "First"), SelectChoice("b", "Second")]
GROUPED = [SelectChoice("a", "First", optgroup="One"), SelectChoice("b", "Second", optgroup="Two")]

uploads = Uploads(storage=lambda app: MemoryStorage())
images = uploads.set("images", allow=IMAGES)


class Line(wtforms.Form):
    street = wtforms.StringField(validators=[InputRequired()])
    town = wtforms.StringField(description="Where letters go.")


class Every(Form):
    text = wtforms.StringField(validators=[InputRequired()], description="As it is written.")
    suggested = wtforms.StringField(datalist=wtforms.DataList(choices=["a", "b"]))
    long = wtforms.TextAreaField(validators=[Length(min=9)])
    secret = wtforms.PasswordField(validators=[InputRequired()])
    hidden = wtforms.HiddenField()
    search = wtforms.SearchField()
    phone = wtforms.TelField()
    site = wtforms.URLField()
    email = wtforms.EmailField()
    color = wtforms.ColorField()
    whole = wtforms.IntegerField(validators=[NumberRange(1, 9)])
    slider = wtforms.IntegerRangeField()
    exact = wtforms.DecimalField()
    day = wtforms.DateField()
    hour = wtforms.TimeField()
    moment = wtforms.DateTimeLocalField()
    month = wtforms.MonthField()
    week = wtforms.WeekField()
    yes = wtforms.BooleanField("I agree", validators=[InputRequired()])
    one = wtforms.SelectField(choices=GROUPED)
    some = wtforms.SelectMultipleField(choices=CHOICES)
    either = wtforms.RadioField(choices=CHOICES, validators=[InputRequired()])
    boxes = wtforms.SelectMultipleField(
        choices=CHOICES,
        widget=widgets.ListWidget(prefix_label=False),
        option_widget=widgets.CheckboxInput(),
        description="As many as you like.",
    )
    file = wtforms.FileField()
    files = wtforms.MultipleFileField()
    portrait = UploadField(images, description="A picture of you.")
    address = wtforms.FormField(Line)
    words = wtforms.FieldList(wtforms.StringField(validators=[InputRequired()]), min_entries=2)
    lines = Rows(wtforms.FormField(Line), min=2, max=9, movable=True)
    button = wtforms.ButtonField("More")
    submit = wtforms.SubmitField("Send")


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """The folder with axe-core and with the styles that one of the themes is made for."""
    npm = shutil.which("npm")
    assert npm, "npm is missing (Debian: apt install npm)"
    folder = tmp_path_factory.mktemp("npm")
    options = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    subprocess.run([npm, "install", "--prefix", folder, *options, *TOOLS.values()], check=True)
    return folder / "node_modules"


def pages(theme):
    """Yield the inside of the form as it is first, and as it is when all is wrong."""
    app = Cruse(__name__, extensions=[uploads, Forms()])
    app.config.update(SECRET_KEY="for tests", FORMS_TEMPLATES=theme)
    with app.test_request_context("/"):
        yield PAGE.format(style="{style}", enctype=Every().enctype, inside=Every().render())
    picture = (BytesIO(PNG), "me.png")
    own = {"Sec-Fetch-Site": "same-origin"}
    sent = {"portrait": picture, "whole": "x", "day": "x", "one": "c", "some": "c", "boxes": "c"}
    with app.test_request_context("/", method="POST", data=sent, headers=own):
        form = Every()
        assert not form.validate_on_submit()
        assert form.portrait.kept is not None
        yield PAGE.format(style="{style}", enctype=form.enctype, inside=form.render())


def test_the_form_has_every_widget():
    form = Every(formdata=None)
    used = {type(field.widget).__name__ for field in form}
    assert set(widgets.core.__all__) - {"html_params"} - PIECES <= used


@pytest.mark.parametrize("theme", ["forms", "bootstrap5"])
def test_axe_finds_nothing(theme, browser, tools, tmp_path):
    style = tools / "bootstrap/dist/css/bootstrap.min.css" if theme == "bootstrap5" else ""
    script = (tools / "axe-core/axe.min.js").read_text()
    for number, page in enumerate(pages(theme)):
        file = tmp_path / f"{number}.html"
        file.write_text(page.format(style=style))
        browser.get(file.as_uri())
        browser.execute_script(script)
        found = browser.execute_async_script("axe.run().then(arguments[0])")
        assert len(found["passes"]) > 20
        violations = found["violations"]
        wrong = [(rule["id"], node["html"]) for rule in violations for node in rule["nodes"]]
        assert wrong == []
