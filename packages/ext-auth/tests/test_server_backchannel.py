"""Clients are told that somebody has logged out (Back-Channel Logout 1.0), and nobody else is."""

import time

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.wrappers import Request, Response

from cruse import Cruse
from cruse_auth import Auth, InProcess, MemoryStore, UserMixin, current_user, login_ended
from tests.relying import ISSUER, SECRET, Shop, make_world

EVENT = "http://schemas.openid.net/event/backchannel-logout"


class Ears:
    """Where a client is told; it answers with ``status``."""

    def __init__(self):
        self.heard = []
        self.status = 200

    def __call__(self, environ, start_response):
        request = Request(environ)
        self.heard.append((request.path, request.form.get("logout_token")))
        response = Response("", self.status, {"Location": "/elsewhere"})
        return response(environ, start_response)


@pytest.fixture
def ears():
    return Ears()


@pytest.fixture
def shop(colour, gateway, ears, serve):
    world = make_world(colour)
    world.add_client(backchannel_logout_uri=f"{serve(ears)}/heard")
    register_views(world)
    shop = Shop(world, gateway)
    shop.log_in()
    yield shop
    world.app.stop()


def register_views(world):
    @world.app.post("/out")
    async def out():
        return str(await world.auth.alogout())

    @world.app.post("/end-others")
    def end_others():
        return str(world.auth.logout_everywhere(keep_current=True))

    @world.app.post("/end-this")
    def end_this():
        return str(world.auth.revoke_session(world.auth.session_id))


def heard(shop, ears):
    """What the client was told, once everything has been sent; the server is stopped then."""
    shop.world.app.stop()
    return [token for _, token in ears.heard]


def claims_of(shop, token):
    keys = KeySet.import_key_set(shop.backend.get("/oauth/jwks").json)
    decoded = jwt.decode(token, keys, algorithms=["RS256"])
    return decoded.header, decoded.claims


@pytest.mark.parametrize("way", ["/out", "/auth/logout", "/end-this"])
def test_a_client_is_told_that_a_login_has_ended(shop, ears, way):
    sid = claims_of(shop, shop.tokens()["id_token"])[1]["sid"]
    keys = KeySet.import_key_set(shop.backend.get("/oauth/jwks").json)
    assert shop.browser.post(way).status_code in (200, 303)
    (token,) = heard(shop, ears)
    decoded = jwt.decode(token, keys, algorithms=["RS256"])
    header, claims = decoded.header, decoded.claims
    assert header["typ"] == "logout+jwt"
    assert (claims["iss"], claims["aud"], claims["sub"]) == (ISSUER, "shop", "ada")
    assert claims["sid"] == sid
    assert claims["events"] == {EVENT: {}}
    assert claims["exp"] - claims["iat"] <= 120
    assert abs(claims["iat"] - time.time()) < 60
    assert claims["jti"]
    assert "nonce" not in claims


def test_a_logout_that_a_client_asked_for_is_told_too(shop, ears):
    hint = shop.tokens()["id_token"]
    shop.get(f"/oauth/logout?id_token_hint={hint}")
    assert len(heard(shop, ears)) == 1


def test_it_is_told_once(shop, ears):
    shop.tokens()
    shop.tokens()
    shop.browser.post("/out")
    shop.log_in()
    shop.browser.post("/out")
    assert len(heard(shop, ears)) == 1


def test_who_was_never_there_is_not_told(shop, ears):
    shop.browser.post("/out")
    assert heard(shop, ears) == []


def test_who_has_no_address_for_it_is_not_told(shop, ears):
    shop.world.add_client("till")
    till = Shop(shop.world, "wsgi", "till")
    till.log_in()
    till.tokens()
    till.browser.post("/out")
    assert heard(shop, ears) == []


def test_logins_of_others_and_other_browsers_go_on(shop, ears):
    shop.tokens()
    for who in ("ada", "bob"):
        other = Shop(shop.world, "wsgi")
        other.log_in(who)
        other.browser.post("/out")
    assert heard(shop, ears) == []


def test_logins_that_are_ended_from_another_browser_are_told(shop, ears):
    sid = claims_of(shop, shop.tokens()["id_token"])[1]["sid"]
    keys = KeySet.import_key_set(shop.backend.get("/oauth/jwks").json)
    other = Shop(shop.world, "wsgi")
    other.log_in()
    other.tokens()
    assert other.browser.post("/end-others").text == "1"
    (token,) = heard(shop, ears)
    assert jwt.decode(token, keys, algorithms=["RS256"]).claims["sid"] == sid


