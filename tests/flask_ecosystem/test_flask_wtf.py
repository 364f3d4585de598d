import re

import pytest
from flask import Flask, render_template_string
from flask_wtf import CSRFProtect, FlaskForm
from flask_wtf.file import FileAllowed, FileField
from wtforms import StringField
from wtforms.validators import DataRequired


class Form(FlaskForm):
    name = StringField(validators=[DataRequired()])
    file = FileField(validators=[FileAllowed(["txt"])])


@pytest.fixture
def app():
    app = Flask(__name__)
    app.secret_key = "key"
    csrf = CSRFProtect(app)

    @app.route("/", methods=["GET", "POST"])
    def form():
        form = Form()
        if form.validate_on_submit():
            content = form.file.data.read().decode() if form.file.data else ""
            return f"hello {form.name.data} {content}"
        return render_template_string("{{ form.csrf_token }}{{ form.errors }}", form=form)

    @app.post("/plain")
    def plain():
        return "done"

    @app.post("/exempt")
    @csrf.exempt
    def exempt():
        return "done"

    return app


def token(client):
    return re.search(r'value="([^"]+)"', client.get("/").text)[1]


def test_a_form_is_taken_with_its_token(app, client_of):
    client = client_of(app)
    data = {"name": "Ada", "csrf_token": token(client)}
    assert client.post("/", data=data).text.strip() == "hello Ada"
    assert "required" in client.post("/", data={**data, "name": ""}).text


def test_a_file_comes_with_the_form(app, client_of, tmp_path):
    client = client_of(app)
    (tmp_path / "a.txt").write_text("content")
    with (tmp_path / "a.txt").open("rb") as file:
        data = {"name": "Ada", "csrf_token": token(client), "file": file}
        assert client.post("/", data=data).text == "hello Ada content"


def test_without_a_token_nothing_is_done(app, client_of):
    client = client_of(app)
    assert client.post("/plain").status_code == 400
    assert client.post("/exempt").text == "done"
    assert client.post("/plain", headers={"X-CSRFToken": token(client)}).text == "done"
