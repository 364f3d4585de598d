import pytest
from flask import Flask
from flask_cors import CORS, cross_origin

ORIGIN = {"Origin": "https://shop.example"}


@pytest.fixture
def app():
    app = Flask(__name__)
    CORS(app, resources={r"/api/*": {"origins": "https://shop.example"}})

    @app.route("/api/a", methods=["GET", "PUT"])
    def api():
        return "a"

    @app.get("/one")
    @cross_origin(origins=["https://shop.example"], send_wildcard=False)
    def one():
        return "one"

    @app.get("/one-async")
    @cross_origin()
    async def one_async():
        return "one"

    @app.get("/none")
    def none():
        return "none"

    return app


def test_resources_may_be_read_from_elsewhere(app, client_of):
    client = client_of(app)
    allowed = client.get("/api/a", headers=ORIGIN).headers
    assert allowed["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "Access-Control-Allow-Origin" not in client.get("/none", headers=ORIGIN).headers
    stranger = client.get("/api/a", headers={"Origin": "https://evil.example"}).headers
    assert "Access-Control-Allow-Origin" not in stranger


def test_a_preflight_is_answered(app, client_of):
    asked = {**ORIGIN, "Access-Control-Request-Method": "PUT"}
    answer = client_of(app).options("/api/a", headers=asked)
    assert answer.status_code == 200
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]


def test_a_view_is_opened_by_a_decorator(app, client_of):
    client = client_of(app)
    answer = client.get("/one", headers=ORIGIN)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    preflight = client.options("/one", headers={**ORIGIN, "Access-Control-Request-Method": "GET"})
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "GET" in preflight.headers["Allow"]
