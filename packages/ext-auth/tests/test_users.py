"""``current_user``: who it is, loaded once and only when somebody looks."""

import time

import pytest

from cruse import Cruse, render_template_string, session, stream_template_string
from cruse_auth import AnonymousUser, Auth, UserMixin, current_user

NAME = "{{ current_user.name if current_user.is_authenticated else 'nobody' }}"


@pytest.fixture
def world(make_world, colour):
    world = make_world(colour)

    @world.app.get("/template")
    def template():
        return render_template_string(NAME + NAME)

    @world.app.get("/template-async")
    async def template_async():
        return render_template_string(NAME + NAME)

    @world.app.get("/template-inline", inline=True)
    def template_inline():
        return render_template_string(NAME + NAME)

    @world.app.get("/template-stream")
    def template_stream():
        return stream_template_string(NAME + NAME)

    @world.app.get("/ignores")
    def ignores():
        return "the same for everybody"

    @world.app.get("/ignores-async")
    async def ignores_async():
        return "the same for everybody"

    return world


@pytest.mark.parametrize(
    "url",
    ["/whoami", "/whoami-async", "/account", "/account-async", "/template", "/template-async"],
)
def test_it_is_loaded_once_per_request(browser, world, url):
    browser.login()
    world.loads.clear()
    assert "Ada Lovelace" in browser.get(url).text
    assert world.loads == ["ada"]


@pytest.mark.parametrize("url", ["/template", "/template-async", "/template-inline"])
def test_templates_know_it(browser, url):
    assert browser.get(url).text == "nobodynobody"
    browser.login()
    assert browser.get(url).text == "Ada LovelaceAda Lovelace"


def test_streamed_templates_know_it(browser, world):
    browser.login()
    assert browser.get("/template-stream").text == "Ada LovelaceAda Lovelace"


def test_it_is_not_loaded_for_those_who_do_not_look(browser, world):
    browser.login()
    world.loads.clear()
    assert browser.get("/ignores").text == "the same for everybody"
    assert world.loads == []


@pytest.mark.parametrize("url", ["/ignores", "/ignores-async", "/"])
def test_pages_that_do_not_look_are_the_same_for_everybody(browser, url):
    browser.client.post("/cart")
    for _ in range(2):
        headers = browser.get(url).headers
        assert "Vary" not in headers
        assert "Set-Cookie" not in headers
        assert "Cache-Control" not in headers
        browser.login()


@pytest.mark.parametrize("url", ["/whoami", "/whoami-async", "/template", "/template-async"])
def test_pages_that_look_vary_by_cookie_and_stay_private(browser, url):
    headers = browser.get(url).headers
    assert headers["Vary"] == "Cookie"
    assert "Set-Cookie" not in headers
    assert "Cache-Control" not in headers, "the page for visitors may be cached"

    browser.login()
    headers = browser.get(url).headers
    assert headers["Vary"] == "Cookie"
    assert headers["Cache-Control"] == "private, no-store"


def test_what_a_view_says_about_caching_stands(browser, world):
    @world.app.get("/mine")
    def mine():
        return current_user.name, {"Cache-Control": "private, max-age=60"}

    browser.login()
    assert browser.get("/mine").headers["Cache-Control"] == "private, max-age=60"


def test_somebody_who_is_gone_is_nobody(browser, world):
    browser.login()
    world.users.clear()
    assert browser.whoami == "nobody"
    assert browser.get("/whoami-async").text == "nobody"
    assert browser.get("/account").status_code == 302
    assert browser.get("/account-async").status_code == 302


@pytest.mark.parametrize(
    "record",
    ["ada", 7, [], {}, {"id": 7}, {"id": "ada", "at": "now", "sid": "x"}, {"id": ["ada"]}],
    ids=str,
)
def test_a_session_that_makes_no_sense_is_nobodys(browser, record):
    browser.login()
    with browser.client.session_transaction() as session:
        session["_auth"] = record
    assert browser.whoami == "nobody"


