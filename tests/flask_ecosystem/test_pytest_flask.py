import pytest
from flask import Flask, jsonify, request, url_for
from flask.testing import FlaskClient

pytest_plugins = ["pytest_flask.plugin"]


@pytest.fixture
def app(gateway):
    app = Flask(__name__)
    app.config["SERVER_NAME"] = "localhost"
    options = {"gateway": gateway}

    class Client(FlaskClient):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **{**options, **kwargs})

    app.test_client_class = Client

    @app.route("/ping", methods=["GET", "POST"])
    def ping():
        return jsonify(ping="pong", text=request.form.get("text"))

    @app.get("/accepts")
    async def accepts():
        return jsonify(best=request.accept_mimetypes.best)

    yield app
    app.stop()


def test_the_client_is_there(client, gateway):
    assert client.gateway == gateway
    answer = client.get(url_for("ping"))
    assert answer.status_code == 200
    assert answer.json == {"ping": "pong", "text": None}
    assert answer == 200
    assert client.post("/ping", data={"text": "jar"}).json["text"] == "jar"
    client.close()


def test_a_request_is_there(config):
    assert request.path == "/"
    assert config["SERVER_NAME"] == "localhost"


def test_accepted_types_are_asked_for(client, accept_json):
    assert client.get("/accepts", headers=accept_json).json == {"best": "application/json"}
    client.close()


@pytest.mark.usefixtures("client_class")
class TestSuite:
    def test_a_class_has_the_client(self):
        assert self.client.get("/ping").json["ping"] == "pong"
        self.client.close()
