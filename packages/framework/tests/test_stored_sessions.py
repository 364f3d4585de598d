"""Sessions that are kept on the server, under an id."""

import logging
import re
import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.routing import BaseConverter

from cruse import Cruse, flash, get_flashed_messages, session, websocket
from cruse.sessions import SecureCookieSession
from cruse.stored_sessions import StoredSessionInterface
from cruse.stores import MemoryStore, make_store


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Texts:
    """A store as somebody would write it: plain functions that may block."""

    def __init__(self):
        self.kept, self.asked, self.threads = {}, [], set()

    def note(self, what):
        self.asked.append(what)
        self.threads.add(threading.current_thread())

    def get(self, key):
        self.note("get")
        return self.kept.get(key)

    def set(self, key, text, lifetime, replace):
        self.note("replace" if replace else "set")
        if replace and key not in self.kept:
            return False
        self.kept[key] = text
        return True

    def touch(self, key, lifetime):
        self.note("touch")
        return key in self.kept

    def delete(self, key):
        self.note("delete")
        self.kept.pop(key, None)


class AsyncTexts(Texts):
    async def get(self, key):
        return super().get(key)

    async def set(self, key, text, lifetime, replace):
        return super().set(key, text, lifetime, replace)

    async def touch(self, key, lifetime):
        return super().touch(key, lifetime)

    async def delete(self, key):
        return super().delete(key)


class Down(Texts):
    def get(self, key):
        raise ConnectionError("nobody listens at port 6379")

    set = touch = delete = get


STORES = {"memory": MemoryStore, "blocking": Texts, "async": AsyncTexts}


@pytest.fixture(params=["wsgi", "asgi"])
def gateway(request):
    return request.param


@pytest.fixture(params=STORES)
def store(request):
    return STORES[request.param]()


@pytest.fixture(params=["sync", "async"])
def colour(request):
    return request.param


def make_app(store, colour="sync", **config):
    app = Cruse(__name__)
    app.config.update(TESTING=True, SESSION_STORE=store, **config)

    def add(rule, function):
        async def async_view():
            return function()

        app.add_url_rule(rule, rule, async_view if colour == "async" else function)

    def write():
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    def permanent():
        session.permanent = True
        return ""

    def refill():
        session.clear()
        session["new"] = True
        return ""

    add("/write", write)
    add("/read", lambda: str(session.get("n")))
    add("/untouched", lambda: "nothing")
    add("/clear", lambda: session.clear() or "")
    add("/rotate", lambda: session.rotate() or "")
    add("/refill", refill)
    add("/permanent", permanent)
    return app


@pytest.fixture
def app(store, colour):
    return make_app(store, colour)


@pytest.fixture
def client(app, gateway):
    return app.test_client(gateway=gateway)


def sid(client):
    cookie = client.get_cookie("session")
    return cookie and cookie.value


def in_another_tab(client, path):
    """Make another request of the same browser, from within a view of it."""
    other = client.application.test_client()
    other.set_cookie("session", sid(client))
    other.get(path)


def count(store):
    return len(store) if isinstance(store, MemoryStore) else len(store.kept)


def test_a_value_stays_and_the_cookie_has_only_an_id(client, store):
    assert client.get("/read").text == "None"
    assert [client.get("/write").text for _ in range(3)] == ["1", "2", "3"]
    assert client.get("/read").text == "3"
    assert re.fullmatch(r"[\w-]{43}", sid(client))
    assert count(store) == 1


def test_two_browsers_have_two_sessions(app, client, gateway):
    other = app.test_client(gateway=gateway)
    client.get("/write")
    client.get("/write")
    assert other.get("/write").text == "1"
    assert client.get("/read").text == "2"


def test_reading_stores_nothing(client, store):
    response = client.get("/read")
    assert "Set-Cookie" not in response.headers
    assert "Cookie" in response.vary
    assert count(store) == 0


def test_an_emptied_session_is_gone_from_store_and_browser(client, store):
    client.get("/write")
    client.get("/clear")
    assert (sid(client), count(store)) == (None, 0)
    assert client.get("/read").text == "None"


def test_an_id_that_the_store_does_not_know_is_not_adopted(client, store):
    planted = "A" * 43
    client.set_cookie("session", planted)
    assert client.get("/write").text == "1"
    assert sid(client) != planted
    assert count(store) == 1


