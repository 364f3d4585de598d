import re

import pytest
from flask import Flask
from flask_appbuilder import AppBuilder, ModelRestApi, ModelView
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.utils.legacy import get_sqla_class


@pytest.fixture(scope="module")  # its tables and permissions take seconds
def app():
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY="k" * 32,
        SQLALCHEMY_DATABASE_URI="sqlite://",
        WTF_CSRF_ENABLED=False,
        FAB_ADD_SECURITY_VIEWS=True,
    )
    db = get_sqla_class()()
    db.init_app(app)

    class Memo(db.Model):
        __tablename__ = "memo"
        __table_args__ = {"extend_existing": True}
        id = db.Column(db.Integer, primary_key=True)
        text = db.Column(db.String(50))

        def __repr__(self):
            return self.text

    class MemoView(ModelView):
        datamodel = SQLAInterface(Memo)
        list_columns = ["text"]

    class MemoApi(ModelRestApi):
        resource_name = "memo"
        datamodel = SQLAInterface(Memo)

    with app.app_context():
        builder = AppBuilder(app, db.session)
        db.create_all()
        builder.add_view(MemoView, "Memos")
        builder.add_api(MemoApi)
        builder.sm.add_user(
            "ada", "Ada", "L", "ada@cruse.dev", builder.sm.find_role("Admin"), "password"
        )
    yield app
    with app.app_context():
        db.engine.dispose()


def test_rows_are_managed_by_those_who_signed_in(app, client_of, gateway):
    client = client_of(app)
    assert client.get("/").status_code == 200
    assert client.get("/memoview/list/").status_code == 302
    signed = client.post("/login/", data={"username": "ada", "password": "password"})
    assert signed.status_code == 302
    text = f"fill the jar through {gateway}"
    assert text not in client.get("/memoview/list/").text
    assert client.post("/memoview/add", data={"text": text}).status_code == 302
    assert text in client.get("/memoview/list/").text


def test_its_api_takes_a_token(app, client_of):
    client = client_of(app)
    assert client.get("/api/v1/memo/").status_code == 401
    data = {"username": "ada", "password": "password", "provider": "db"}
    token = client.post("/api/v1/security/login", json=data).json["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    before = client.get("/api/v1/memo/", headers=headers).json["count"]
    assert client.post("/api/v1/memo/", json={"text": "jar"}, headers=headers).status_code == 201
    assert client.get("/api/v1/memo/", headers=headers).json["count"] == before + 1


def test_its_files_are_served(app, client_of):
    client = client_of(app)
    links = re.findall(r'href="(/static/appbuilder/[^"]+\.css)"', client.get("/").text)
    assert links
    assert {client.get(link).status_code for link in links} == {200}
