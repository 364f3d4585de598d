import re

import pytest
from flask import Flask, redirect, render_template_string
from flask_debugtoolbar import DebugToolbarExtension


@pytest.fixture
def app():
    app = Flask(__name__)
    app.debug = True
    app.secret_key = "key"
    app.config["DEBUG_TB_INTERCEPT_REDIRECTS"] = False
    DebugToolbarExtension(app)

    @app.get("/")
    def index():
        return render_template_string("<html><body>{{ word }}</body></html>", word="page")

    @app.get("/missing")
    def missing():
        return redirect("/")

    return app


def test_a_page_gets_the_toolbar(app, client_of):
    client = client_of(app)
    page = client.get("/")
    assert "page" in page.text
    assert 'id="flDebug"' in page.text
    assert int(page.headers["Content-Length"]) == len(page.data)
    link = re.search(r"(/_debug_toolbar/static/[^\"')?]+)", page.text)[1]
    assert client.get(link).status_code == 200


def test_errors_and_redirects_are_left_as_they_are(app, client_of):
    client = client_of(app)
    assert client.get("/nowhere").status_code == 404
    assert client.get("/missing").status_code == 302
    assert client.options("/").headers["Allow"]
