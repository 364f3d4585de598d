import pytest
from flask import Flask
from flask_httpauth import HTTPBasicAuth, HTTPDigestAuth, HTTPTokenAuth, MultiAuth


@pytest.fixture
def app():
    app = Flask(__name__)
    app.secret_key = "key"
    basic, token, digest = HTTPBasicAuth(), HTTPTokenAuth(), HTTPDigestAuth()
    both = MultiAuth(basic, token)

    @basic.verify_password
    def verify(name, password):
        return name if password == "secret" else None

    @token.verify_token
    async def verify_token(value):
        return "token user" if value == "token" else None

    @basic.get_user_roles
    def roles(user):
        return ["admin"] if user == "ada" else []

    digest.get_password(lambda name: "secret" if name == "ada" else None)

    @app.get("/")
    @basic.login_required
    def index():
        return basic.current_user()

    @app.get("/async")
    @both.login_required
    async def slow():
        return both.current_user()

    @app.get("/admin")
    @basic.login_required(role="admin")
    def page():
        return "admin"

    @app.get("/digest")
    @digest.login_required
    def digested():
        return digest.username()

    return app


def test_a_password_opens_views(app, client_of):
    client = client_of(app)
    refused = client.get("/")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Basic")
    assert client.get("/", auth=("ada", "secret")).text == "ada"
    assert client.get("/", auth=("ada", "wrong")).status_code == 401
    assert client.get("/admin", auth=("eve", "secret")).status_code == 403
    assert client.get("/admin", auth=("ada", "secret")).text == "admin"


def test_a_token_is_verified_by_a_coroutine_function(app, client_of):
    client = client_of(app)
    assert client.get("/async", headers={"Authorization": "Bearer token"}).text == "token user"
    assert client.get("/async", headers={"Authorization": "Bearer other"}).status_code == 401
    assert client.get("/async", auth=("ada", "secret")).text == "ada"


def test_a_challenge_for_digest_is_kept_in_the_session(app, client_of):
    client = client_of(app)
    refused = client.get("/digest")
    assert refused.headers["WWW-Authenticate"].startswith("Digest")
    with client.session_transaction() as session:
        assert session["auth_nonce"] in refused.headers["WWW-Authenticate"]
