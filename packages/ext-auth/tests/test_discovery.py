"""What a provider says of itself, and what is believed of it."""

import time

import pytest

from cruse import request
from cruse_auth.testing import MISSING

INSECURE = "http://op.example/authorize"


@pytest.fixture
def start(make_world, open_browser, gateway, remote):
    """Begin a login over a socket; return the answer."""
    provider, options = remote

    def begin(config=(), **discovery):
        world = make_world(options=options, config=config)
        with provider.tampering(discovery=discovery):
            return open_browser(world, gateway).client.post("/auth/op/login")

    return begin


@pytest.mark.parametrize("endpoint", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize(
    ("value", "cause"),
    [
        (MISSING, "has no"),
        (7, "has no"),
        (INSECURE, "must be an https:// address"),
        ("javascript:alert(1)", "must be an https:// address"),
        ("https://", "must be an https:// address"),
        ("https://[", "is not a URL"),
    ],
)
def test_endpoints_must_be_there_and_safe(start, caplog, endpoint, value, cause):
    answer = start(**{endpoint: value})
    assert answer.status_code == 502
    assert cause in caplog.text
    assert endpoint in caplog.text


@pytest.mark.parametrize("endpoint", ["userinfo_endpoint", "end_session_endpoint"])
def test_other_endpoints_may_be_missing_but_not_unsafe(start, endpoint):
    assert start(**{endpoint: MISSING}).status_code == 303
    assert start(**{endpoint: INSECURE}).status_code == 502


def test_plain_http_can_be_allowed(start):
    answer = start({"AUTH_INSECURE_HTTP": True}, authorization_endpoint=INSECURE)
    assert answer.location.startswith(INSECURE)


def test_algorithms_that_are_not_named_are_rs256(make_world, open_browser, gateway):
    world = make_world()
    for value in (MISSING, [], "RS256"):
        lie = {"id_token_signing_alg_values_supported": value}
        with world.provider.tampering(discovery=lie):
            assert open_browser(world, gateway).login().status_code == 303


def test_metadata_is_read_again_when_it_is_old(make_world, open_browser, gateway):
    world = make_world(config={"AUTH_METADATA_LIFETIME": 0})
    browser = open_browser(world, gateway)
    browser.login()
    browser.login()
    paths = [path for _, path in world.provider.requests]
    assert paths.count("/.well-known/openid-configuration") == 4
    assert paths.count("/oauth/jwks") == 2


def test_an_issuer_may_depend_on_the_request(make_world, open_browser, gateway):
    world = make_world()
    for number in range(20):  # and no host that somebody makes up is kept for ever
        base = f"http://t{number}.localhost"
        client = open_browser(world, gateway).client
        start = client.post("/auth/op/login", base_url=base)
        assert start.location.startswith(f"{base}/provider/oauth/authorize?")
        callback = world.provider.approve(start.location, "ada")
        assert client.get(callback, base_url=base).status_code == 303
    assert len({identity.issuer for identity in world.identities}) == 20


@pytest.mark.parametrize("document", ["discovery", "jwks", "token", "userinfo"])
@pytest.mark.parametrize("body", ["<html>", "[]", "7", "", '{"a":', "[" * 10_000, "\xff"])
def test_documents_that_are_no_json_objects_give_a_page(browser, world, document, body):
    paths = {"discovery": "/.well-known/openid-configuration"}
    path = "/provider" + paths.get(document, f"/oauth/{document}")

    @world.provider.app.after_request
    def spoil(response):
        if request.path == path:
            response.set_data(body.encode("latin-1"))
        return response

    answer = browser.client.post("/auth/op/login")
    if answer.status_code == 303:
        answer = browser.get(world.provider.approve(answer.location, "ada"))
    assert answer.status_code == 502
    assert browser.whoami == "nobody"


@pytest.mark.parametrize("document", ["discovery", "jwks", "token", "userinfo"])
@pytest.mark.parametrize("status", [204, 302, 401, 404, 500])
def test_documents_that_are_not_there_give_a_page(browser, world, document, status):
    paths = {"discovery": "/.well-known/openid-configuration"}
    path = "/provider" + paths.get(document, f"/oauth/{document}")

    @world.provider.app.after_request
    def spoil(response):
        if request.path == path:
            response.status_code = status
        return response

    answer = browser.client.post("/auth/op/login")
    if answer.status_code == 303:
        answer = browser.get(world.provider.approve(answer.location, "ada"))
    assert answer.status_code in (400, 502)
    assert browser.whoami == "nobody"


@pytest.mark.parametrize("document", ["/.well-known/openid-configuration", "/oauth/jwks"])
def test_a_provider_that_is_down_is_not_asked_by_every_login(
    make_world, open_browser, gateway, monkeypatch, caplog, document
):
    world, now, broken = make_world(), time.monotonic, True
    browser = open_browser(world, gateway)

    @world.provider.app.after_request
    def fail(response):
        if broken and request.path == f"/provider{document}":
            response.status_code = 500
        return response

    def log_in():
        answer = browser.client.post("/auth/op/login")
        if answer.status_code == 303:
            answer = browser.get(world.provider.approve(answer.location, "ada"))
        return answer.status_code

    assert [log_in() for _ in range(5)] == [502] * 5
    assert world.provider.requests.count(("GET", document)) == 1
    assert "it is asked again in 10 s" in caplog.text

    broken = False
    assert log_in() == 502, "it was down just now"
    monkeypatch.setattr(time, "monotonic", lambda: now() + 10)
    assert log_in() == 303


def test_the_pause_after_a_failure_can_be_set(make_world, open_browser, gateway):
    world = make_world(config={"AUTH_PROVIDER_COOLDOWN": 0})
    browser = open_browser(world, gateway)
    with world.provider.tampering(discovery={"issuer": "https://evil.example"}):
        assert browser.client.post("/auth/op/login").status_code == 502
    assert browser.login().status_code == 303
