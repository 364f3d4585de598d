"""Clients that register themselves (RFC 7591): A15."""

import html
import importlib.util
import json
import re
from urllib.parse import urlencode

import pytest
from joserfc.jwk import ECKey

from tests.relying import CALLBACK, ISSUER, Shop, make_world

KEY = ECKey.generate_key("P-256", auto_kid=True)


@pytest.fixture
def make(colour, gateway):
    worlds = []

    def make(registration="token", **options):
        world = make_world(colour, registration=registration, **options)
        worlds.append(world)
        return Shop(world, gateway)

    yield make
    for world in worlds:
        world.app.stop()


@pytest.fixture
def shop(make):
    return make()


@pytest.fixture
def token(shop):
    return invite(shop)


def invite(shop, **options):
    with shop.world.app.app_context():
        return shop.world.server.clients.invite(**options)


def register(shop, token=None, **metadata):
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    metadata = {"redirect_uris": [CALLBACK], **metadata}
    return shop.backend.post("/oauth/register", json=metadata, headers=headers)


def test_a_client_registers_itself_and_logs_somebody_in(shop, token):
    answer = register(shop, token, client_name="Your Shop", scope="openid read nonsense")
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    told = answer.json
    assert told["client_name"] == "Your Shop"
    assert told["scope"] == "openid read"
    assert told["client_secret_expires_at"] == 0
    assert told["grant_types"] == ["authorization_code", "refresh_token"]

    shop.client_id, shop.secret = told["client_id"], told["client_secret"]
    shop.log_in()
    page = shop.ask()
    assert "Your Shop" in page.text, "people are asked"
    assert shop.redeem(shop.answer(shop.decide(page))["code"]).status_code == 200


def test_one_without_a_secret_gets_none(shop, token):
    told = register(shop, token, token_endpoint_auth_method="none").json
    assert "client_secret" not in told


def test_one_with_a_key_brings_it(shop, token):
    keys = {"keys": [KEY.as_dict(private=False)]}
    told = register(shop, token, token_endpoint_auth_method="private_key_jwt", jwks=keys).json
    assert told["jwks"] == keys
    assert "client_secret" not in told


