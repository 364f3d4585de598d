"""Requests that clients push before the browser comes (PAR, RFC 9126): A16 and more."""

import importlib.util
from concurrent.futures import ThreadPoolExecutor

import pytest

from cruse_auth import Rule
from tests.relying import CALLBACK, ISSUER, PAGE, make_world


@pytest.fixture
def shop(open_shop):
    return open_shop()


def push(shop, **changes):
    return shop.post("/oauth/par", shop.wish(client_id=None, **changes))


def bring(shop, name, **more):
    query = {"client_id": shop.client_id, "request_uri": name, **more}
    return shop.browser.get("/oauth/authorize", query_string=query, headers=PAGE)


def test_a_request_that_was_pushed_gives_tokens(shop):
    pushed = push(shop)
    assert pushed.status_code == 201
    assert pushed.headers["Cache-Control"] == "no-store"
    assert 0 < pushed.json["expires_in"] <= 600
    answer = shop.answer(shop.decide(bring(shop, pushed.json["request_uri"])))
    assert (answer["state"], answer["iss"]) == ("s t&te", ISSUER)
    assert shop.redeem(answer["code"]).json["scope"] == "openid read"


def test_what_the_browser_adds_does_not_count(shop):
    name = push(shop).json["request_uri"]
    page = bring(shop, name, scope="openid write", redirect_uri="https://evil.example/")
    assert "Change your things" not in page.text
    assert shop.answer(shop.decide(page))["code"]


def test_who_has_to_log_in_first_comes_back_to_it(shop):
    name = push(shop).json["request_uri"]
    shop.browser = shop.world.app.test_client()
    start = bring(shop, name)
    back = shop.browser.post(start.location, data={"who": "bob"}).location
    assert shop.answer(shop.decide(shop.get(back)))["code"]


def test_the_name_of_a_request_is_good_once(shop):
    name = push(shop).json["request_uri"]
    assert bring(shop, name).status_code == 200
    again = bring(shop, name)
    assert again.status_code == 400
    assert "Location" not in again.headers


def test_of_many_browsers_that_bring_it_at_once_one_is_let_in(shop):
    name = push(shop).json["request_uri"]
    browsers = [shop.again() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda browser: bring(browser, name).status_code, browsers))
    assert sorted(answers) == [200] + [400] * 7


def test_it_is_good_for_a_moment(shop, clock):
    name = push(shop).json["request_uri"]
    clock.move(seconds=91)
    assert bring(shop, name).status_code == 400


def test_another_client_can_neither_use_it_nor_use_it_up(shop):
    shop.world.add_client("till")
    name = push(shop).json["request_uri"]
    assert bring(shop, name, client_id="till").status_code == 400
    assert bring(shop, name).status_code == 200


def test_a_name_that_nobody_gave_leads_nowhere(shop):
    answer = bring(shop, "urn:ietf:params:oauth:request_uri:nothing")
    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_an_address_is_not_asked(shop):
    answer = bring(shop, "https://127.0.0.1/request.jwt", redirect_uri=CALLBACK)
    assert shop.answer(answer)["error"] == "request_uri_not_supported"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "nothing"}, "invalid_scope"),
        ({"resource": "https://other.example"}, "invalid_target"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"nonce": "n" * 5000}, "invalid_request"),
    ],
)
def test_what_makes_no_sense_is_told_at_once(shop, changes, error):
    answer = push(shop, **changes)
    assert (answer.status_code, answer.json["error"]) == (400, error)


def test_nobody_pushes_for_somebody_else(shop):
    answer = shop.post("/oauth/par", shop.wish(), auth=("shop", "wrong"))
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
    assert shop.post("/oauth/par", shop.wish(client_id="till")).json["error"] == "invalid_request"


@pytest.mark.parametrize("method", ["get", "post"])
def test_pushing_can_be_required_of_all(open_shop, method):
    shop = open_shop(par="required")
    document = shop.backend.get("/.well-known/openid-configuration").json
    assert document["require_pushed_authorization_requests"] is True
    assert document["pushed_authorization_request_endpoint"] == f"{ISSUER}/oauth/par"
    if method == "get":
        answer = shop.ask()
    else:
        answer = shop.browser.post("/oauth/authorize", data=shop.wish())
    assert shop.answer(answer)["error"] == "invalid_request"
    page = bring(shop, push(shop).json["request_uri"])
    assert shop.answer(shop.decide(page))["code"]


def test_pushing_can_be_required_of_one(shop):
    shop.world.add_client("till", require_pushed_authorization_requests=True)
    assert shop.answer(shop.ask(client_id="till"))["error"] == "invalid_request"
    assert shop.ask().status_code == 200


if importlib.util.find_spec("limits") is not None:

    def test_who_could_be_anybody_does_not_fill_the_store(shop):
        shop.world.add_client("app", token_endpoint_auth_method="none")
        shop.client_id, shop.secret = "app", None
        shop.world.auth.limits.rules["authorize"] = Rule(address="2 per minute")
        assert [push(shop).status_code for _ in range(3)] == [201, 201, 429]


def test_a_word_that_is_not_known_is_told():
    with pytest.raises(ValueError, match="par is 'optional' or 'required'"):
        make_world(par="sometimes")