@pytest.mark.parametrize("path", ["/rotate", "/refill"])
def test_another_id_after_rotating_and_the_old_one_is_worthless(app, client, gateway, store, path):
    client.get("/write")
    old = sid(client)
    client.get(path)
    assert sid(client) not in (None, old)
    assert count(store) == 1
    thief = app.test_client(gateway=gateway)
    thief.set_cookie("session", old)
    assert thief.get("/read").text == "None"


def test_rotating_keeps_the_content(client):
    client.get("/write")
    client.get("/rotate")
    assert client.get("/read").text == "1"


def test_the_attributes_are_those_of_every_session_cookie(client):
    header = client.get("/write", base_url="https://localhost").headers["Set-Cookie"]
    assert set(header.split("; ")[1:]) == {"HttpOnly", "Path=/", "SameSite=Lax", "Secure"}


def test_a_permanent_session_is_put_off_by_each_request_that_looks(app, client):
    assert "Expires=" in client.get("/permanent").headers["Set-Cookie"]
    assert "Expires=" in client.get("/read").headers["Set-Cookie"]
    untouched = client.get("/untouched")
    assert {"Set-Cookie", "Vary"} & set(untouched.headers.keys()) == set()
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    assert "Set-Cookie" not in client.get("/read").headers


def test_what_a_test_writes_the_view_reads(client):
    with client.session_transaction() as opened:
        opened["n"] = 41
    assert client.get("/write").text == "42"
    with client.session_transaction() as opened:
        assert opened["n"] == 42


@pytest.mark.parametrize(
    "value", ["", "x", "A" * 42, "A" * 44, "\xe4" * 43, "../" * 15, "A" * 60_000]
)
def test_what_is_no_id_never_gets_to_the_store(gateway, value):
    store = Texts()
    client = make_app(store).test_client(gateway=gateway, use_cookies=False)
    response = client.get("/read", headers={"Cookie": f"session={value}"})
    assert (response.status_code, response.text, store.asked) == (200, "None", [])


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_copies_the_one_that_is_known_counts(client, app, gateway, order):
    client.get("/write")
    copies = "; ".join([f"session={sid(client)}", f"session={'A' * 43}"][::order])
    other = app.test_client(gateway=gateway, use_cookies=False)
    assert other.get("/read", headers={"Cookie": copies}).text == "1"


def test_many_copies_do_not_ask_the_store_many_times(gateway):
    store = Texts()
    client = make_app(store).test_client(gateway=gateway, use_cookies=False)
    copies = "; ".join(f"session={n:043}" for n in range(100))
    assert client.get("/read", headers={"Cookie": copies}).text == "None"
    assert len(store.asked) <= 3


# -- what is asked of the store, and where ------------------------------------------------


def test_who_does_not_touch_the_session_does_not_ask_the_store(gateway):
    store = Texts()
    client = make_app(store).test_client(gateway=gateway)
    client.get("/write")
    store.asked.clear()
    client.get("/untouched")
    assert store.asked == []


def test_a_new_visitor_of_an_async_view_does_not_ask_the_store(gateway):
    store = Texts()
    client = make_app(store, "async").test_client(gateway=gateway)
    client.get("/read")
    client.get("/untouched")
    assert store.asked == []


def test_reading_and_writing_ask_once_each(client, gateway, colour):
    store = Texts()
    client = make_app(store, colour).test_client(gateway=gateway)
    client.get("/write")
    client.get("/write")
    client.get("/read")
    assert store.asked == ["set", "get", "replace", "get"]


def test_a_store_that_blocks_never_runs_on_the_event_loop():
    store = Texts()
    app = make_app(store, "async")
    seen = set()

    @app.before_request
    async def on_loop():
        seen.add(threading.current_thread())

    client = app.test_client(gateway="asgi")
    for path in ("/write", "/write", "/rotate", "/permanent", "/read", "/clear"):
        client.get(path)
    assert set(store.asked) == {"get", "set", "replace", "touch", "delete"}
    assert not store.threads & seen


def test_a_websocket_reads_the_session_and_saves_it_with_the_handshake(store):
    app = make_app(store)

    @app.websocket("/count")
    async def converse():
        session["n"] += 1
        await websocket.send(str(session["n"]))

    client = app.test_client(gateway="asgi")
    client.get("/write")
    with client.websocket("/count") as socket:
        assert socket.receive() == "2"
    assert client.get("/read").text == "2"
    client.close()


