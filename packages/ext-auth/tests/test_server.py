"""Being a provider: the whole way of a program that logs somebody in, from discovery to logout."""

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.relying import ISSUER, Shop, make_world


@pytest.fixture
def world(colour):
    world = make_world(colour)
    world.add_client()
    yield world
    world.app.stop()


def read(shop, token):
    """Check a token with the public keys, and return what it says."""
    keys = KeySet.import_key_set(shop.backend.get("/oauth/jwks").json)
    return jwt.decode(token, keys, algorithms=["RS256"])


def test_a_code_gives_tokens_of_who_is_logged_in(shop):
    tokens = shop.tokens()
    assert tokens["token_type"] == "Bearer"
    assert tokens["scope"] == "openid read"
    token = read(shop, tokens["id_token"])
    assert token.header["kid"] == shop.backend.get("/oauth/jwks").json["keys"][0]["kid"]
    claims = token.claims
    assert (claims["iss"], claims["sub"], claims["aud"]) == (ISSUER, "ada", "shop")
    assert (claims["nonce"], claims["acr"], claims["amr"]) == ("n1", "bronze", ["pwd"])
    assert claims["auth_time"] <= claims["iat"] < claims["exp"] <= claims["iat"] + 600
    assert claims["at_hash"]
    assert claims["sid"]


def test_userinfo_tells_what_the_scopes_allow(shop):
    token = shop.tokens(scope="openid email")["access_token"]
    answer = shop.userinfo(token)
    assert answer.json == {"sub": "ada", "email": "ada@example.com", "badge": "gold"}
    assert answer.headers["Cache-Control"] == "no-store"


def test_people_are_asked_once(shop):
    page = shop.ask()
    assert "The Shop" in page.text
    assert "Read your things" in page.text
    assert shop.answer(shop.decide(page))["code"]
    assert shop.answer(shop.ask())["code"]
    assert shop.ask(scope="openid read write").status_code == 200, "more is asked for anew"


def test_a_no_is_told_to_the_program(shop):
    answer = shop.answer(shop.decide(shop.ask(), "deny"))
    assert answer["error"] == "access_denied"
    assert (answer["state"], answer["iss"]) == ("s t&te", ISSUER)


def test_who_is_not_logged_in_logs_in_and_comes_back(world, gateway):
    shop = Shop(world, gateway)
    answer = shop.ask(state="x" * 1500)
    assert answer.status_code == 303
    assert answer.location.startswith("/sign-in?next=")
    assert len(answer.location) < 300, "login pages keep it in a cookie"
    back = shop.browser.post(answer.location, data={"who": "bob"}).location
    answer = shop.answer(shop.decide(shop.get(back)))
    assert answer["state"] == "x" * 1500
    assert shop.userinfo(shop.redeem(answer["code"]).json["access_token"]).json["sub"] == "bob"


def test_a_request_may_be_posted(shop):
    answer = shop.browser.post("/oauth/authorize", data=shop.wish())
    assert answer.status_code == 303
    assert shop.answer(shop.decide(shop.get(answer.location)))["code"]
    wrong = shop.browser.post("/oauth/authorize", data=shop.wish(scope="nothing"))
    assert shop.answer(wrong)["error"] == "invalid_scope"
    data = shop.wish(redirect_uri="https://evil.example/")
    assert shop.browser.post("/oauth/authorize", data=data).status_code == 400


def test_the_metadata_say_what_there_is(shop):
    for path in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"):
        document = shop.backend.get(path).json
        AuthorizationServerMetadata(document).validate()
        assert document["issuer"] == ISSUER
        assert document["token_endpoint"] == f"{ISSUER}/oauth/token"
        assert document["code_challenge_methods_supported"] == ["S256"]
        assert "password" not in document["grant_types_supported"]
        assert document["response_types_supported"] == ["code"]
        assert "write" in document["scopes_supported"]
