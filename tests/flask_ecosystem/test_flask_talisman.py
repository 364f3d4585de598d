import re

import pytest
from flask import Flask, render_template_string
from flask_talisman import Talisman


@pytest.fixture
def app():
    app = Flask(__name__)
    talisman = Talisman(
        app,
        content_security_policy={"default-src": "'self'", "script-src": "'self'"},
        content_security_policy_nonce_in=["script-src"],
    )

    @app.get("/")
    def index():
        return render_template_string("<script nonce='{{ csp_nonce() }}'></script>")

    @app.get("/open")
    @talisman(frame_options="ALLOW-FROM", frame_options_allow_from="https://shop.example")
    def framed():
        return "framed"

    return app


def test_http_is_sent_to_https(app, client_of):
    answer = client_of(app).get("/")
    assert answer.status_code == 302
    assert answer.location == "https://localhost/"


def test_the_policy_has_the_nonce_of_the_page(app, client_of):
    answer = client_of(app).get("/", base_url="https://localhost")
    nonce = re.search("nonce='([^']+)'", answer.text)[1]
    assert f"script-src 'self' 'nonce-{nonce}'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31556926")
    assert answer.headers.getlist("X-Frame-Options") == ["SAMEORIGIN"]


def test_a_view_has_options_of_its_own(app, client_of):
    answer = client_of(app).get("/open", base_url="https://localhost")
    assert answer.headers["X-Frame-Options"] == "ALLOW-FROM https://shop.example"