def test_an_async_hook_sees_the_session_too(app, client):
    seen = []

    @app.before_request
    async def look():
        seen.append(session.get("n"))

    client.get("/write")
    client.get("/untouched")
    assert seen == [None, 1]


def test_a_converter_sees_the_session_too(app, client):
    class Mine(BaseConverter):
        def to_python(self, value):
            return session.get("n")

    app.url_map.converters["mine"] = Mine
    app.add_url_rule("/convert/<mine:n>", "convert", lambda n: str(n))
    client.get("/write")
    assert client.get("/convert/x").text == "1"


# -- lifetimes ------------------------------------------------


def test_a_session_ends_in_the_store(gateway):
    clock = Clock()
    app = make_app(MemoryStore(clock=clock), PERMANENT_SESSION_LIFETIME=timedelta(hours=1))
    client = app.test_client(gateway=gateway)
    client.get("/write")
    clock.now = 3599
    assert client.get("/write").text == "2"  # and begins anew
    clock.now += 3599
    assert client.get("/read").text == "2"  # does not, the session not being permanent
    clock.now += 1
    assert client.get("/read").text == "None"


def test_looking_at_a_permanent_session_keeps_it_alive(gateway):
    clock = Clock()
    app = make_app(MemoryStore(clock=clock), PERMANENT_SESSION_LIFETIME=60)
    client = app.test_client(gateway=gateway)
    client.get("/write")
    client.get("/permanent")
    for _ in range(5):
        clock.now += 59
        assert client.get("/read").text == "1"


def test_a_session_that_was_ended_meanwhile_stays_ended(gateway, store, caplog):
    app = make_app(store)
    client = app.test_client(gateway=gateway)

    @app.get("/slow")
    def slow():
        session["n"] += 1
        in_another_tab(client, "/clear")
        return ""

    client.get("/write")
    with caplog.at_level(logging.INFO):
        response = client.get("/slow")
    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers
    assert count(store) == 0
    assert "ended while another request used it" in caplog.text


def test_of_two_changes_at_once_the_later_one_counts(gateway, store):
    app = make_app(store)
    client = app.test_client(gateway=gateway)

    @app.get("/slow")
    def slow():
        session["slow"] = True
        in_another_tab(client, "/write")
        return ""

    client.get("/write")
    client.get("/slow")
    assert client.get("/read").text == "1"


def test_a_look_does_not_undo_the_change_of_another_request(gateway, store):
    app = make_app(store)
    client = app.test_client(gateway=gateway)

    @app.get("/slow")
    def slow():
        assert session.permanent
        in_another_tab(client, "/write")
        return ""

    client.get("/permanent")
    client.get("/write")
    client.get("/slow")
    assert client.get("/read").text == "2"


# -- trouble ------------------------------------------------


def test_without_its_store_a_session_is_a_503_and_all_else_works(gateway, colour, caplog):
    app = make_app(Down(), colour)
    client = app.test_client(gateway=gateway)
    client.set_cookie("session", "A" * 43)
    response = client.get("/read")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "6379" not in response.text
    assert "ConnectionError: nobody listens at port 6379" in caplog.text
    assert client.get("/untouched").status_code == 200


def test_a_session_that_cannot_be_kept_is_a_503_not_silence(gateway, colour, caplog):
    client = make_app(Down(), colour).test_client(gateway=gateway)
    response = client.get("/write")
    assert response.status_code == 503
    assert "Set-Cookie" not in response.headers
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("store", "answer"),
    [
        (Texts(), (200, {"sessions": "ok"})),
        (AsyncTexts(), (200, {"sessions": "ok"})),
        (Down(), (503, {"sessions": "failed"})),
        (MemoryStore(), (200, {})),
    ],
    ids=["blocking", "async", "down", "memory"],
)
def test_a_process_is_ready_when_its_sessions_can_be_had(gateway, store, answer):
    client = make_app(store, HEALTH_READY_PATH="/readyz").test_client(gateway=gateway)
    response = client.get("/readyz")
    assert (response.status_code, response.json["checks"]) == answer


