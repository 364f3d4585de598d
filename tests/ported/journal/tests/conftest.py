import pytest
from journal import create_app
from journal.db import init_db


@pytest.fixture
def app(tmp_path):
    app = create_app({"TESTING": True, "DATABASE": str(tmp_path / "journal.db")})
    with app.app_context():
        init_db()
    return app


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def ada(client):
    """A client that Ada has signed in with."""
    form = {"name": "Ada", "password": "secret"}
    client.post("/people/join", data=form)
    client.post("/people/sign-in", data=form)
    return client
