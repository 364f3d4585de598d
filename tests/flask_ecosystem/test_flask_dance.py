import json
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask, redirect, url_for
from flask_dance.consumer import oauth_authorized
from flask_dance.consumer.storage import MemoryStorage
from flask_dance.contrib.github import github, make_github_blueprint
from oauthlib.oauth2.rfc6749.errors import MismatchingStateError


@pytest.fixture
def app():
    app = Flask(__name__)
    app.secret_key = "key"
    app.blueprint = make_github_blueprint("id", "secret", redirect_to="index")
    app.register_blueprint(app.blueprint, url_prefix="/login")
    app.told = []

    @app.get("/")
    def index():
        if not github.authorized:
            return redirect(url_for("github.login"))
        return github.get("/user").json()["login"]

    @oauth_authorized.connect_via(app.blueprint)
    def signed_in(blueprint, token):
        app.told.append(token["access_token"])

    app.kept = signed_in
    return app


@pytest.fixture
def github_answers(monkeypatch):
    """The transport below the OAuth session: what GitHub says, and what it was asked."""
    asked = []

    def send(self, request, **options):
        asked.append((request.method, request.url, request.headers.get("Authorization")))
        payload = {"login": "ada"}
        if "access_token" in request.url:
            payload = {"access_token": "token", "token_type": "bearer"}
        response = requests.Response()
        response.status_code = 200
        response.request, response.url = request, request.url
        response.headers["Content-Type"] = "application/json"
        response._content = json.dumps(payload).encode()
        return response

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    return asked


def test_a_user_comes_back_from_github(app, client_of, github_answers):
    client = client_of(app)
    assert client.get("/").location == "/login/github"
    away = client.get("/login/github", base_url="https://localhost").location
    asked = parse_qs(urlsplit(away).query)
    assert asked["redirect_uri"] == ["https://localhost/login/github/authorized"]
    state = asked["state"][0]

    back = client.get(
        f"/login/github/authorized?code=code&state={state}", base_url="https://localhost"
    )

    assert back.status_code == 302
    assert app.told == ["token"]
    assert client.get("/", base_url="https://localhost").text == "ada"
    assert github_answers[-1] == ("GET", "https://api.github.com/user", "Bearer token")


def test_a_wrong_state_is_refused(app, client_of):
    client = client_of(app)
    client.get("/login/github", base_url="https://localhost")
    app.testing = True
    with pytest.raises(MismatchingStateError):
        client.get("/login/github/authorized?code=code&state=wrong", base_url="https://localhost")
    assert app.told == []


def test_a_token_may_come_from_elsewhere(app, client_of, github_answers):
    app.blueprint.storage = MemoryStorage({"access_token": "other", "token_type": "bearer"})
    assert client_of(app).get("/").text == "ada"
    assert github_answers[-1][2] == "Bearer other"
