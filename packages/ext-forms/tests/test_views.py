"""Views of forms: for what is valid only, shown again without a token, checked by field."""

import logging
from pathlib import Path

import pytest
from wtforms import EmailField, PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired, ValidationError

from cruse_forms import Form, csrf_token, depends_on

CROSS = {"Sec-Fetch-Site": "cross-site"}
HTMX = {"HX-Request": "true", "Accept": "*/*"}


class Contact(Form):
    name = StringField(validators=[InputRequired()])


class AsyncContact(Contact):
    async def validate_name(self, field):
        if field.data == "taken":
            raise ValidationError("Taken.")


@pytest.fixture(params=["sync", "async"])
def said(app, forms, request):
    """What the view for valid forms was called with; the view is at ``/to/<who>``."""
    calls = []
    app.add_url_rule("/token", "token", csrf_token)
    rule = {"rule": "/to/<who>", "methods": ["GET", "POST"]}
    if request.param == "sync":

        @app.route(**rule)
        @forms.form(Contact, "page.html")
        def contact(form, who):
            calls.append((who, form.value))
            return "thanks"

    else:

        @app.route(**rule)
        @forms.form(AsyncContact, "page.html")
        async def contact(form, who):
            calls.append((who, form.value))
            return "thanks"

    return calls


def test_the_function_is_called_for_valid_submissions_only(client, said):
    assert client.get("/to/ada").status_code == 200
    assert client.post("/to/ada", data={"name": ""}).status_code == 422
    assert said == []
    assert client.post("/to/ada", data={"name": "Eve"}).text == "thanks"
    assert said == [("ada", {"name": "Eve"})]


def test_without_a_token_the_form_comes_again_with_what_was_typed(client, said, caplog):
    client.get("/token")
    with caplog.at_level(logging.WARNING):
        response = client.post("/to/ada", data={"name": "Eve"})
    assert (response.status_code, said) == (403, [])
    assert "token-missing" in caplog.text
    assert 'value="Eve"' in response.text
    assert "The CSRF token is missing." in response.text
    token = response.text.split('name="csrf_token" value="')[1].split('"')[0]
    wrong = client.post("/to/ada", data={"name": "Eve", "csrf_token": "x"})
    assert (wrong.status_code, said) == (403, [])
    assert 'value="Eve"' in wrong.text
    again = client.post("/to/ada", data={"name": "Eve", "csrf_token": token})
    assert (again.text, said) == ("thanks", [("ada", {"name": "Eve"})])


def test_programs_are_told_of_the_refusal_too(client, said):
    client.get("/token")
    response = client.post("/to/ada", json={"name": "Eve"})
    assert (response.status_code, said) == (403, [])
    assert response.json["errors"][0]["pointer"] == "#"


def test_what_another_site_has_filled_in_is_not_shown(client, said):
    response = client.post("/to/ada", data={"name": "Eve"}, headers=CROSS)
    assert (response.status_code, said) == (403, [])
    assert "Eve" not in response.text


def test_a_view_written_out_can_be_shown_again_too(app, forms, client):
    reached = []

    @app.post("/")
    @forms.reshow
    def view():
        form = Contact()
        if form.validate_on_submit():
            reached.append(form.name.data)
        return form.respond("page.html")

    @app.get("/token")
    def token():
        return csrf_token()

    client.get("/token")
    response = client.post("/", data={"name": "Eve"})
    assert (response.status_code, reached) == (403, [])
    assert 'value="Eve"' in response.text
    same = {"Sec-Fetch-Site": "same-origin"}
    assert client.post("/", data={"name": "Eve"}, headers=same).status_code == 200
    assert reached == ["Eve"]


# -- htmx --------------------------------------------------------------------------------------


def test_htmx_gets_the_form_without_the_page(app, client, view_of):
    view_of(lambda: Contact().respond("page.html"), endpoint="page")
    page = client.get("/")
    assert "<!doctype html>" in page.text
    assert "HX-Request" in page.vary
    part = client.get("/", headers=HTMX)
    assert "<title>" not in part.text
    assert 'name="name"' in part.text
    assert "<title>" in client.get("/", headers=HTMX | {"HX-Boosted": "true"}).text


def test_invalid_fragments_are_422_unless_htmx_is_too_old_for_it(app, client, view_of):
    def view():
        form = Contact()
        form.validate()
        return form.respond("page.html")

    view_of(view)
    response = client.post("/", headers=HTMX)
    assert response.status_code == 422
    assert "<title>" not in response.text
    assert "This field is required." in response.text


@pytest.fixture
def old_htmx(app):
    app.config["FORMS_HTMX_STATUS"] = 200


def test_old_htmx_can_be_answered_with_200(old_htmx, app, client, view_of):
    def view():
        form = Contact()
        form.validate()
        return form.respond("page.html")

    view_of(view)
    assert client.post("/", headers=HTMX).status_code == 200
    assert client.post("/").status_code == 422


def test_a_block_of_the_page_can_be_the_fragment(app, client, view_of):
    text = "<title>x</title>{% block form %}<form>{{ form.name }}</form>{% endblock %}"
    Path(app.root_path, "templates", "blocks.html").write_text(text)
    view_of(lambda: Contact().respond("blocks.html", block="form"), endpoint="page")
    assert client.get("/", headers=HTMX).text.startswith("<form>")
    assert client.get("/").text.startswith("<title>")


# -- one field -----------------------------------------------------------------------------------


class Signup(Form):
    email = EmailField(validators=[InputRequired()])
    password = PasswordField(validators=[InputRequired()])
    again = PasswordField(validators=[EqualTo("password", "Not the same.")])
    hint = StringField()

    @depends_on("password")
    def validate_hint(self, field):
        if field.data and field.data == self.password.data:
            raise ValidationError("Too good a hint.")


@pytest.fixture
def check(client, view_of):
    view_of(Signup.check_field, endpoint="check")

    def check(name, accept="text/html", **data):
        headers = {"HX-Request": "true", "HX-Trigger-Name": name, "Accept": accept}
        return client.post("/", data=data, headers=headers)

    return check


def test_only_the_field_that_asks_is_reported(check):
    response = check("email", email="")
    assert response.status_code == 422
    assert 'id="email-group"' in response.text
    assert "This field is required." in response.text
    assert "password" not in response.text
    errors = check("email", "application/json", email="").json["errors"]
    assert errors == [{"pointer": "#/email", "detail": "This field is required."}]
    response = check("email", email="a@b")
    assert response.status_code == 200
    assert 'value="a@b"' in response.text


def test_validators_that_look_at_the_field_run_too(check):
    response = check("password", password="x", again="y", hint="x")
    assert "Not the same." in response.text
    assert "Too good a hint." in response.text
    assert 'id="again-group" hx-swap-oob="true"' in response.text
    assert check("password", password="x").status_code == 200
    assert check("again", password="x", again="y").status_code == 422


def test_a_field_that_is_not_there_cannot_be_checked(check, client):
    assert check("nobody").status_code == 400
    assert client.post("/?field=email").status_code == 422


def test_asynchronous_validators_of_the_field_run(app, client):
    @app.post("/")
    async def view():
        return await AsyncContact.acheck_field()

    headers = HTMX | {"HX-Trigger-Name": "name"}
    response = client.post("/", data={"name": "taken"}, headers=headers)
    assert "Taken." in response.text
