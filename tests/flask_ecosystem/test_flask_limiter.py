import pytest
from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address


@pytest.fixture
def app():
    app = Flask(__name__)
    limiter = Limiter(get_remote_address, app=app, storage_uri="memory://", headers_enabled=True)

    @app.get("/")
    @limiter.limit("2/minute")
    def index():
        return "here"

    @app.get("/async")
    @limiter.limit("1/minute")
    async def slow():
        return "here"

    @app.get("/free")
    @limiter.exempt
    def free():
        return "here"

    return app


def test_the_third_request_is_too_many(app, client_of):
    client = client_of(app)
    first = client.get("/")
    assert first.headers["X-RateLimit-Remaining"] == "1"
    assert client.get("/").status_code == 200
    refused = client.get("/")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) <= 60


def test_async_views_are_limited_and_exempt_ones_not(app, client_of):
    client = client_of(app)
    assert [client.get("/async").status_code for _ in range(2)] == [200, 429]
    assert [client.get("/free").status_code for _ in range(4)] == [200] * 4


def test_addresses_are_counted_apart(app, client_of):
    client = client_of(app)
    for _ in range(3):
        client.get("/")
    other = client.get("/", environ_base={"REMOTE_ADDR": "10.0.0.9"})
    assert other.status_code == 200
