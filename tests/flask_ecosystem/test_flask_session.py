import pytest
from cachelib import FileSystemCache
from flask import Flask, session
from flask_session import Session


@pytest.fixture
def app(tmp_path):
    app = Flask(__name__)
    app.config.update(
        SESSION_TYPE="cachelib",
        SESSION_CACHELIB=FileSystemCache(str(tmp_path)),
        SESSION_PERMANENT=False,
    )
    Session(app)

    @app.get("/set/<value>")
    def put(value):
        session["value"] = {"text": value}
        return "kept"

    @app.get("/")
    def get():
        return session.get("value", {})

    @app.get("/async")
    async def get_async():
        return session.get("value", {})

    @app.get("/clear")
    def clear():
        session.clear()
        return "cleared"

    return app


def test_a_session_is_kept_on_the_server(app, client_of):
    client = client_of(app)
    assert client.get("/").json == {}
    client.get("/set/jar")
    assert "jar" not in client.get_cookie("session").value
    assert client.get("/").json == {"text": "jar"}
    assert client.get("/async").json == {"text": "jar"}
    client.get("/clear")
    assert client.get("/").json == {}


def test_sessions_are_kept_apart(app, client_of):
    one, other = client_of(app), client_of(app)
    one.get("/set/one")
    assert other.get("/").json == {}
