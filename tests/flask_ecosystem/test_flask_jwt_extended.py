from datetime import timedelta

import pytest
from flask import Flask, request
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    current_user,
    get_jwt_identity,
    jwt_required,
    set_access_cookies,
)


@pytest.fixture
def app():
    app = Flask(__name__)
    app.config.update(
        JWT_SECRET_KEY="k" * 32, JWT_TOKEN_LOCATION=["headers", "cookies"], JWT_COOKIE_SECURE=False
    )
    manager = JWTManager(app)
    manager.user_lookup_loader(lambda header, payload: {"name": payload["sub"].title()})

    @app.post("/sign-in")
    def sign_in():
        name = request.get_json()["name"]
        return {"access": create_access_token(name), "refresh": create_refresh_token(name)}

    @app.post("/cookie")
    def cookie():
        response = app.make_response("here")
        set_access_cookies(response, create_access_token("ada"))
        return response

    @app.route("/", methods=["GET", "POST"])
    @jwt_required()
    def index():
        return {"identity": get_jwt_identity(), "user": current_user["name"]}

    @app.get("/async")
    @jwt_required()
    async def slow():
        return {"identity": get_jwt_identity()}

    @app.get("/refresh")
    @jwt_required(refresh=True)
    def refresh():
        return "refreshed"

    @app.get("/expired")
    def expired():
        return create_access_token("ada", expires_delta=timedelta(seconds=-1))

    return app


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_a_token_opens_views(app, client_of):
    client = client_of(app)
    tokens = client.post("/sign-in", json={"name": "ada"}).json
    answer = client.get("/", headers=bearer(tokens["access"]))
    assert answer.json == {"identity": "ada", "user": "Ada"}
    assert client.get("/async", headers=bearer(tokens["access"])).json == {"identity": "ada"}
    assert client.get("/refresh", headers=bearer(tokens["refresh"])).text == "refreshed"


def test_without_a_good_token_it_is_said_why(app, client_of):
    client = client_of(app)
    assert client.get("/").status_code == 401
    assert client.get("/async").json["msg"].startswith("Missing JWT")
    assert client.get("/", headers=bearer("nonsense")).status_code == 422
    expired = client.get("/expired").text
    assert client.get("/", headers=bearer(expired)).json == {"msg": "Token has expired"}


def test_a_token_in_a_cookie_is_guarded_against_other_sites(app, client_of):
    client = client_of(app)
    client.post("/cookie")
    assert client.get("/").status_code == 200
    assert client.post("/").status_code == 401
    guard = client.get_cookie("csrf_access_token").value
    assert client.post("/", headers={"X-CSRF-TOKEN": guard}).status_code == 200