def test_a_command_waits_until_it_is_told(shop, ears):
    shop.tokens()
    run = shop.world.app.test_cli_runner().invoke
    assert run(args=["auth", "sessions", "revoke", "ada"]).output == "Ended: 1.\n"
    assert len(ears.heard) == 1


def test_a_login_that_another_one_took_the_place_of_is_told_with_it(shop, ears):
    shop.tokens()
    shop.log_in()
    shop.tokens()
    shop.browser.post("/out")
    tokens = heard(shop, ears)
    assert len(tokens) == len(set(tokens)) == 2


def test_a_login_that_somebody_elses_took_the_place_of_is_told_at_once(shop, ears):
    shop.tokens()
    shop.log_in("bob")
    assert len(heard(shop, ears)) == 1


def test_who_took_everything_back_logs_out_of_it_all_the_same(shop, ears):
    shop.tokens()
    with shop.world.app.app_context():
        assert shop.world.server.revoke("ada")
    shop.browser.post("/out")
    assert len(heard(shop, ears)) == 1


@pytest.mark.parametrize("status", [302, 400, 500])
def test_a_client_that_fails_is_in_the_log_and_stops_nothing(shop, ears, caplog, status):
    ears.status = status
    shop.tokens()
    assert shop.browser.post("/out").text == "True"
    (token,) = heard(shop, ears)
    assert [path for path, _ in ears.heard] == ["/heard"], "redirects are not followed"
    assert "'shop' was not told of a logout: http://127.0.0.1" in caplog.text
    assert f"answered with status {status}" in caplog.text
    assert token not in caplog.text


def test_in_production_no_address_inside_is_asked(shop, ears, caplog):
    shop.world.app.config["TESTING"] = False
    shop.tokens()
    assert shop.browser.post("/out").text == "True"
    assert heard(shop, ears) == []
    assert "127.0.0.1 is not outside of our own network" in caplog.text


@pytest.mark.parametrize(
    "uri", ["http://shop.example/", "ftp://shop.example", "x", "https://u@h/"]
)
def test_an_address_must_be_one_where_nobody_listens_in(colour, uri):
    world = make_world(colour)
    with pytest.raises(ValueError, match=r"neither an https|no URI|user"):
        world.add_client(backchannel_logout_uri=uri)
    world.app.stop()


def test_applications_hear_of_it_too(shop):
    told = []

    @login_ended.connect_via(shop.world.app)
    def hear(app, user_id, sid):
        told.append((user_id, sid is not None))

    shop.browser.post("/end-others")
    shop.browser.post("/out")
    assert told == [("ada", False), ("ada", True)]


def test_metadata_say_that_it_can(shop):
    document = shop.backend.get("/.well-known/openid-configuration").json
    assert document["backchannel_logout_supported"] is True
    assert document["backchannel_logout_session_supported"] is True


# -- with our own client --------------------------------------------------------------------------


class User(UserMixin):
    def __init__(self, id):
        self.id = id


def test_our_own_client_ends_its_session(colour, gateway, serve):
    world = make_world(colour)
    app = Cruse("shop")
    app.config.update(TESTING=True, SECRET_KEY="k" * 32)
    app.config["AUTH_PROVIDERS"] = {
        "id": {
            "issuer": ISSUER,
            "client_id": "shop",
            "client_secret": SECRET,
            "transport": InProcess(world.app),
        }
    }
    auth = Auth(app, store=MemoryStore())
    auth.on_login(lambda identity: User(identity.subject))
    auth.user_loader(User)
    app.get("/")(lambda: current_user.id if current_user else "nobody")
    address = serve(app.wsgi_app)
    world.add_client(
        redirect_uris=["http://localhost/auth/id/callback"],
        backchannel_logout_uri=f"{address}/auth/id/backchannel",
    )
    shop = Shop(world, gateway, callback="http://localhost/auth/id/callback")
    shop.log_in()
    visitor = app.test_client(gateway=gateway)
    start = visitor.post("/auth/id/login").location
    page = shop.get(start.removeprefix(ISSUER))
    back = shop.decide(page).location
    assert visitor.get(back).status_code == 303
    assert visitor.get("/").text == "ada"
    shop.browser.post("/auth/logout")
    world.app.stop()
    assert visitor.get("/").text == "nobody"
    app.stop()