def test_an_error_handler_may_answer_for_a_store_that_is_down(gateway, colour):
    app = make_app(Down(), colour)
    app.register_error_handler(503, lambda error: ("back soon", 503))
    client = app.test_client(gateway=gateway)
    assert client.get("/write").text == "back soon"
    client.set_cookie("session", "A" * 43)
    assert client.get("/read").text == "back soon"


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[1]", "5", "null", "\ud800", '{" b": 5}', b"\xff"]
)
def test_what_cannot_be_read_is_no_session(gateway, text, caplog):
    store = Texts()
    client = make_app(store).test_client(gateway=gateway)
    client.get("/write")
    before = sid(client)
    (key,) = store.kept
    store.kept[key] = text
    assert client.get("/write").text == "1"
    assert sid(client) != before


def test_the_store_never_sees_the_id(gateway):
    store = Texts()
    client = make_app(store, SESSION_KEY_PREFIX="shop:").test_client(gateway=gateway)
    client.get("/write")
    (key,) = store.kept
    assert key.startswith("shop:")
    assert sid(client) not in f"{store.kept}"


def test_it_keeps_types_that_json_does_not_have(client, app):
    with client.session_transaction() as opened:
        opened["t"] = (1, b"2")
    with client.session_transaction() as opened:
        assert opened["t"] == (1, b"2")


def test_flashed_messages_are_kept_in_it(app, client):
    app.add_url_rule("/flash", "flash", lambda: flash("hello") or "")
    app.add_url_rule("/show", "show", lambda: get_flashed_messages())
    client.get("/flash")
    assert client.get("/show").json == ["hello"]
    assert client.get("/show").json == []


# -- the setting ------------------------------------------------


def test_it_needs_no_secret_key(app):
    assert app.secret_key is None
    assert isinstance(app.session_interface, StoredSessionInterface)


def test_memory_is_a_name(gateway):
    app = make_app("memory")
    client = app.test_client(gateway=gateway)
    client.get("/write")
    assert len(app.session_interface.store) == 1
    assert client.get("/write").text == "2"


@pytest.mark.parametrize("setting", ["disk", "http://localhost", 5, object()])
def test_a_setting_that_is_no_store_is_an_error_at_start(setting):
    with pytest.raises(ValueError, match=r"'SESSION_STORE' must be None .* 'memory', the URL"):
        make_app(setting).start()


def test_an_interface_of_ones_own_goes_first():
    interface = StoredSessionInterface("memory")
    app = make_app("disk")
    app.session_interface = interface
    app.start()
    assert app.session_interface is interface


def test_redis_says_what_to_install_when_it_is_not_there(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "redis", None)
    with pytest.raises(RuntimeError, match=re.escape("pip install 'cruse[redis]'")):
        make_store("redis://localhost")


def test_the_config_does_not_show_the_password_of_a_url():
    app = make_app("redis://user:s3cr3t@localhost:6379/0")
    assert "s3cr3t" not in repr(app.config)
    assert "redis://user:***@localhost:6379/0" in repr(app.config)


def test_rotating_a_session_in_a_cookie_signs_it_anew():
    opened = SecureCookieSession({"a": 1})
    opened.rotate()
    assert opened.modified
    assert opened == {"a": 1}


# -- the memory's own rules ------------------------------------------------


def test_memory_is_bounded_and_forgets_what_was_used_longest_ago():
    store = MemoryStore(limit=2)
    for key in ("a", "b"):
        store.set(key, key, 10, False)
    store.touch("a", 10)
    store.set("c", "c", 10, False)
    assert [store.get(key) for key in "abc"] == ["a", None, "c"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["set", "replace", "touch", "delete", "wait"]),
            st.sampled_from("ab"),
            st.integers(1, 5),
        )
    )
)
def test_memory_does_what_a_simple_table_would(steps):
    clock = Clock()
    store, table = MemoryStore(clock=clock), {}
    for step, key, number in steps:
        there = key in table and table[key][1] > clock.now
        match step:
            case "set" | "replace":
                kept = step == "set" or there
                assert store.set(key, str(number), number, step == "replace") is kept
                if kept:
                    table[key] = (str(number), clock.now + number)
            case "touch":
                assert store.touch(key, number) is there
                if there:
                    table[key] = (table[key][0], clock.now + number)
            case "delete":
                store.delete(key)
                table.pop(key, None)
            case "wait":
                clock.now += number
        there = key in table and table[key][1] > clock.now
        assert store.get(key) == (table[key][0] if there else None)
