"""Logging in where the application has one thread, and is its own provider."""

from urllib.parse import urlsplit

import httpx2
import pytest

from cruse_auth.testing import MISSING, FakeProvider, Person


@pytest.fixture
def browser():
    with httpx2.Client(headers={"Accept": "text/html"}) as client:
        yield client


def test_a_single_threaded_server_does_not_wait_for_itself(make_world, serve, browser):
    """A request over the network to itself would wait for ever; in the process it does not."""
    world = make_world()
    address = serve(world.app, threaded=False)

    start = browser.post(f"{address}/auth/op/login", data={"next": "/whoami"})
    assert start.headers["location"].startswith(f"{address}/provider/authorize?")
    page = browser.get(start.headers["location"])
    assert "Ada Lovelace" in page.text
    answer = browser.post(start.headers["location"], data={"person": "ada"})
    answer = browser.get(answer.headers["location"])
    assert answer.headers["location"] == "/whoami"
    assert browser.get(f"{address}/whoami").text == "Ada Lovelace"


def test_tests_can_mount_a_provider_elsewhere(make_world, open_browser, gateway):
    provider = FakeProvider([Person("x", "Somebody")], url_prefix="/id")
    world = make_world(provider=provider)
    browser = open_browser(world, gateway)
    assert urlsplit(browser.start()).path == "/id/authorize"
    assert browser.login("x").status_code == 303
    assert browser.whoami == "Somebody"


def test_a_fake_provider_says_when_a_request_makes_no_sense(world):
    with pytest.raises(AssertionError, match="There is no client"):
        world.provider.approve("http://localhost/provider/authorize?client_id=x", "ada")
    with pytest.raises(TypeError, match="tamper with"), world.provider.tampering(cookies={}):
        pass


def test_lies_end_with_their_block(browser, world, open_browser, gateway):
    browser = open_browser(world, gateway)
    with world.provider.tampering(claims={"aud": "x"}), world.provider.tampering(token={"a": 1}):
        assert browser.login().status_code == 400
    assert repr(MISSING) == "MISSING"
    assert browser.login().status_code == 303
