"""Browsers that are remembered, and copies of their cookie that are not."""

from datetime import timedelta

import pytest

from cruse import request
from cruse_auth import (
    MemoryStore,
    current_user,
    login_remembered,
    remember_theft,
    user_loaded_from_cookie,
)

NAME = "remember_token"


@pytest.fixture(params=["sync", "async"])
def world(make_world, request):
    world = make_world(request.param, store=MemoryStore())
    register(world)
    return world


def register(world):
    app, auth = world.app, world.auth
    world.users["ada"] = type("User", (), {"id": "ada", "name": "Ada"})()

    @app.post("/in")
    async def log_in():
        remember = "plain" not in request.args
        days = request.args.get("days", type=int)
        duration = None if days is None else timedelta(days=days)
        await auth.alogin(world.users["ada"], remember=remember, duration=duration)
        return "in"

    @app.get("/remembered")
    def remembered():
        return str(login_remembered())

    @app.get("/stream")
    def stream():
        def parts():
            yield "it is "
            yield current_user.name if current_user else "nobody"

        return parts()


def log_in(browser, **query):
    assert browser.client.post("/in", query_string=query).text == "in"


def token(browser):
    return browser.cookies().get(NAME)


def close(browser):
    """Close the browser: what has no date is gone."""
    browser.client.delete_cookie("session")


def copy_of(browser, value, open_browser, gateway):
    """Open a browser on another machine that has somebody's remember cookie."""
    thief = open_browser(browser.world, gateway)
    thief.client.set_cookie(NAME, value)
    return thief


def test_without_being_asked_nobody_is_remembered(browser):
    log_in(browser, plain="yes")
    assert token(browser) is None
    close(browser)
    assert browser.whoami == "nobody"


@pytest.mark.parametrize("url", ["/whoami", "/whoami-async"])
def test_a_remembered_browser_is_logged_in_after_it_was_closed(browser, url):
    log_in(browser)
    assert browser.get("/remembered").text == "False"
    close(browser)
    answer = browser.get(url)
    assert answer.text == "Ada"
    assert answer.headers["Vary"] == "Cookie"
    assert browser.get("/remembered").text == "True"
    assert browser.get("/danger").status_code == 302, "it is not fresh"
    assert browser.get("/account").text == "account of Ada"


def test_a_page_that_does_not_look_changes_no_cookie(browser, gateway):
    log_in(browser)
    close(browser)
    before = token(browser)
    assert browser.get("/").text == "anybody"
    assert token(browser) == before


def test_the_cookie_is_another_one_after_each_visit(browser):
    log_in(browser)
    seen = {token(browser)}
    for _ in range(3):
        close(browser)
        assert browser.whoami == "Ada"
        assert browser.whoami == "Ada"
        seen.add(token(browser))
    assert len(seen) == 4
    assert len({value.partition(".")[0] for value in seen}) == 1, "it is one login"


def test_the_store_does_not_know_what_is_in_the_cookie(browser, world):
    log_in(browser)
    validator = token(browser).partition(".")[2]
    with world.app.app_context():
        (record,) = world.auth.sessions("ada")
    assert validator not in repr(vars(record))


def test_a_copied_cookie_is_worthless_after_the_owners_next_visit_and_ends_both(
    browser, world, clock, open_browser, gateway, caplog
):
    thefts = []

    def theft(app, user_id, record):
        thefts.append((app.name, user_id, record.user_agent[:8]))

    remember_theft.connect(theft, world.app)
    log_in(browser)
    thief = copy_of(browser, token(browser), open_browser, gateway)
    close(browser)
    assert browser.whoami == "Ada"
    clock.move(minutes=1)
    assert thief.whoami == "nobody"
    assert thefts == [("shop", "ada", "Werkzeug")]
    assert "'ada' was used: it was copied" in caplog.text
    assert browser.whoami == "nobody", "nobody can tell which of the two is the thief"
    close(browser)
    assert browser.whoami == "nobody"


def test_a_thief_who_was_quicker_is_out_at_the_owners_next_visit(
    browser, world, clock, open_browser, gateway
):
    log_in(browser)
    thief = copy_of(browser, token(browser), open_browser, gateway)
    assert thief.whoami == "Ada"
    for _ in range(2):
        close(thief)
        assert thief.whoami == "Ada"
    clock.move(minutes=1)
    close(browser)
    assert browser.whoami == "nobody"
    assert thief.whoami == "nobody"
    close(thief)
    assert thief.whoami == "nobody"


def test_a_browser_that_starts_with_many_pages_at_once_stays_logged_in(
    browser, clock, open_browser, gateway
):
    log_in(browser)
    old = token(browser)
    pages = [copy_of(browser, old, open_browser, gateway) for _ in range(3)]
    assert [page.whoami for page in pages] == ["Ada"] * 3
    assert [token(page) == old for page in pages] == [False, True, True]
    clock.move(minutes=5)
    assert [page.whoami for page in pages] == ["Ada"] * 3


