"""The addresses of the application: behind proxies, below a path, on several hosts."""

from urllib.parse import parse_qs, urlsplit

import pytest


def redirect_uri(answer):
    return parse_qs(urlsplit(answer.location).query)["redirect_uri"][0]


def test_the_callback_is_at_the_host_that_was_asked(browser, world):
    answer = browser.client.post("/auth/op/login", base_url="http://shop.localhost:8000")
    assert redirect_uri(answer) == "http://shop.localhost:8000/auth/op/callback"


@pytest.mark.parametrize("root", ["", "/shop"])
def test_the_external_url_is_a_setting(make_world, open_browser, gateway, root):
    config = {"AUTH_EXTERNAL_URL": f"https://shop.example{root}"}
    world = make_world(config=config)
    browser = open_browser(world, gateway)
    environ = {"SCRIPT_NAME": root} if root else {}
    # The provider is mounted below it as well, so requests to it in this process have no root.
    world.app.config["AUTH_PROVIDERS"]["op"]["issuer"] = "https://shop.example/provider"
    answer = browser.client.post("/auth/op/login", environ_overrides=environ)
    assert redirect_uri(answer) == f"https://shop.example{root}/auth/op/callback"
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-")


def test_a_redirect_uri_without_https_is_explained(make_world, open_browser, gateway, caplog):
    options = {"issuer": "https://op.example"}
    browser = open_browser(make_world(options=options), gateway)
    browser.client.post("/auth/op/login", base_url="http://shop.example")
    assert "AUTH_EXTERNAL_URL" in caplog.text
    assert "TRUSTED_PROXIES" in caplog.text


def test_on_this_machine_nothing_needs_explaining(browser, caplog):
    browser.start()
    assert caplog.text == ""


def test_after_login_may_be_a_whole_address(make_world, open_browser, gateway):
    config = {"AUTH_AFTER_LOGOUT": "https://elsewhere.example/bye"}
    browser = open_browser(make_world(config=config), gateway)
    browser.login()
    location = browser.client.post("/auth/logout").location
    assert "post_logout_redirect_uri=https%3A%2F%2Felsewhere.example%2Fbye" in location
