import pytest
from flask import Flask, session
from flask_login import (
    FlaskLoginClient,
    LoginManager,
    UserMixin,
    current_user,
    login_required,
    login_user,
    logout_user,
)


class User(UserMixin):
    def __init__(self, id):
        self.id = id


@pytest.fixture
def app():
    app = Flask(__name__)
    app.secret_key = "key"
    app.test_client_class = FlaskLoginClient
    manager = LoginManager(app)
    manager.login_view = "sign_in"
    manager.user_loader(lambda key: User(key) if key == "ada" else None)

    @app.get("/sign-in")
    def sign_in():
        login_user(User("ada"), remember=True)
        return "welcome"

    @app.get("/")
    @login_required
    def index():
        return f"hello {current_user.id}"

    @app.get("/async")
    @login_required
    async def slow():
        return f"hello {current_user.id}"

    @app.get("/out")
    def out():
        logout_user()
        return "bye"

    @app.get("/who")
    def who():
        return {"signed in": current_user.is_authenticated, "fresh": session.get("_fresh")}

    return app


def test_a_page_is_for_those_who_signed_in(app, client_of):
    client = client_of(app)
    assert client.get("/").location == "/sign-in?next=%2F"
    assert client.get("/sign-in").text == "welcome"
    assert client.get("/").text == "hello ada"
    assert client.get("/who").json == {"signed in": True, "fresh": True}
    assert client.get("/out").text == "bye"
    assert client.get("/").status_code == 302


def test_a_coroutine_function_can_be_for_those_who_signed_in(app, client_of):
    client = client_of(app)
    assert client.get("/async").status_code == 302
    client.get("/sign-in")
    assert client.get("/async").text == "hello ada"


def test_the_remember_cookie_signs_in_again_when_the_session_is_gone(app, client_of):
    client = client_of(app)
    client.get("/sign-in")
    client.delete_cookie("session")
    assert client.get("/").text == "hello ada"
    assert client.get("/who").json == {"signed in": True, "fresh": False}


def test_its_test_client_signs_a_user_in(app, client_of):
    assert client_of(app, user=User("ada")).get("/").text == "hello ada"
