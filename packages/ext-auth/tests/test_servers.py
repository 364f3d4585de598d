"""Logging in where the application has one thread, and is its own provider."""

from urllib.parse import urlsplit

import httpx2
import pytest

from cruse_auth.testing import MISSING, FakeProvider, Person, provider


@pytest.fixture
def browser():
    with httpx2.Client(headers={"Accept": "text/html"}, timeout=30) as client:
        yield client


def test_a_single_threaded_server_does_not_wait_for_itself(make_world, serve, browser):
    """A request over the network to itself would wait for ever; in the process it does not."""
    world = make_world()
    address = serve(world.app, threaded=False)

    start = browser.post(f"{address}/auth/op/login", data={"next": "/whoami"})
    assert start.headers["location"].startswith(f"{address}/provider/oauth/authorize?")
    page = browser.get(start.headers["location"], follow_redirects=True)
    assert "Ada Lovelace" in page.text
    answer = browser.post(page.url, data={"person": "ada"}, follow_redirects=True)
    assert answer.url == f"{address}/whoami"
    assert browser.get(f"{address}/whoami").text == "Ada Lovelace"


def test_tests_can_mount_a_provider_elsewhere(make_world, open_browser, gateway):
    elsewhere = FakeProvider([Person("x", "Somebody")], url_prefix="/id")
    world = make_world(provider=elsewhere)
    browser = open_browser(world, gateway)
    assert urlsplit(browser.start()).path == "/id/oauth/authorize"
    assert browser.login("x").status_code == 303
    assert browser.whoami == "Somebody"


def test_a_fake_provider_says_when_a_request_makes_no_sense(world):
    with pytest.raises(AssertionError, match="is not known"):
        world.provider.approve("http://localhost/provider/oauth/authorize?client_id=x", "ada")
    with pytest.raises(TypeError, match="tamper with"), world.provider.tampering(cookies={}):
        pass


def test_a_fake_provider_for_a_block_lies_about_what_it_is_told(make_world, open_browser, gateway):
    with provider(users=[Person("ada", "Ada Lovelace")]) as fake:
        world = make_world(provider=fake)
        browser = open_browser(world, gateway)
        fake.tamper("iss", "https://evil.example")
        assert browser.login().status_code == 400
        fake.tamper("iss", "http://localhost/provider")
        fake.tamper("sub", "somebody else", where="userinfo")
        assert browser.login().status_code == 400
        with pytest.raises(TypeError, match="tamper with"):
            fake.tamper("x", "y", where="cookies")
    assert browser.login().status_code == 303


def test_lies_end_with_their_block(browser, world, open_browser, gateway):
    browser = open_browser(world, gateway)
    with world.provider.tampering(claims={"aud": "x"}), world.provider.tampering(token={"a": 1}):
        assert browser.login().status_code == 400
    assert repr(MISSING) == "MISSING"
    assert browser.login().status_code == 303
