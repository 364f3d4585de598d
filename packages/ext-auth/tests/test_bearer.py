"""Views that take a login or an access token, and have the same current user."""

import time
from dataclasses import dataclass, field

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from cruse import Cruse
from cruse_auth import Auth, InProcess, UserMixin, auth_required, current_user
from cruse_auth.testing import FakeProvider, Person

ISSUER = "https://id.example/provider"
API = "https://api.example/v1"
KEY = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)


@dataclass
class User(UserMixin):
    id: str
    roles: list[str] = field(default_factory=list)
    is_active: bool = True


@pytest.fixture(params=["sync", "async"])
def app(request):
    provider = FakeProvider([Person("ada", "Ada")], issuer=ISSUER)
    provider.signing_key = KEY
    app = Cruse("api")
    app.config.update(TESTING=True, SECRET_KEY="a key of at least a few bytes")
    auth = Auth(app)
    app.users = {"ada": User("ada", ["staff"]), "bob": User("bob")}
    auth.user_loader(app.users.get)
    auth.resource(issuer=ISSUER, audience="https://other.example", transport=None)
    api = auth.resource(issuer=ISSUER, audience=API, transport=InProcess(provider.app))
    app.api = api

    def find(token):
        return app.users.get(token.subject)

    async def find_async(token):
        return find(token)

    api.user_loader(find if request.param == "sync" else find_async)

    @app.get("/either")
    @auth_required("session", "bearer", scopes="read")
    def either():
        return current_user.id

    @app.get("/token")
    @auth_required("bearer", scopes="read", roles="staff")
    async def token():
        return current_user.id

    @app.get("/session")
    @auth_required()
    def session():
        return current_user.id

    @app.get("/recent")
    @auth_required("session", "bearer", within=60)
    def recent():
        return current_user.id

    yield app
    app.stop()


def token(subject="ada", **changes):
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": API, "sub": subject, "exp": now + 60, "scope": "read"}
    header = {"alg": "RS256", "typ": "at+jwt", "kid": KEY.kid}
    return jwt.encode(header, {**claims, **changes}, KEY)


@pytest.fixture
def get(app, gateway):
    """Ask for a page, as a user with a session or with a token."""

    def get(path, user=None, bearer=None):
        client = app.test_client(gateway=gateway, user=user)
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        return client.get(path, headers=headers)

    return get


@pytest.mark.parametrize("path", ["/either", "/token"])
def test_a_token_says_who_it_is(get, path):
    answer = get(path, bearer=token())
    assert (answer.status_code, answer.text) == (200, "ada")
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_a_login_is_as_good_where_it_is_allowed(app, get):
    assert get("/either", user=app.users["bob"]).text == "bob"
    refused = get("/token", user=app.users["ada"])
    assert refused.status_code == 401, "a cookie is no token"
    assert "resource_metadata=" in refused.headers["WWW-Authenticate"]


def test_who_sends_a_token_means_it_and_not_the_cookie(app, get):
    assert get("/either", user=app.users["bob"], bearer=token()).text == "ada"
    assert get("/either", user=app.users["bob"], bearer="made-up").status_code == 401


def test_the_cookie_is_not_even_looked_at_where_a_token_was_sent(app, get):
    answer = get("/either", user=app.users["bob"], bearer=token())
    assert "Cookie" not in answer.headers.get("Vary", "")


def test_a_token_is_nothing_where_it_is_not_asked_for(get):
    assert get("/session", bearer=token()).status_code == 401


@pytest.mark.parametrize("path", ["/either", "/token"])
@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"scope": "write"}, 403, "insufficient_scope"),
        ({"aud": "https://other.example"}, 401, "invalid_token"),
        ({"exp": 5}, 401, "invalid_token"),
        ({"sub": "eve"}, 401, "invalid_token"),
    ],
    ids=["scope", "audience", "expired", "nobody"],
)
def test_one_that_is_not_good_enough_is_refused(get, path, changes, status, error):
    answer = get(path, bearer=token(**changes))
    assert (answer.status_code, answer.json["error"]) == (status, error)
    assert f'error="{error}"' in answer.headers["WWW-Authenticate"]


def test_its_user_needs_the_roles(get):
    assert get("/token", bearer=token("bob")).status_code == 403


def test_a_user_who_is_shut_out_has_no_tokens(app, get):
    app.users["ada"].is_active = False
    assert get("/token", bearer=token()).status_code == 401


def test_a_token_says_nothing_about_when_somebody_was_here(app, get):
    assert get("/recent", user=app.users["ada"]).status_code == 200
    assert get("/recent", bearer=token()).json["error"] == "fresh_login_required"


def test_without_anything_a_login_is_asked_for(get):
    assert get("/either").json["error"] == "login_required"
    assert get("/token").json["error"] == "token_required"


def test_without_a_resource_that_knows_users_it_says_what_to_do(app, get):
    app.api.user_loader_function = None
    with pytest.raises(RuntimeError, match=r"@api\.user_loader"):
        get("/either", bearer=token())
