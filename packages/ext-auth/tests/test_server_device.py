"""Devices without a browser (RFC 8628): the code, the page, the polls, and who guesses: A14."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.relying import ISSUER, PAGE, Shop, form_of, make_world

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Device(Shop):
    """A television, and the browser of who sits in front of it."""

    def start(self, **changes):
        answer = self.post("/oauth/device_authorization", {"scope": "openid read", **changes})
        assert answer.status_code == 200, answer.text
        return answer.json

    def poll(self, device_code, **changes):
        data = {"grant_type": GRANT, "device_code": device_code, **changes}
        return self.post("/oauth/token", data)

    def error(self, device_code, **changes):
        answer = self.poll(device_code, **changes)
        assert answer.status_code == 400, answer.text
        return answer.json["error"]

    def type(self, code):
        """Type a code into the page; return what it shows then."""
        action, fields = form_of(self.get("/oauth/device"))
        return self.browser.post(action, data={**fields, "user_code": code})


@pytest.fixture
def world(colour):
    world = make_world(colour, device=True)
    world.add_client(
        "tv",
        token_endpoint_auth_method="none",
        grant_types=[GRANT, "refresh_token"],
        redirect_uris=[],
    )
    yield world
    world.app.stop()


@pytest.fixture
def tv(world, gateway):
    tv = Device(world, gateway, "tv", secret=None)
    tv.log_in()
    return tv


def test_a_device_gets_tokens_of_who_typed_its_code(tv, clock):
    started = tv.start()
    assert re.fullmatch(
        r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", started["user_code"]
    )
    assert started["verification_uri"] == f"{ISSUER}/oauth/device"
    assert started["expires_in"] == 600
    assert tv.error(started["device_code"]) == "authorization_pending"

    page = tv.type(started["user_code"].lower().replace("-", " "))
    assert started["user_code"] in page.text
    assert "The Shop" in page.text
    assert "Read your things" in page.text
    assert "is connected" in tv.decide(page).text

    tokens = tv.poll(started["device_code"]).json
    assert tokens["scope"] == "openid read"
    assert tv.userinfo(tokens["access_token"]).json["sub"] == "ada"
    assert tv.refresh(tokens["refresh_token"]).status_code == 200
    assert tokens["id_token"]
    assert tv.error(started["device_code"]) == "invalid_grant", "it is good once"


def test_a_no_is_told_to_the_device(tv):
    started = tv.start()
    page = tv.decide(tv.type(started["user_code"]), "deny")
    assert "not connected" in page.text
    assert tv.error(started["device_code"]) == "access_denied"


def test_who_is_not_logged_in_logs_in_and_comes_back(tv):
    started = tv.start()
    tv.browser = tv.world.app.test_client()
    path = started["verification_uri_complete"].removeprefix(ISSUER)
    login = tv.get(path)
    assert login.status_code == 303
    back = tv.browser.post(login.location, data={"who": "bob"}).location
    page = tv.get(back)
    assert f'value="{started["user_code"]}"' in page.text, "it need not be typed"
    tv.decide(tv.type(started["user_code"]))
    token = tv.poll(started["device_code"]).json["access_token"]
    assert tv.userinfo(token).json["sub"] == "bob"


def test_a_link_with_the_code_connects_nothing(tv):
    started = tv.start()
    path = started["verification_uri_complete"].removeprefix(ISSUER)
    assert "The Shop" not in tv.get(path).text
    answer = tv.browser.post("/oauth/device", data={"user_code": started["user_code"]})
    assert answer.status_code == 400
    data = {"user_code": started["user_code"], "decision": "allow"}
    assert tv.browser.post("/oauth/device", data=data).status_code == 400
    assert tv.error(started["device_code"]) == "authorization_pending"


def test_a_form_is_for_the_code_that_was_asked_about(tv):
    mine, evil = tv.start(), tv.start()
    page = tv.type(mine["user_code"])
    assert tv.decide(page, user_code=evil["user_code"]).status_code == 400
    assert tv.error(evil["device_code"]) == "authorization_pending"
    _, fields = form_of(tv.get("/oauth/device"))
    data = {**fields, "user_code": evil["user_code"], "decision": "allow"}
    assert tv.browser.post("/oauth/device", data=data).status_code == 400, "nobody was asked"


def test_a_form_is_for_who_has_it(tv, world, gateway):
    action, fields = form_of(tv.type(tv.start()["user_code"]))
    other = Device(world, gateway, "tv", secret=None)
    other.log_in("bob")
    data = {**fields, "decision": "allow"}
    assert other.browser.post(action, data=data).status_code == 400


def test_the_page_is_not_framed(tv):
    page = tv.get("/oauth/device")
    assert page.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"


def test_a_device_that_asks_too_often_is_slowed_down(tv, clock):
    code = tv.start()["device_code"]
    assert tv.error(code) == "authorization_pending"
    assert tv.error(code) == "slow_down"
    clock.move(seconds=5)
    assert tv.error(code) == "slow_down", "five seconds more each time"
    clock.move(seconds=15)
    assert tv.error(code) == "authorization_pending"


def test_codes_end(tv, clock):
    started = tv.start()
    page = tv.type(started["user_code"])
    clock.move(seconds=601)
    assert tv.error(started["device_code"]) == "expired_token"
    assert tv.decide(page).status_code == 400
    assert "not known" in tv.type(started["user_code"]).text


def test_tokens_have_to_be_fetched_in_time(tv, clock):
    started = tv.start()
    tv.decide(tv.type(started["user_code"]))
    clock.move(seconds=601)
    assert tv.error(started["device_code"]) == "expired_token"


def test_who_guesses_is_locked_out(tv):
    started = tv.start()
    for number in range(10):
        own = tv.start()["user_code"] if number % 5 == 4 else None
        page = tv.type(own or "BBBB-BBBB")
        assert ("not known" in page.text) == (own is None)
    answer = tv.type(started["user_code"])
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert tv.error(started["device_code"]) == "authorization_pending"


@pytest.mark.parametrize(
    "code", ["", "-", "é", "x" * 3000, "BBBB BBBB BBBB", "<script>", "AEIO-U123"]
)
def test_anything_may_be_typed(tv, code):
    page = tv.type(code)
    assert page.status_code == 400
    assert "<script>" not in page.text


def test_the_same_code_is_decided_once(tv):
    page = tv.type(tv.start()["user_code"])
    assert tv.decide(page).status_code == 200
    assert tv.decide(page, "deny").status_code == 400


def test_of_many_who_ask_at_once_one_gets_tokens(tv):
    started = tv.start()
    tv.decide(tv.type(started["user_code"]))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: tv.poll(started["device_code"]), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7


def test_another_client_gets_nothing(tv, world, gateway):
    world.add_client("radio", grant_types=[GRANT], redirect_uris=[])
    started = tv.start()
    tv.decide(tv.type(started["user_code"]))
    radio = Device(world, gateway, "radio")
    assert radio.error(started["device_code"]) == "invalid_grant"
    assert tv.poll(started["device_code"]).status_code == 200


def test_who_may_not_use_it_is_told(world, gateway):
    world.add_client()
    shop = Device(world, gateway)
    answer = shop.post("/oauth/device_authorization", {})
    assert (answer.status_code, answer.json["error"]) == (400, "unauthorized_client")
    assert shop.error("x") == "unauthorized_client"
    assert shop.post("/oauth/device_authorization", {}, auth=("shop", "no")).status_code == 401


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "nothing"}, "invalid_scope"),
        ({"resource": "https://x.example"}, "invalid_target"),
    ],
)
def test_what_makes_no_sense_is_told(tv, changes, error):
    answer = tv.post("/oauth/device_authorization", changes)
    assert (answer.status_code, answer.json["error"]) == (400, error)


def test_a_permission_that_was_taken_back_gives_nothing(tv, world):
    started = tv.start()
    tv.decide(tv.type(started["user_code"]))
    with world.app.app_context():
        assert world.server.revoke("ada")
    assert tv.error(started["device_code"]) == "invalid_grant"


def test_an_application_may_ask_in_its_own_words(tv, world):
    @world.server.consent
    def ask(consent):
        return f'<form action="{consent.action}">{consent.hidden}{consent.user_code}</form>'

    started = tv.start()
    page = tv.type(started["user_code"])
    assert started["user_code"] in page.text
    tv.decide(page)
    assert tv.poll(started["device_code"]).status_code == 200


def test_it_is_off_unless_it_is_switched_on(colour, gateway):
    world = make_world(colour)
    world.add_client("tv", grant_types=[GRANT], redirect_uris=[])
    tv = Device(world, gateway, "tv")
    tv.log_in()
    document = tv.backend.get("/.well-known/openid-configuration").json
    assert GRANT not in document["grant_types_supported"]
    assert "device_authorization_endpoint" not in document
    assert tv.get("/oauth/device").status_code == 404
    assert tv.error("x") == "unsupported_grant_type"
    world.app.stop()


def test_metadata_say_that_it_is_there(tv):
    document = tv.backend.get("/.well-known/openid-configuration", headers=PAGE).json
    assert GRANT in document["grant_types_supported"]
    assert document["device_authorization_endpoint"] == f"{ISSUER}/oauth/device_authorization"
