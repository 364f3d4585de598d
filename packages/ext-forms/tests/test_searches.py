"""Searches and filters: bound to the query, shown as they were asked, with links that keep it."""

import re
from html import unescape

import pytest
from wtforms import (
    BooleanField,
    FormField,
    HiddenField,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
    SubmitField,
)
from wtforms import Form as PlainForm
from wtforms.fields import SelectChoice
from wtforms.validators import Length, Optional

from cruse import request
from cruse_forms import Form

COLORS = [SelectChoice("red"), SelectChoice("blue")]
PAGE = """{{ form.render() }}
<a href="{{ form.query_url(page=page + 1) }}">next</a>
<a href="{{ form.query_url(sort="price") }}">by price</a>
<a href="{{ form.query_url(q=None) }}">any</a>
"""


class Price(PlainForm):
    most = IntegerField(validators=[Optional()])


class Search(Form):
    q = StringField(validators=[Length(max=9)])
    color = SelectMultipleField(choices=COLORS)
    price = FormField(Price)
    new = BooleanField(default=True)
    sort = HiddenField(default="name")
    send = SubmitField("Search")


@pytest.fixture
def search(app, client, tmp_path):
    """Asks the page of a search; returns its HTML, and where its links lead."""
    (tmp_path / "templates" / "search.html").write_text(PAGE)

    @app.get("/tea & milk")
    def view():
        form = Search.bind_query()
        form.validate_on_submit()
        return form.respond("search.html", page=request.args.get("page", 1, int))

    def get(query=""):
        response = client.get("/tea%20%26%20milk" + query)
        links = re.findall(r'<a href="(/[^"]*)">', response.text)
        return response, [unescape(link) for link in links]

    return get


ASKED = "?q=a%26b&color=red&color=blue&price-most=5&sort=age&send=Search"


def test_links_keep_what_was_asked(search):
    _, (following, by_price, any_name) = search(ASKED + "&page=3&utm_source=elsewhere")
    base = "/tea%20%26%20milk"
    kept = "color=red&color=blue&price-most=5&sort=age"
    assert following == f"{base}?q=a%26b&{kept}&page=4"
    assert by_price == f"{base}?q=a%26b&color=red&color=blue&price-most=5&sort=price"
    assert any_name == f"{base}?{kept}"


def test_a_link_leads_to_what_it_says(search):
    response, (following, *_) = search(ASKED)
    again, _ = search("?" + following.partition("?")[2])
    assert '<input id="q" maxlength="9" name="q" type="text" value="a&amp;b">' in again.text
    assert again.text.count("<option selected") == 2
    assert again.text.partition("<a ")[0] == response.text.partition("<a ")[0]


def test_without_a_question_the_form_has_what_it_starts_with(search):
    for query in ("", "?page=2"):
        response, (following, *_) = search(query)
        assert response.status_code == 200
        assert "checked" in response.text
        assert following.partition("?")[2] == f"page={3 if query else 2}"
    response, _ = search("?q=tea")
    assert "checked" not in response.text  # asked, and the box was not


def test_a_wrong_question_is_told_of(search):
    response, (following, *_) = search("?q=0123456789&price-most=x")
    assert response.status_code == 422
    assert "Not a valid integer value." in response.text
    assert "q=0123456789&price-most=x" in following


def test_no_token_gets_into_an_address(app, client, search):
    app.config["FORMS_CSRF_MODE"] = "token"
    response, _ = search(ASKED)
    assert "csrf_token" not in response.text
    assert "Set-Cookie" not in response.headers


def test_changes_have_the_names_of_fields(app):
    class Prefixed(Form):
        color = SelectField(choices=COLORS)

    with app.test_request_context("/?a-color=red"):
        form = Prefixed.bind_query(prefix="a-")
        assert form.query_url(color=["blue", "red"]) == "/?a-color=blue&a-color=red"
        assert form.query_url(color=None) == "/"


def test_a_link_never_leads_to_another_host(app):
    with app.test_request_context():
        request.environ["PATH_INFO"] = "//evil.example/"
        assert Search.bind_query().query_url(q="x") == "/evil.example/?q=x"
