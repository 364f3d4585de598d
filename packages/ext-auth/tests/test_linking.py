"""A further way to log in, for somebody who is logged in already."""

import pytest

from cruse_auth import MemoryTokenStore, identity_linked
from cruse_auth.testing import FakeOAuth2Provider


@pytest.fixture
def hub():
    return FakeOAuth2Provider(
        "/login/oauth/access_token", {"/user": {"id": 7}, "/user/emails": []}
    )


@pytest.fixture
def world(make_world, colour, hub):
    world = make_world(colour)
    world.links = {}

    def link(user, identity):
        return world.links.setdefault(identity.key, user.id) == user.id

    async def link_async(user, identity):
        return link(user, identity)

    world.auth.on_link(link if colour == "sync" else link_async)
    world.app.config["AUTH_PROVIDERS"]["hub"] = hub.options(preset="github")
    return world


def press(browser, **data):
    """Press the button "link my account there"."""
    headers = {"Accept": "text/html", "Referer": "http://localhost/account"}
    return browser.client.post("/auth/hub/link", data=data, headers=headers)


HUB_ID = ("https://github.com/login/oauth", "7")


def test_an_identity_is_linked_to_who_is_logged_in(browser, world, hub):
    world.auth.token_store = tokens = MemoryTokenStore()
    browser.login()
    told = []

    def receiver(app, **arguments):
        told.append(arguments)

    with identity_linked.connected_to(receiver, world.app):
        answer = press(browser, next="/account")
        assert answer.location.startswith("https://github.com/login/oauth/authorize?")
        assert browser.get(hub.approve(answer.location)).location == "/account"
    assert world.links == {HUB_ID: "ada"}
    assert [(each["user"].id, each["identity"].key) for each in told] == [("ada", HUB_ID)]
    assert browser.whoami == "Ada Lovelace", "the login is the same as before"
    assert [identity.provider for identity in world.identities] == ["op"], "nobody logged in"
    assert tokens.get("ada", "hub") is not None


def test_what_is_somebody_elses_is_not_linked(browser, world, hub):
    world.links[HUB_ID] = "bob"
    browser.login()
    assert browser.get(hub.approve(press(browser).location)).status_code == 403
    assert world.links == {HUB_ID: "bob"}


def test_who_is_not_logged_in_can_link_nothing(browser, world):
    assert press(browser).location == "/auth/login?next=http://localhost/account"
    assert browser.client.post("/auth/hub/link").status_code == 401


def test_who_logged_in_too_long_ago_has_to_do_it_again(browser, world, clock):
    browser.login()
    clock.move(minutes=16)
    assert press(browser).location == "/auth/login?next=http://localhost/account&fresh=1"


def test_c12_another_site_can_not_start_it(browser, world):
    browser.login()
    headers = {"Sec-Fetch-Site": "cross-site", "Accept": "text/html"}
    assert browser.client.post("/auth/hub/link", headers=headers).status_code == 403
    assert browser.get("/auth/hub/link").status_code == 405


def test_c12_an_answer_links_nothing_in_another_browser(
    browser, world, hub, open_browser, gateway
):
    browser.login()
    mallory = open_browser(world, gateway)
    mallory.login("bob")
    url = hub.approve(press(mallory).location)
    assert browser.get(url).status_code == 400
    assert world.links == {}


def test_who_logged_out_meanwhile_links_nothing(browser, world, hub):
    browser.login()
    url = hub.approve(press(browser).location)
    browser.client.post("/auth/logout")
    assert browser.get(url).status_code == 400


def test_who_is_somebody_else_by_now_links_nothing(browser, world, hub):
    browser.login("ada")
    url = hub.approve(press(browser).location)
    browser.login("bob")
    assert browser.get(url).status_code == 400
    assert world.links == {}


def test_what_one_login_began_no_other_one_ends(browser, world, hub):
    browser.login("ada")
    url = hub.approve(press(browser).location)
    browser.client.post("/auth/logout")
    browser.login("ada")
    assert browser.get(url).status_code == 400
    assert world.links == {}


def test_a_callback_links_once(browser, world, hub):
    browser.login()
    url = hub.approve(press(browser).location)
    browser.get(url)
    world.links.clear()
    assert browser.get(url).status_code == 400
    assert world.links == {}


def test_the_cookie_does_not_say_who_it_is(browser, world):
    browser.login()
    press(browser)
    (value,) = [value for name, value in browser.cookies().items() if "login" in name]
    from itsdangerous import URLSafeTimedSerializer

    _, content = URLSafeTimedSerializer("x", salt="x").loads_unsafe(value)
    assert "ada" not in str(content)


def test_without_a_hook_nothing_can_be_linked(make_world, open_browser, gateway):
    browser = open_browser(make_world(), gateway)
    browser.login()
    assert browser.client.post("/auth/op/link").status_code == 404