def test_it_reads_like_the_user(browser, world):
    seen = {}

    @world.app.get("/look")
    def look():
        seen["is it"] = current_user == world.users["ada"]
        seen["type"] = isinstance(current_user, UserMixin)
        seen["true"] = bool(current_user)
        seen["traits"] = (current_user.is_active, current_user.is_anonymous)
        seen["auth.user"] = world.auth.user is world.users["ada"]
        current_user.name = "Countess"
        return repr(current_user)

    browser.login()
    assert browser.get("/look").text == "User(id='ada', name='Countess', is_active=True)"
    assert seen == {
        "is it": True,
        "type": True,
        "true": True,
        "traits": (True, False),
        "auth.user": True,
    }


def test_a_visitor_is_false_and_anonymous(world):
    with world.app.test_request_context():
        assert not current_user
        assert current_user.is_anonymous
        assert not current_user.is_authenticated
        assert not current_user.is_active
        assert current_user.get_id() is None
        assert current_user == AnonymousUser()
        assert repr(current_user) == "<AnonymousUser>"
        assert len({AnonymousUser(), AnonymousUser()}) == 1
        assert world.auth.user is None
        with pytest.raises(AttributeError):
            _ = current_user.name


def test_outside_of_requests_it_is_a_visitor(world):
    assert not current_user
    with world.app.app_context():
        assert not current_user


def test_an_application_without_the_extension_says_what_is_missing():
    app = Cruse("bare")
    with app.test_request_context(), pytest.raises(RuntimeError, match=r"app\.use\(Auth\(\)\)"):
        _ = current_user.name


def test_without_a_loader_it_says_what_is_missing():
    app = Cruse("bare")
    app.config.update(SECRET_KEY="x", TESTING=True)
    auth = Auth(app)
    with app.test_request_context(), pytest.raises(RuntimeError, match="user_loader"):
        session["_auth"] = {"id": "1", "at": int(time.time()), "sid": "x"}
        _ = auth.user


def test_an_early_async_hook_loads_the_user_itself(make_world, open_browser, gateway, colour):
    world = make_world(colour)
    seen = []

    async def early():
        user = await world.auth.load_user()
        assert await world.auth.load_user() is user
        seen.append(user and user.name)

    world.app.before_request_funcs[None].insert(0, early)
    browser = open_browser(world, gateway)
    assert browser.whoami == "nobody"
    browser.login()
    world.loads.clear()
    assert browser.whoami == "Ada Lovelace"
    assert seen[0] is None
    assert seen[-1] == "Ada Lovelace"
    assert world.loads == ["ada"]


def test_an_early_async_hook_that_just_looks_is_told_what_to_do(make_world, open_browser, gateway):
    world = make_world("async")
    seen = []

    async def early():
        try:
            seen.append(current_user.is_authenticated)
        except RuntimeError as error:
            seen.append(str(error))

    browser = open_browser(world, gateway)
    browser.login()
    world.app.before_request_funcs[None].insert(0, early)
    assert browser.whoami == "Ada Lovelace"
    assert "await auth.load_user()" in seen[0]


def test_users_need_an_id(world):
    with world.app.test_request_context():
        with pytest.raises(TypeError, match="'object' objects cannot be logged in"):
            world.auth.login(object())
        with pytest.raises(TypeError, match="must have been stored"):
            world.auth.login(type("User", (), {"id": None})())


def test_an_inactive_user_can_be_forced_in(world):
    user = type("User", (), {"id": 7, "is_active": False, "name": "x"})()
    with world.app.test_request_context():
        assert world.auth.login(user) is False
        assert world.auth.login(user, force=True) is True
        assert world.auth.user is user


def test_a_proxy_can_be_logged_in(world):
    user = type("User", (), {"id": 7})()
    with world.app.test_request_context():
        world.auth.login(user)
        assert world.auth.login(current_user) is True
        assert world.auth.user is user
