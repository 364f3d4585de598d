import pytest
from flask import Flask
from flask_security import (
    Security,
    SQLAlchemyUserDatastore,
    auth_required,
    current_user,
    hash_password,
    roles_required,
)
from flask_security.models import fsqla_v3
from flask_sqlalchemy import SQLAlchemy


@pytest.fixture
def app():
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY="k" * 32,
        SECURITY_PASSWORD_SALT="salt",
        SECURITY_PASSWORD_HASH="pbkdf2_sha512",
        SECURITY_REGISTERABLE=True,
        SECURITY_SEND_REGISTER_EMAIL=False,
        SECURITY_EMAIL_VALIDATOR_ARGS={"check_deliverability": False},
        SQLALCHEMY_DATABASE_URI="sqlite://",
        WTF_CSRF_ENABLED=False,
    )
    db = SQLAlchemy(app)
    fsqla_v3.FsModels.set_db_info(db)

    class Role(db.Model, fsqla_v3.FsRoleMixin):
        pass

    class User(db.Model, fsqla_v3.FsUserMixin):
        pass

    store = SQLAlchemyUserDatastore(db, User, Role)
    Security(app, store)
    with app.app_context():
        db.create_all()
        admin = store.create_role(name="admin")
        store.create_user(
            email="ada@cruse.dev", password=hash_password("a long password"), roles=[admin]
        )
        db.session.commit()

    @app.get("/mine")
    @auth_required()
    def mine():
        return current_user.email

    @app.get("/async")
    @auth_required("session", "token")
    async def slow():
        return current_user.email

    @app.get("/admin")
    @roles_required("admin")
    def page():
        return "admin"

    yield app
    with app.app_context():
        db.engine.dispose()


def sign_in(client, email="ada@cruse.dev", **options):
    return client.post("/login", data={"email": email, "password": "a long password"}, **options)


def test_pages_are_for_those_who_signed_in(app, client_of):
    client = client_of(app)
    assert client.get("/mine").location.startswith("/login")
    assert "Password" in client.get("/login").text
    assert sign_in(client).status_code == 302
    assert client.get("/mine").text == "ada@cruse.dev"
    assert client.get("/async").text == "ada@cruse.dev"
    assert client.get("/admin").text == "admin"
    assert client.post("/logout").status_code == 302
    assert client.get("/mine").status_code == 302


def test_users_register_and_have_no_roles(app, client_of):
    client = client_of(app)
    data = {
        "email": "eve@cruse.dev",
        "password": "a long password",
        "password_confirm": "a long password",
    }
    assert client.post("/register", data=data).status_code == 302
    assert client.get("/mine").text == "eve@cruse.dev"
    assert client.get("/admin").status_code == 403


def test_a_program_gets_a_token(app, client_of):
    client = client_of(app, use_cookies=False)
    data = {"email": "ada@cruse.dev", "password": "a long password"}
    answer = client.post("/login?include_auth_token", json=data)
    token = answer.json["response"]["user"]["authentication_token"]
    assert client.get("/async", headers={"Authentication-Token": token}).text == "ada@cruse.dev"
    refused = client.get("/async", headers={"Accept": "application/json"})
    assert refused.status_code == 401
    assert refused.json["response"]["errors"]


def test_its_commands_make_users(app):
    args = ["users", "create", "--password", "a long password", "bob@cruse.dev"]
    done = app.test_cli_runner().invoke(args=args)
    assert done.exit_code == 0, done.output