@pytest.mark.parametrize("more", ["1e999", '"\\u0000"', f"{'[' * 300}{']' * 300}"])
def test_of_a_key_what_is_used_is_kept_and_nothing_else(shop, token, more):
    key = KEY.as_dict(private=False)
    body = json.dumps({"redirect_uris": [CALLBACK], "jwks": {"keys": [{**key, "more": "MORE"}]}})
    answer = shop.backend.post(
        "/oauth/register",
        data=body.replace('"MORE"', more),
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.json["jwks"] == {"keys": [key]}


def test_a_token_is_good_for_one(shop, token):
    assert register(shop, token, redirect_uris=["javascript:1"]).status_code == 400
    assert register(shop, token).status_code == 201, "a mistake costs nothing"
    again = register(shop, token)
    assert again.status_code == 401
    assert 'error="invalid_token"' in again.headers["WWW-Authenticate"]


def test_a_token_ends(shop, clock):
    token = invite(shop, seconds=60)
    clock.move(seconds=61)
    assert register(shop, token).status_code == 401


@pytest.mark.parametrize("token", [None, "nonsense", ""])
def test_without_a_token_nobody_registers(shop, token):
    answer = register(shop, token)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_it_is_closed_unless_it_is_opened(make):
    shop = make("closed")
    assert register(shop).status_code == 404
    document = shop.backend.get("/.well-known/openid-configuration").json
    assert "registration_endpoint" not in document


if importlib.util.find_spec("limits") is not None:

    def test_it_can_be_open_to_all_as_far_as_the_limits_go(make):
        shop = make("open")
        document = shop.backend.get("/.well-known/openid-configuration").json
        assert document["registration_endpoint"] == f"{ISSUER}/oauth/register"
        assert [register(shop).status_code for _ in range(11)] == [201] * 10 + [429]

    @pytest.mark.parametrize("changes", [{"scope": "x"}, {"prompt": "none"}, {"request": "x"}])
    def test_nobody_is_sent_to_an_address_that_anybody_could_have_registered(make, changes):
        shop = make("open")
        shop.client_id = register(shop).json["client_id"]
        page = shop.ask(**changes)
        assert (page.status_code, page.location) == (400, None)
        # They may go there by themselves, and the program hears of it.
        way_on = html.unescape(re.search(r'href="([^"]+)"', page.text)[1])
        assert way_on.startswith(f"{CALLBACK}?error=")

    def test_a_link_to_the_logout_leads_nobody_there_either(make):
        shop = make("open")
        told = register(shop, post_logout_redirect_uris=["https://shop.example/"]).json
        shop.client_id, shop.secret = told["client_id"], told["client_secret"]
        shop.log_in()
        query = {
            "id_token_hint": shop.tokens()["id_token"],
            "post_logout_redirect_uri": "https://shop.example/",
        }
        url = f"/oauth/logout?{urlencode(query)}"
        stranger = Shop(shop.world, shop.gateway)
        assert stranger.get(url).status_code == 200
        assert shop.get(url).location == "https://shop.example/", "this login has ended"

    def test_they_are_sent_there_by_their_own_decision(make):
        shop = make("open")
        shop.client_id = register(shop).json["client_id"]
        shop.log_in()
        assert shop.answer(shop.decide(shop.ask(), "deny"))["error"] == "access_denied"
        assert "code" in shop.answer(shop.decide(shop.ask()))


@pytest.mark.parametrize(
    "uri",
    [
        "http://shop.example/callback",
        "javascript:alert(1)",
        "https://shop.example/callback#x",
        "https://user@shop.example/",
        "data:text/html,x",
        "https:///callback",
        "/callback",
        "",
        "https://shop.example/" + "x" * 3000,
        "https://shop.example\\@evil.example/",
        "com.example.app:/callback",
    ],
)
def test_browsers_are_not_sent_everywhere(shop, token, uri):
    answer = register(shop, token, redirect_uris=[uri])
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_redirect_uri")


def test_a_program_on_a_phone_may_have_its_own_scheme(shop, token):
    answer = register(
        shop, token, redirect_uris=["com.example.app:/callback"], application_type="native"
    )
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "metadata",
    [
        {"redirect_uris": []},
        {"redirect_uris": CALLBACK},
        {"redirect_uris": [1]},
        {"redirect_uris": [CALLBACK] * 21},
        {"client_name": "x" * 101},
        {"client_name": "a\nb"},
        {"client_name": 7},
        {"client_name": "\ud83d"},
        {"response_types": ["token"]},
        {"grant_types": ["client_credentials"]},
        {"grant_types": ["password"]},
        {"grant_types": [["x"]]},
        {"token_endpoint_auth_method": "tls_client_auth"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"application_type": "desktop"},
        {"jwks_uri": "http://127.0.0.1/keys"},
        {"jwks": {"keys": "x"}},
        {"jwks": [1]},
        {"jwks": {"keys": [KEY.as_dict(private=True)]}},
        {"jwks": {"keys": [{"kty": "oct"}]}},
        {"jwks": {"keys": [{**KEY.as_dict(private=False), "kid": "a\0b"}]}},
        {"jwks": {"keys": [{**KEY.as_dict(private=False), "kid": "\ud83d"}]}},
        {"jwks": {"keys": [{**KEY.as_dict(private=False), "use": ["sig"]}]}},
        {"client_uri": "javascript:alert(1)"},
        {"policy_uri": "http://shop.example"},
        {"client_uri": "„“"},
        {"scope": "nothing that is known"},
        {"backchannel_logout_uri": "http://10.0.0.1/"},
        {"dpop_bound_access_tokens": "yes"},
        {"post_logout_redirect_uris": ["javascript:1"]},
    ],
    ids=lambda metadata: "-".join(metadata),
)
def test_what_makes_no_sense_is_refused(shop, token, metadata):
    answer = register(shop, token, **metadata)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_client_metadata")


@pytest.mark.parametrize(
    "body",
    ["", "[]", "7", "{", "[" * 50_000, "\xff", '{"x": NaN}', json.dumps({"x": "y" * 70_000})],
)
def test_what_is_no_registration_is_refused(shop, token, body):
    answer = shop.backend.post(
        "/oauth/register",
        data=body.encode("latin-1"),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_client_metadata")


def test_nobody_makes_themselves_more_than_they_are(shop, token):
    told = register(
        shop,
        token,
        trusted=True,
        serves=["https://api.example/v1"],
        client_id="shop",
        secret_hash="x",
    ).json
    assert told["client_id"] != "shop"
    with shop.world.app.app_context():
        client = shop.world.server.clients.get(told["client_id"])
    assert (client.trusted, client.serves) == (False, ())


def test_a_word_that_is_not_known_is_told():
    with pytest.raises(ValueError, match="registration is 'closed', 'token' or 'open'"):
        make_world(registration="sometimes")
