import json
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from authlib.integrations.flask_client import OAuth
from flask import Flask, session, url_for


@pytest.fixture
def app(monkeypatch):
    app = Flask(__name__)
    app.secret_key = "key"
    app.config.update(JAR_CLIENT_ID="id", JAR_CLIENT_SECRET="secret")
    oauth = OAuth(app)
    oauth.register(
        "jar",
        access_token_url="https://jar.example/token",
        authorize_url="https://jar.example/authorize",
        api_base_url="https://jar.example/api/",
        client_kwargs={"code_challenge_method": "S256"},
    )

    @app.get("/sign-in")
    def sign_in():
        return oauth.jar.authorize_redirect(url_for("back", _external=True))

    @app.get("/back")
    def back():
        token = oauth.jar.authorize_access_token()
        session["user"] = oauth.jar.get("me", token=token).json()["name"]
        return session["user"]

    def send(self, request, **options):
        app.asked.append(request)
        response = requests.Response()
        response.status_code = 200
        response.headers["Content-Type"] = "application/json"
        payload = {"name": "ada"}
        if request.url.endswith("/token"):
            payload = {"access_token": "token", "token_type": "Bearer"}
        response._content = json.dumps(payload).encode()
        return response

    app.asked = []
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    return app


def test_a_user_comes_back_with_a_code(app, client_of):
    client = client_of(app)
    away = client.get("/sign-in")
    asked = parse_qs(urlsplit(away.location).query)
    assert away.status_code == 302
    assert asked["redirect_uri"] == ["http://localhost/back"]
    answer = client.get(f"/back?code=code&state={asked['state'][0]}")
    assert answer.text == "ada"
    exchange, api = app.asked
    assert parse_qs(exchange.body)["code"] == ["code"]
    assert "code_verifier" in parse_qs(exchange.body)
    assert api.headers["Authorization"] == "Bearer token"


def test_a_wrong_state_is_refused(app, client_of):
    from authlib.integrations.base_client import MismatchingStateError

    app.testing = True
    client = client_of(app)
    client.get("/sign-in")
    with pytest.raises(MismatchingStateError):
        client.get("/back?code=code&state=wrong")