def test_a_session_from_before_does_not_come_to_life_with_a_remembered_one(
    make_world, open_browser, gateway, clock
):
    world = make_world(store=MemoryStore(), config={"AUTH_IDLE_TIMEOUT": 600})
    register(world)
    browser = open_browser(world, gateway)
    log_in(browser)
    copied = browser.cookies()["session"]
    clock.move(minutes=11)
    assert browser.whoami == "Ada", "remembered"
    thief = open_browser(world, gateway)
    thief.client.set_cookie("session", copied)
    assert thief.whoami == "nobody"


def test_a_logout_forgets_the_browser(browser, open_browser, gateway):
    log_in(browser)
    thief = copy_of(browser, token(browser), open_browser, gateway)
    browser.client.post("/auth/logout")
    assert token(browser) is None
    assert browser.whoami == "nobody"
    assert thief.whoami == "nobody"
    assert token(thief) is None, "a cookie that is good for nothing goes"


def test_a_logout_forgets_the_browser_also_after_its_session_has_gone(browser, world):
    log_in(browser)
    close(browser)
    browser.client.post("/auth/logout")
    assert token(browser) is None
    assert len(world.auth.store) == 0


def test_logging_in_again_without_it_forgets_the_browser(browser, world):
    log_in(browser)
    close(browser)
    log_in(browser, plain="yes")
    assert token(browser) is None
    assert len(world.auth.store) == 1
    close(browser)
    assert browser.whoami == "nobody"


def test_logging_out_everywhere_forgets_all_browsers(browser, world):
    log_in(browser)
    close(browser)
    with world.app.app_context():
        assert world.auth.logout_everywhere("ada") == 1
    assert browser.whoami == "nobody"


def test_a_user_who_is_shut_out_is_not_remembered(browser, world):
    log_in(browser)
    close(browser)
    world.users["ada"].is_active = False
    assert browser.whoami == "nobody"


def test_a_browser_is_remembered_for_as_long_as_was_said(browser, clock):
    log_in(browser, days=3)
    close(browser)
    clock.move(days=2)
    assert browser.whoami == "Ada"
    close(browser)
    clock.move(days=1)
    assert browser.whoami == "nobody"


def test_it_is_remembered_for_some_time(world):
    with world.app.test_request_context(), pytest.raises(ValueError, match="not for 0"):
        world.auth.login(world.users["ada"], remember=True, duration=0)


FORGED = ["", "x", "x.y", "a" * 22 + "." + "b" * 43, "ä" * 22 + "." + "b" * 43, "." * 3000]


@pytest.mark.parametrize("value", FORGED, ids=lambda value: ascii(value[:12]))
def test_a_forged_cookie_is_nobodys(browser, value):
    browser.client.set_cookie(NAME, value)
    assert browser.whoami == "nobody"
    assert browser.get("/whoami-async").text == "nobody"
    assert browser.get("/account").status_code == 302
    log_in(browser)
    assert browser.whoami == "Ada"


def set_cookies(answer):
    lines = answer.headers.getlist("Set-Cookie")
    return [line for line in lines if NAME in line]


def test_over_https_no_other_host_can_have_set_the_cookie(browser):
    for url, name, secure in (
        ("https://localhost", f"__Host-{NAME}", True),
        ("http://localhost", NAME, False),
    ):
        (line,) = set_cookies(browser.client.post("/in", base_url=url))
        assert line.startswith(f"{name}=")
        assert ("Secure" in line) is secure
        for attribute in ("HttpOnly", "Path=/", "SameSite=Lax", "Expires="):
            assert attribute in line
        assert "Domain" not in line


def test_the_name_of_the_cookie_is_a_setting(make_world, open_browser, gateway):
    world = make_world(store=MemoryStore(), config={"AUTH_REMEMBER_COOKIE": "__Host-me"})
    register(world)
    browser = open_browser(world, gateway)
    log_in(browser)
    assert "me" in browser.cookies()


def test_one_answer_says_one_thing_about_the_cookie(browser):
    log_in(browser)
    assert len(set_cookies(browser.client.post("/in"))) == 1


def test_a_body_that_is_sent_already_cannot_carry_a_new_cookie(browser):
    log_in(browser)
    before = token(browser)
    close(browser)
    assert browser.get("/stream").text == "it is nobody"
    assert token(browser) == before
    assert browser.whoami == "Ada"


def test_a_signal_tells_of_remembered_browsers(browser, world):
    seen = []

    async def loaded(app, user_id):
        seen.append(user_id)

    user_loaded_from_cookie.connect(loaded, world.app)
    log_in(browser)
    assert browser.whoami == "Ada"
    assert seen == []
    close(browser)
    assert browser.whoami == "Ada"
    assert browser.whoami == "Ada"
    assert seen == ["ada"]


def test_an_early_hook_on_a_loop_is_told_to_wait_for_the_user(make_world, open_browser):
    world = make_world("async", store=MemoryStore())
    register(world)
    browser = open_browser(world, "asgi")
    log_in(browser)
    close(browser)
    seen = []

    async def early():
        with pytest.raises(RuntimeError, match=r"await auth\.load_user"):
            bool(current_user)
        seen.append((await world.auth.load_user()).name)

    world.app.before_request_funcs[None].insert(0, early)
    assert browser.whoami == "Ada"
    assert seen == ["Ada"]
