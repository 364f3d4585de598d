"""Logins that are recorded on the server: listed, ended from elsewhere, over after a time."""

import importlib.util

import pytest

from cruse import request
from cruse.extension import SettingsError
from cruse_auth import Auth, MemoryStore, confirm_login, current_user, login_fresh, login_user
from tests.colours import AsyncMethods

WITH_DB = importlib.util.find_spec("cruse_db") is not None


def register(world):
    """Register the views of an application that shows people their logins."""
    app, auth = world.app, world.auth

    @app.post("/in/<name>")
    async def log_in(name):
        world.users.setdefault(name, type("User", (), {"id": name, "name": name.title()})())
        await auth.alogin(world.users[name], fresh=request.args.get("fresh") != "no")
        return "in"

    @app.get("/logins")
    def logins():
        return [[record.sid == auth.session_id, record.user_agent] for record in auth.sessions()]

    @app.get("/logins-async")
    async def logins_async():
        records = await auth.asessions()
        return [[record.sid == auth.session_id, record.user_agent] for record in records]

    @app.post("/end/<sid>")
    def end(sid):
        return str(auth.revoke_session(sid))

    @app.post("/end-async/<sid>")
    async def end_async(sid):
        return str(await auth.arevoke_session(sid))

    @app.post("/everywhere")
    def everywhere():
        return str(auth.logout_everywhere(keep_current="keep" in request.args))

    @app.post("/everywhere-async")
    async def everywhere_async():
        return str(await auth.alogout_everywhere(keep_current="keep" in request.args))

    @app.post("/confirm")
    def confirm():
        return str(confirm_login())

    @app.post("/confirm-async")
    async def confirm_async():
        return str(await auth.aconfirm_login())


@pytest.fixture(params=["memory", "async"])
def world(make_world, request):
    kinds = {
        "memory": ("sync", MemoryStore),
        "async": ("async", lambda: AsyncMethods(MemoryStore())),
    }
    colour, store = kinds[request.param]
    world = make_world(colour, store=store())
    register(world)
    return world


@pytest.fixture
def other(world, gateway, open_browser):
    """Another browser of the same person."""
    return open_browser(world, gateway)


def log_in(browser, name="ada", agent="Firefox", **query):
    answer = browser.client.post(f"/in/{name}", query_string=query, headers={"User-Agent": agent})
    assert answer.text == "in"


def sid_of(browser):
    with browser.client.session_transaction() as session:
        return session["_auth"]["sid"]


SUFFIX = pytest.mark.parametrize("suffix", ["", "-async"])


@SUFFIX
def test_people_see_their_logins(browser, other, suffix):
    log_in(browser, agent="Firefox")
    log_in(other, agent="Safari")
    assert sorted(browser.get(f"/logins{suffix}").json) == [[False, "Safari"], [True, "Firefox"]]
    assert sorted(other.get(f"/logins{suffix}").json) == [[False, "Firefox"], [True, "Safari"]]


def test_a_login_with_a_provider_is_one_of_them(browser, world):
    browser.login()
    with world.app.app_context():
        (record,) = world.auth.sessions("ada")
    assert (record.provider, record.address) == ("op", "127.0.0.1")


@SUFFIX
def test_one_login_can_be_ended_from_another_browser(browser, other, suffix):
    log_in(browser)
    log_in(other)
    assert browser.client.post(f"/end{suffix}/{sid_of(other)}").text == "True"
    assert other.whoami == "nobody"
    assert other.get("/whoami-async").text == "nobody"
    assert other.get("/account").status_code == 302
    assert browser.whoami == "Ada"
    assert len(browser.get("/logins").json) == 1


@SUFFIX
def test_the_logins_of_others_cannot_be_ended(browser, other, suffix):
    log_in(browser)
    log_in(other, "bob")
    assert browser.client.post(f"/end{suffix}/{sid_of(other)}").text == "False"
    assert browser.client.post(f"/end{suffix}/nothing").text == "False"
    assert other.whoami == "Bob"


@SUFFIX
def test_logging_out_everywhere_ends_all_logins(browser, other, suffix):
    log_in(browser)
    log_in(other)
    assert browser.client.post(f"/everywhere{suffix}").text == "2"
    assert (browser.whoami, other.whoami) == ("nobody", "nobody")


@SUFFIX
def test_the_current_login_can_be_kept_when_the_others_end(browser, other, suffix, world):
    log_in(browser)
    log_in(other)
    log_in(other, "bob")
    log_in(other)
    assert browser.client.post(f"/everywhere{suffix}?keep").text == "1"
    assert (browser.whoami, other.whoami) == ("Ada", "nobody")


def test_a_copied_session_is_worthless_after_the_logout(browser):
    log_in(browser)
    copied = browser.cookies()["session"]
    browser.client.post("/auth/logout")
    browser.client.set_cookie("session", copied)
    assert browser.whoami == "nobody"
    assert browser.get("/whoami-async").text == "nobody"
    assert "session" not in browser.cookies(), "what the ended login had put there is gone"


def test_a_copied_session_is_worthless_after_the_next_login(browser):
    log_in(browser)
    copied = browser.cookies()["session"]
    log_in(browser)
    browser.client.set_cookie("session", copied)
    assert browser.whoami == "nobody"


def test_a_session_that_ended_elsewhere_leaves_nothing_of_what_was_in_it(browser, world):
    log_in(browser)
    browser.client.post("/cart")
    with world.app.app_context():
        world.auth.logout_everywhere("ada")
    assert browser.whoami == "nobody"
    assert browser.get("/session").json == {}


def test_a_user_who_was_shut_out_is_nobody_at_once(browser, world):
    browser.login()
    world.users["ada"].is_active = False
    assert browser.whoami == "nobody"


