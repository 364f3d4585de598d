import re

import pytest
from flask import Flask
from flask_admin import Admin, BaseView, expose
from flask_admin.contrib.sqla import ModelView
from flask_babel import Babel
from flask_sqlalchemy import SQLAlchemy


@pytest.fixture
def app():
    app = Flask(__name__)
    app.secret_key = "key"
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    Babel(app)  # it wants it where it is installed
    db = SQLAlchemy(app)

    class Memo(db.Model):
        id = db.Column(db.Integer, primary_key=True)
        text = db.Column(db.String)

    class Hidden(BaseView):
        @expose("/")
        def index(self):
            return "hidden"

        def is_accessible(self):
            return False

    admin = Admin(app, name="Jars")
    admin.add_view(ModelView(Memo, db))
    admin.add_view(Hidden(name="Hidden", endpoint="hidden"))
    with app.app_context():
        db.create_all()
    yield app
    with app.app_context():
        db.engine.dispose()


def test_rows_are_made_listed_and_deleted(app, client_of):
    client = client_of(app)
    assert "Jars" in client.get("/admin/").text
    assert "There are no items" in client.get("/admin/memo/").text
    made = client.post("/admin/memo/new/", data={"text": "fill the jar"})
    assert made.status_code == 302
    page = client.get("/admin/memo/").text
    assert "fill the jar" in page
    assert "successfully created" in page
    edited = client.post("/admin/memo/edit/?id=1", data={"text": "empty the jar"})
    assert edited.status_code == 302
    assert "empty the jar" in client.get("/admin/memo/").text
    client.post("/admin/memo/delete/", data={"id": "1"})
    assert "There are no items" in client.get("/admin/memo/").text


def test_its_files_are_served(app, client_of):
    client = client_of(app)
    links = re.findall(r'(?:href|src)="(/admin/static/[^"]+)"', client.get("/admin/").text)
    assert links
    assert {client.get(link).status_code for link in links} == {200}


def test_a_view_may_be_closed(app, client_of):
    assert client_of(app).get("/admin/hidden/").status_code == 403
