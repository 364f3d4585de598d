import gzip

import brotli
import pytest
from flask import Flask, jsonify
from flask_compress import Compress

TEXT = "a jar and another jar " * 200


@pytest.fixture
def app():
    app = Flask(__name__)
    Compress(app)

    @app.get("/")
    def index():
        return TEXT

    @app.get("/json")
    async def data():
        return jsonify(text=TEXT)

    @app.get("/stream")
    def stream():
        return (TEXT for _ in range(3)), {"Content-Type": "text/html"}

    @app.get("/small")
    def small():
        return "small"

    return app


def test_pages_are_compressed_for_those_who_can_read_them(app, client_of):
    client = client_of(app)
    page = client.get("/", headers={"Accept-Encoding": "gzip"})
    assert page.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in page.headers["Vary"]
    assert int(page.headers["Content-Length"]) == len(page.data)
    assert gzip.decompress(page.data).decode() == TEXT
    best = client.get("/json", headers={"Accept-Encoding": "br"})
    assert TEXT in brotli.decompress(best.data).decode()
    assert client.get("/").text == TEXT
    assert "Content-Encoding" not in client.get("/small").headers


def test_streams_are_compressed_as_they_come(app, client_of):
    page = client_of(app).get("/stream", headers={"Accept-Encoding": "br"})
    assert brotli.decompress(page.data).decode() == TEXT * 3
