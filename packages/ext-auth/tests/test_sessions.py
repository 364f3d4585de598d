"""What happens to the session when somebody logs in or out."""

import pytest

from cruse import session
from cruse_auth import current_user


def test_a_login_makes_the_session_new(browser):
    with browser.client.session_transaction() as before:
        before.update(cart=["planted"], csrf_token="planted", _flashes=[("message", "hello")])
    browser.login()
    content = browser.get("/session").get_json()
    assert content.keys() == {"_auth", "_flashes"}


def test_what_is_kept_over_a_login_is_a_setting(make_world, open_browser, gateway):
    browser = open_browser(make_world(config={"AUTH_KEEP_IN_SESSION": ["cart"]}), gateway)
    browser.client.post("/cart")
    browser.login()
    assert browser.get("/session").get_json()["cart"] == ["a book"]


def test_the_session_says_who_and_when_and_no_more(browser):
    browser.login()
    record = browser.get("/session").get_json()["_auth"]
    assert record.keys() == {"id", "at", "sid", "via", "fresh"}
    assert (record["id"], record["via"], record["fresh"]) == ("ada", "op", True)


def test_every_login_is_another_one(browser):
    browser.login()
    first = browser.get("/session").get_json()["_auth"]["sid"]
    browser.login()
    assert browser.get("/session").get_json()["_auth"]["sid"] != first


def test_the_cookie_from_before_the_login_is_worthless_after_it(browser):
    browser.client.post("/cart")
    before = browser.cookies()["session"]
    browser.login()
    browser.client.set_cookie("session", before)
    assert browser.whoami == "nobody"


def test_a_logout_leaves_nothing(browser):
    browser.login()
    browser.client.post("/cart")
    browser.client.post("/auth/logout")
    assert "session" not in browser.cookies()
    assert browser.get("/session").get_json() == {}


def test_somebody_else_logs_in_over_it(browser):
    browser.login("ada")
    browser.client.post("/cart")
    browser.login("bob")
    assert browser.whoami == "Bob"
    assert "cart" not in browser.get("/session").get_json()


def test_the_answer_to_a_login_is_about_the_new_user(browser, world):
    seen = []

    @world.app.after_request
    def look(response):
        seen.append(current_user.name if current_user else None)
        return response

    browser.login()
    browser.client.post("/auth/logout")
    assert seen[-2:] == ["Ada Lovelace", None]


def test_a_server_side_session_gets_another_id(make_world, open_browser, gateway):
    world = make_world()
    interface = type(world.app.session_interface)()
    renewed = []
    interface.regenerate = renewed.append
    world.app.session_interface = interface
    browser = open_browser(world, gateway)
    browser.login()
    assert len(renewed) == 1
    browser.client.post("/auth/logout")
    assert len(renewed) == 2


def test_a_session_of_the_server_is_another_one_after_the_login(make_world, open_browser, gateway):
    world = make_world()
    world.app.config["SESSION_STORE"] = "memory"
    browser = open_browser(world, gateway)
    browser.client.post("/cart")
    before = browser.cookies()["session"]
    browser.login()
    after = browser.cookies()["session"]
    assert browser.whoami == "Ada Lovelace"
    assert len(world.app.session_interface.store) == 1
    browser.client.set_cookie("session", before)
    assert browser.whoami == "nobody"
    browser.client.set_cookie("session", after)
    browser.client.post("/auth/logout")
    assert len(world.app.session_interface.store) == 0


@pytest.mark.parametrize("value", ["x", "x.y.z", ""])
def test_a_forged_session_cookie_is_nobodys(browser, value):
    browser.client.set_cookie("session", value)
    assert browser.whoami == "nobody"
    assert browser.get("/whoami-async").text == "nobody"


def test_logging_in_by_oneself_in_an_async_view(make_world, open_browser, gateway, colour):
    world = make_world(colour)

    @world.app.post("/in")
    async def log_in():
        world.users["7"] = type("User", (), {"id": 7, "name": "Seven"})()
        world.auth.login(world.users["7"], fresh=False)
        return current_user.name

    @world.app.post("/out")
    async def log_out():
        world.auth.logout()
        return str(bool(session))

    browser = open_browser(world, gateway)
    assert browser.client.post("/in").text == "Seven"
    assert browser.whoami == "Seven"
    assert browser.get("/danger").status_code == 302, "not fresh"
    assert browser.client.post("/out").text == "False"
    assert browser.whoami == "nobody"