def test_a_store_that_lost_its_records_lets_nobody_in(browser, world):
    log_in(browser)
    world.auth.store = MemoryStore()
    assert browser.whoami == "nobody"


def test_a_login_is_over_after_its_absolute_time(browser, world, clock, make_world):
    log_in(browser)
    for _ in range(3):
        clock.move(days=9)
        assert browser.whoami == "Ada"
    clock.move(days=4)
    assert browser.whoami == "nobody"
    with world.app.app_context():
        assert world.auth.sessions("ada") == []


def test_without_a_store_a_login_is_over_after_its_absolute_time(
    make_world, open_browser, gateway, clock
):
    world = make_world(config={"AUTH_ABSOLUTE_TIMEOUT": 3600})
    browser = open_browser(world, gateway)
    browser.login()
    clock.move(minutes=59)
    assert browser.whoami == "Ada Lovelace"
    clock.move(minutes=1)
    assert browser.whoami == "nobody"
    assert browser.get("/whoami-async").text == "nobody"


def test_a_login_that_is_not_used_is_over_after_a_while(make_world, open_browser, gateway, clock):
    world = make_world(store=MemoryStore(), config={"AUTH_IDLE_TIMEOUT": 600})
    register(world)
    browser, other = open_browser(world, gateway), open_browser(world, gateway)
    log_in(browser)
    log_in(other)
    for _ in range(4):
        clock.move(minutes=9)
        assert browser.whoami == "Ada"
    assert len(browser.get("/logins").json) == 1, "the other one has ended"
    assert other.whoami == "nobody"
    clock.move(minutes=10)
    assert browser.whoami == "nobody"
    assert len(world.auth.store) == 0


def test_an_idle_timeout_without_a_store_is_an_error_at_the_start(make_world):
    with pytest.raises(SettingsError, match="AUTH_IDLE_TIMEOUT needs a store"):
        make_world(config={"AUTH_IDLE_TIMEOUT": 600}).app.start()


def test_when_a_login_was_used_is_not_noted_at_every_request(browser, world, clock):
    log_in(browser)
    noted = set()
    for _ in range(10):
        clock.move(seconds=10)
        assert browser.whoami == "Ada"
        with world.app.app_context():
            noted.add(world.auth.sessions("ada")[0].seen_at)
    assert len(noted) == 2


@SUFFIX
def test_a_confirmed_login_is_fresh_and_another_one(browser, clock, suffix):
    log_in(browser, fresh="no")
    before = browser.cookies()["session"]
    assert browser.get("/danger").status_code == 302
    clock.move(seconds=1)
    assert browser.client.post(f"/confirm{suffix}").text == "True"
    assert browser.get("/danger").text == "fresh"
    clock.move(minutes=16)
    assert browser.get("/danger").status_code == 302
    browser.client.set_cookie("session", before)
    assert browser.whoami == "nobody", "who knew the session from before has nothing"
    assert browser.client.post(f"/confirm{suffix}").text == "False"


@pytest.mark.parametrize(
    "action",
    [
        lambda auth: auth.sessions("1"),
        lambda auth: auth.revoke_session("x", "1"),
        lambda auth: auth.logout_everywhere("1"),
        lambda auth: auth.login(type("User", (), {"id": 1})(), remember=True),
    ],
    ids=["sessions", "revoke_session", "logout_everywhere", "remember"],
)
def test_without_a_store_it_says_what_is_missing(make_world, action):
    world = make_world()
    with (
        world.app.test_request_context(),
        pytest.raises(RuntimeError, match=r"needs a store.*SQLStore\(db\)"),
    ):
        action(world.auth)


def test_visitors_have_no_logins(world):
    with world.app.test_request_context():
        assert world.auth.session_id is None
        with pytest.raises(ValueError, match="whose logins"):
            world.auth.sessions()
        assert login_fresh() is False


def test_reading_who_it_is_costs_one_look_into_the_store(make_world, gateway, open_browser):
    class Counting(MemoryStore):
        looks = 0

        def get(self, sid):
            self.looks += 1
            return super().get(sid)

    world = make_world(store=Counting())
    browser = open_browser(world, gateway)
    browser.login()
    world.auth.store.looks = 0
    for url in ("/account", "/account-async", "/whoami"):
        assert "Ada" in browser.get(url).text
    assert world.auth.store.looks == 3
    browser.get("/")
    assert world.auth.store.looks == 3, "a page that does not look costs nothing"


if WITH_DB:
    from sqlalchemy import MetaData

    from cruse_auth.sql import SQLStore
    from cruse_db import Database

    def test_two_applications_on_one_database_share_the_logins(
        make_world, gateway, open_browser, tmp_path
    ):
        config = {"DB_URL": f"sqlite:///{tmp_path / 'logins.db'}"}
        browsers = []
        for _ in range(2):
            db = Database(metadata=MetaData())
            world = make_world(store=SQLStore(db), config=config)
            world.app.use(db)
            register(world)
            with world.app.app_context():
                db.create_all()
            browsers.append(open_browser(world, gateway))
        first, second = browsers
        log_in(first)
        second.world.users.update(first.world.users)
        second.client.set_cookie("session", first.cookies()["session"])
        assert second.whoami == "Ada"
        assert second.get("/whoami-async").text == "Ada"
        assert second.client.post("/everywhere-async").text == "1"
        assert first.whoami == "nobody"


def test_flask_logins_order_of_arguments_is_kept(make_world):
    world = make_world(store=MemoryStore())
    user = type("User", (), {"id": 1, "is_active": False})()
    with world.app.test_request_context():
        assert login_user(user, False, None, True) is True
        assert current_user == user
    assert Auth.login_message is None
