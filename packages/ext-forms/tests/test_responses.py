"""Answers to submissions: pages with 422 for people, problem details for programs."""

from pathlib import Path

import pytest
from wtforms import FieldList, FormField, IntegerField, StringField
from wtforms.validators import InputRequired

from cruse import redirect
from cruse_forms import Form

JSON = {"Accept": "application/json"}


class Line(Form):
    count = IntegerField()


class Order(Form):
    name = StringField(validators=[InputRequired()])
    line = FormField(Line)
    lines = FieldList(FormField(Line))
    tilde = StringField(name="a/b~c ü", validators=[InputRequired()])


@pytest.fixture
def page(client, view_of):
    def order():
        form = Order()
        if form.validate_on_submit():
            return redirect("/done")
        return form.respond("page.html")

    view_of(order)
    return client


def test_a_page_is_shown_and_shown_again_when_it_is_invalid(page):
    response = page.get("/")
    assert (response.status_code, response.mimetype) == (200, "text/html")
    assert "form-summary" not in response.text
    response = page.post("/", data={"line-count": "many"})
    assert (response.status_code, response.mimetype) == (422, "text/html")
    assert 'value="many"' in response.text
    assert "Not a valid integer value." in response.text
    assert "Accept" in response.vary
    good = {"name": "x", "a/b~c ü": "x", "line-count": "1"}
    assert page.post("/", data=good).location == "/done"


def test_programs_get_problem_details_with_pointers(page):
    sent = {"line": {"count": "many"}, "lines": [{"count": 1}, {"count": True}]}
    response = page.post("/", json=sent)
    assert response.status_code == 422
    assert response.mimetype == "application/problem+json"
    assert response.json == {
        "type": "about:blank",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "What was sent is not valid.",
        "errors": [
            {"pointer": "#/name", "detail": "This field is required."},
            {"pointer": "#/line/count", "detail": "Not a valid integer value."},
            {"pointer": "#/lines/1/count", "detail": "Must not be true or false."},
            {"pointer": "#/a~1b~0c%20%C3%BC", "detail": "This field is required."},
        ],
    }
    errors = page.post("/", json=[]).json["errors"]
    assert {"pointer": "#", "detail": "The body must be a JSON object."} in errors


@pytest.mark.parametrize(
    ("accept", "sent", "kind"),
    [
        (None, "form", "text/html"),
        (None, "json", "application/problem+json"),
        ("*/*", "form", "text/html"),
        ("*/*", "json", "application/problem+json"),
        ("application/json", "form", "application/problem+json"),
        ("application/problem+json", "form", "application/problem+json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "form", "text/html"),
        ("text/html", "json", "text/html"),
        ("application/json, text/html;q=0.9", "form", "application/problem+json"),
        ("text/html, application/json;q=0.9", "json", "text/html"),
    ],
)
def test_the_client_chooses_by_accept_then_by_what_it_sent(page, accept, sent, kind):
    headers = {} if accept is None else {"Accept": accept}
    body = {"json": {}} if sent == "json" else {"data": {}}
    response = page.post("/", headers=headers, **body)
    assert (response.status_code, response.mimetype) == (422, kind)


def test_get_requests_get_the_page_whatever_they_accept(page):
    assert page.get("/", headers=JSON).mimetype == "text/html"


def test_a_view_may_render_by_hand_with_the_right_status(client, view_of):
    def by_hand():
        form = Order()
        form.validate_on_submit()
        return "page", form.status_code

    view_of(by_hand)
    assert client.get("/").status_code == 200
    assert client.post("/").status_code == 422


def test_a_field_may_have_the_name_of_the_status(client, view_of):
    class Ping(Form):
        status_code = IntegerField(validators=[InputRequired()])
        enctype = StringField()

    def ping():
        form = Ping()
        form.validate()
        return form.respond("page.html")

    view_of(ping)
    assert client.post("/").status_code == 422
    assert client.post("/", data={"status_code": "404"}).status_code == 200


def test_the_template_gets_what_the_view_gives_it(app, client, view_of):
    Path(app.root_path, "templates", "other.html").write_text("{{ form.name.data }}, {{ title }}")
    view_of(lambda: Order().respond("other.html", title="Order"), endpoint="other")
    assert client.post("/", data={"name": "Ada"}).text == "Ada, Order"


def test_an_error_of_a_translated_kind_can_be_told(client, view_of):
    class Lazy:
        def __str__(self):
            return "translated"

    class Some(Form):
        name = StringField(validators=[InputRequired(Lazy())])

    def some():
        form = Some()
        form.validate()
        return form.respond("page.html")

    view_of(some)
    errors = client.post("/", headers=JSON).json["errors"]
    assert errors == [{"pointer": "#/name", "detail": "translated"}]
    assert "translated" in client.post("/").text
