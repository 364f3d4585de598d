"""The HTML of forms: valid, tied together for assistive technology, fit for a strict CSP."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from wtforms import (
    BooleanField,
    ButtonField,
    DataList,
    FieldList,
    FormField,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    SubmitField,
    TextAreaField,
)
from wtforms.validators import InputRequired
from wtforms.widgets import CheckboxInput, ListWidget

from cruse import render_template_string
from cruse_forms import Form
from cruse_forms.file import FileField, FileRequired

VOID = {"input", "meta", "br", "hr", "link"}


class Page(HTMLParser):
    """The elements of a page, each as (tag, attributes), and a check that all are closed."""

    def __init__(self, html):
        super().__init__()
        self.elements = []
        self.open = []
        self.texts = []
        self.feed(html)
        self.close()
        optional = [tag for tag in self.open if tag not in ("option", "html", "body")]
        assert optional == [], optional

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID and tag != "option":
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag != "option":
            assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append(data.strip())

    @property
    def ids(self):
        return [attrs["id"] for _, attrs in self.elements if "id" in attrs]

    def by_name(self, name):
        return next(attrs for _, attrs in self.elements if attrs.get("name") == name)


class Address(Form):
    street = StringField(validators=[InputRequired()])
    kind = HiddenField()


class Everything(Form):
    secret = HiddenField()
    name = StringField(validators=[InputRequired()], description="As in your <b>passport</b>.")
    about = TextAreaField(render_kw={"aria-describedby": "note", "class": "wide"})
    agreed = BooleanField("I agree", validators=[InputRequired()])
    color = RadioField(choices=["red", "blue"], validators=[InputRequired()])
    size = SelectField(choices=["s", "m"])
    extras = SelectMultipleField(
        choices=["a", "b"],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        validators=[InputRequired()],
    )
    city = StringField(datalist=DataList(["Rome", "Oslo"]))
    address = FormField(Address)
    phone_numbers = FieldList(StringField(validators=[InputRequired()]), min_entries=2)
    places = FieldList(FormField(Address, "Place"), min_entries=1)
    photo = FileField(validators=[FileRequired()])
    check = ButtonField("Check")
    send = SubmitField("Send")


@pytest.fixture
def render(client, view_of):
    """Posts to a view that renders a template with the form."""

    asked = {}

    def view():
        form = asked["form_class"]()
        form.validate_on_submit()
        return render_template_string(asked["template"], form=form)

    view_of(view)

    def render(template="{{ form.render() }}", form_class=Everything, method="POST", **sent):
        asked.update(template=template, form_class=form_class)
        return client.open("/", method=method, **sent).text

    return render


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_reference_leads_somewhere(render, method):
    page = Page(render(method=method))
    assert len(page.ids) == len(set(page.ids))
    for tag, attrs in page.elements:
        if tag == "label":
            assert attrs["for"] in page.ids
        if tag == "a":
            assert attrs["href"].removeprefix("#") in page.ids
        if "list" in attrs:
            assert attrs["list"] in page.ids
        for described in attrs.get("aria-describedby", "").split():
            assert described == "note" or described in page.ids


def test_every_input_has_a_label(render):
    page = Page(render(method="GET"))
    labelled = {attrs["for"] for tag, attrs in page.elements if tag == "label"}
    for tag, attrs in page.elements:
        if tag in ("input", "select", "textarea") and attrs.get("type") not in (
            "hidden",
            "submit",
        ):
            assert attrs["id"] in labelled
    legends = [tag for tag, _ in page.elements if tag == "legend"]
    fieldsets = [tag for tag, _ in page.elements if tag == "fieldset"]
    assert len(legends) == len(fieldsets) == 6


def test_invalid_inputs_say_so_and_point_to_their_errors(render):
    html = render()
    page = Page(html)
    name = page.by_name("name")
    assert name["aria-invalid"] == "true"
    assert name["aria-describedby"] == "name-help name-errors"
    street = page.by_name("address-street")  # of a form of WTForms within ours
    assert street["aria-describedby"] == "address-street-errors"
    assert street["aria-invalid"] == "true"
    assert "aria-invalid" not in page.by_name("city")
    assert page.by_name("about")["aria-describedby"] == "note"
    errors = html.split('id="name-errors"')[1].split("</ul>")[0]
    assert "This field is required." in errors


def test_valid_and_fresh_forms_have_no_errors(render):
    html = render(method="GET")
    assert "aria-invalid" not in html
    assert "-errors" not in html
    assert "form-summary" not in html


def test_the_summary_links_to_the_inputs(render):
    html = render(template="{{ form.render_summary() }}")
    links = re.findall(r'<a href="#([^"]+)">([^<]+)</a>', html)
    assert ("name", "Name: This field is required.") in links
    assert ("color-0", "Color: This field is required.") in links
    assert ("phone_numbers-1", "Phone Numbers 2: This field is required.") in links
    assert ("places-0-street", "Street: This field is required.") in links
    assert 'role="alert"' in html


def test_errors_of_the_form_as_a_whole_are_in_the_summary(render):
    html = render(json=[], headers={"Accept": "text/html"})
    assert "<li>The body must be a JSON object.</li>" in html


def test_what_users_type_and_developers_write_is_escaped(render):
    evil = '"><script>alert(1)</script>'
    html = render(data={"name": evil, "about": evil, "city": evil, "size": evil, "secret": evil})
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 4
    assert "<b>" not in html


def test_nothing_in_it_needs_more_than_the_strictest_policy(render):
    for method in ("GET", "POST"):
        for tag, attrs in Page(render(method=method)).elements:
            assert tag not in ("script", "style")
            assert not [name for name in attrs if name == "style" or name.startswith("on")]


def test_one_group_can_be_rendered_by_name_or_field(render):
    html = render(template="{{ form.render_group('name', autocomplete='name') }}")
    assert Page(html).by_name("name")["autocomplete"] == "name"
    html = render(template="{{ form.render_group(form.address.form.street, class_='wide') }}")
    assert Page(html).by_name("address-street")["class"] == "wide"
    assert "aria-describedby" in Page(html).by_name("address-street")


def test_fields_can_be_rendered_by_hand(render):
    html = render(template="{{ form.hidden_tag() }}{{ form.name.label }}{{ form.name(size=9) }}")
    page = Page(html)
    assert page.by_name("name")["aria-invalid"] == "true"
    assert page.by_name("secret")["type"] == "hidden"
    html = render(template="{{ form.hidden_tag('secret') }}{{ form.hidden_tag(form.name) }}")
    assert [attrs.get("name") for _, attrs in Page(html).elements] == ["secret"]


def test_an_application_can_replace_a_template(app, render):
    folder = Path(app.root_path, "templates", "forms")
    folder.mkdir()
    (folder / "summary.html").write_text("{{ lines|length }} mistakes")
    html = render()
    assert html.startswith("10 mistakes")
    assert 'id="name-errors"' in html


def test_a_form_can_name_another_folder_of_templates(app, render):
    folder = Path(app.root_path, "templates", "boxes")
    folder.mkdir()
    for name in ("form", "field", "summary"):
        (folder / f"{name}.html").write_text(f"[{name}]{{{{ groups|join }}}}")

    class Boxed(Form):
        name = StringField()

        class Meta:
            templates = "boxes"

    html = render(form_class=Boxed, method="GET")
    assert html.endswith("[form][field]")


@pytest.fixture
def bootstrap(app):
    app.config["FORMS_TEMPLATES"] = "bootstrap5"


def test_the_theme_for_bootstrap_has_its_class_names(bootstrap, render):
    for method in ("GET", "POST"):
        page = Page(render(method=method))
        assert len(page.ids) == len(set(page.ids))
        for tag, attrs in page.elements:
            assert tag not in ("script", "style")
            for described in attrs.get("aria-describedby", "").split():
                assert described == "note" or described in page.ids
    assert page.by_name("name")["class"] == "form-control is-invalid"
    assert page.by_name("about")["class"] == "form-control wide"
    assert page.by_name("size")["class"].startswith("form-select")
    assert page.by_name("agreed")["class"] == "form-check-input is-invalid"
    assert page.by_name("send")["class"] == "btn btn-primary"
    assert page.by_name("name")["aria-describedby"] == "name-help name-errors"
    labels = [attrs for tag, attrs in page.elements if tag == "label"]
    assert {attrs["class"] for attrs in labels} == {"form-label", "form-check-label"}
    html = render(template="{{ form.render_group('name', class_='big') }}")
    assert Page(html).by_name("name")["class"] == "form-control is-invalid big"
