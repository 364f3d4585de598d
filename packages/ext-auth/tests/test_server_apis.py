"""Tokens for APIs: what a provider gives out, and what our own ``auth.resource`` takes."""

import pytest
from joserfc import jwt

from cruse import Cruse
from cruse_auth import Auth, InProcess
from tests.relying import API, ISSUER, KEY, SECRET, Shop, make_world

OTHER_API = "https://other.example"


@pytest.fixture(params=[("sync", "wsgi"), ("async", "asgi")], ids=["plain", "async"])
def face(request):
    return request.param


@pytest.fixture
def world(face):
    world = make_world(face[0], resources=[API, OTHER_API])
    world.add_client(grant_types=["authorization_code", "refresh_token", "client_credentials"])
    world.add_client("api", grant_types=["client_credentials"], serves=[API])
    yield world
    world.app.stop()


@pytest.fixture
def shop(world, face):
    shop = Shop(world, face[1])
    shop.log_in()
    return shop


@pytest.fixture(params=["keys", "introspection"])
def get(request, world, face):
    """Ask an API that takes the tokens, by the keys of the server or by asking it."""
    app = Cruse("api")
    app.config.update(TESTING=True, SECRET_KEY="k" * 32)
    auth = Auth(app)
    ask = ("api", SECRET) if request.param == "introspection" else None
    transport = InProcess(world.app)
    api = auth.resource(issuer=ISSUER, audience=API, introspection=ask, transport=transport)

    @app.get("/things")
    @api.require("read")
    def things(token):
        return {"of": token.subject, "by": token.client_id}

    def get(token):
        client = app.test_client(gateway=face[1])
        return client.get("/things", headers={"Authorization": f"Bearer {token}"})

    yield get
    app.stop()


def test_a_token_for_an_api_opens_it(shop, get):
    token = shop.tokens(resource=API)["access_token"]
    assert get(token).json == {"of": "ada", "by": "shop"}


def test_it_is_a_jwt_as_every_api_can_check_it(shop):
    token = jwt.decode(shop.tokens(resource=API)["access_token"], KEY, algorithms=["RS256"])
    assert token.header["typ"] == "at+jwt"
    claims = token.claims
    assert (claims["iss"], claims["aud"], claims["sub"]) == (ISSUER, API, "ada")
    assert (claims["client_id"], claims["scope"]) == ("shop", "openid read")
    assert claims["exp"] == claims["iat"] + 900
    assert claims["jti"]
    assert claims["auth_time"] <= claims["iat"]


def test_nothing_else_opens_it(shop, get):
    tokens = shop.tokens(resource=OTHER_API)
    assert get(tokens["access_token"]).status_code == 401
    assert get(tokens["id_token"]).status_code == 401
    assert get(shop.tokens()["access_token"]).status_code == 401
    poor = shop.tokens(resource=API, scope="openid")["access_token"]
    assert get(poor).status_code == 403


def test_a_token_for_an_api_does_not_tell_it_about_people(shop):
    assert shop.userinfo(shop.tokens(resource=API)["access_token"]).status_code == 401


def test_a_client_has_tokens_for_apis_of_its_own(shop, get):
    data = {"grant_type": "client_credentials", "scope": "read", "resource": API}
    token = shop.post("/oauth/token", data).json["access_token"]
    assert get(token).json == {"of": "shop", "by": "shop"}
    data["resource"] = "https://unknown.example"
    assert shop.post("/oauth/token", data).json["error"] == "invalid_target"


def test_of_several_apis_each_token_is_for_one(shop, get):
    code = shop.code(resource=[API, OTHER_API])
    assert shop.redeem(code).json["error"] == "invalid_target", "it has to say for which"
    assert shop.redeem(code, resource=[API, OTHER_API]).json["error"] == "invalid_target"
    assert shop.redeem(code, resource="https://x.example").json["error"] == "invalid_target"
    tokens = shop.redeem(code, resource=API).json
    assert get(tokens["access_token"]).status_code == 200
    other = shop.refresh(tokens["refresh_token"], resource=OTHER_API).json
    assert get(other["access_token"]).status_code == 401


def test_one_that_was_not_allowed_is_not_added_later(shop):
    tokens = shop.tokens(resource=API)
    answer = shop.refresh(tokens["refresh_token"], resource=OTHER_API)
    assert answer.json["error"] == "invalid_target"
    answer = shop.refresh(shop.tokens()["refresh_token"], resource=API)
    assert answer.json["error"] == "invalid_target"


def test_the_page_says_for_which_api_it_is(shop):
    assert API in shop.ask(resource=API).text


def test_an_api_that_asks_hears_at_once_that_a_token_was_taken_back(world, shop):
    tokens = shop.tokens(resource=API)
    token = {"token": tokens["access_token"]}
    assert shop.post("/oauth/introspect", token, auth=("api", SECRET)).json["aud"] == API
    with world.app.app_context():
        assert world.server.revoke("ada", "shop")
    assert shop.post("/oauth/introspect", token, auth=("api", SECRET)).json == {"active": False}


def test_an_api_asks_about_its_own_tokens_only(shop):
    token = {"token": shop.tokens(resource=OTHER_API)["access_token"]}
    assert shop.post("/oauth/introspect", token, auth=("api", SECRET)).json == {"active": False}


@pytest.mark.parametrize("authorization", ["", "Basic x", "Bearer", "Bearer x", "Bearer \xff"])
def test_userinfo_without_a_good_token(shop, authorization):
    headers = {"Authorization": authorization} if authorization else {}
    answer = shop.backend.get("/oauth/userinfo", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")
    assert ("error=" in answer.headers["WWW-Authenticate"]) is authorization.startswith("Bearer")
    token = shop.tokens()["access_token"]
    url = f"/oauth/userinfo?access_token={token}"
    assert shop.backend.get(url).status_code == 401, "a token in an address ends up in logs"


def test_userinfo_with_a_token_that_is_not_about_anybody(shop):
    data = {"grant_type": "client_credentials", "scope": "read"}
    answer = shop.userinfo(shop.post("/oauth/token", data).json["access_token"])
    assert answer.status_code == 403
    assert answer.json["error"] == "insufficient_scope"
    token = shop.tokens(scope="read")["access_token"]
    assert shop.userinfo(token).status_code == 403


def test_userinfo_by_post(shop):
    token = shop.tokens()["access_token"]
    answer = shop.backend.post("/oauth/userinfo", headers={"Authorization": f"Bearer {token}"})
    assert answer.json["sub"] == "ada"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/oauth/token", True),
        ("/oauth/userinfo", True),
        ("/oauth/jwks", True),
        ("/.well-known/openid-configuration", True),
        ("/oauth/authorize", False),
        ("/oauth/logout", False),
    ],
)
def test_programs_in_browsers_read_answers_and_no_pages(shop, path, allowed):
    headers = {"Origin": "https://spa.example", "Access-Control-Request-Method": "POST"}
    answer = shop.backend.options(path, headers=headers)
    assert (answer.headers.get("Access-Control-Allow-Origin") == "*") is allowed
    method = "POST" if path == "/oauth/token" else "GET"
    answer = shop.backend.open(path, method=method, headers={"Origin": "https://spa.example"})
    assert (answer.headers.get("Access-Control-Allow-Origin") == "*") is allowed
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_programs_in_browsers_read_why_a_token_was_refused(shop):
    answer = shop.backend.get("/oauth/userinfo", headers={"Origin": "https://spa.example"})
    assert "WWW-Authenticate" in answer.headers["Access-Control-Expose-Headers"]
