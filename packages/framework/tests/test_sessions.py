"""Sessions in a signed cookie."""

import asyncio
import logging
import re
import threading
from datetime import UTC, datetime, timedelta
from hashlib import sha256, sha512

import pytest
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.http import parse_date

from cruse import Cruse, inline, session
from cruse.json.tag import JSONTag, TaggedJSONSerializer
from cruse.sessions import (
    NullSession,
    SecureCookieSession,
    SecureCookieSessionInterface,
    SessionInterface,
    SessionMixin,
    SessionTooLarge,
)

#: 6,000 digits that compress to no less than 3,000 bytes, 4,000 in base64.
RANDOM = b"".join(sha256(bytes([n])).digest() for n in range(94)).hex()

#: Made by Flask 3.1: an application that was ported keeps its visitors' sessions.
FLASK_COOKIE = "eyJuIjoxLCJ0Ijp7IiB0IjpbMSwyXX19.awMcbw.WQcdvkAiypRsCL1S37vOWJSMCss"

READS = {
    "get": lambda s: s.get("a"),
    "item": lambda s: s["a"],
    "in": lambda s: "a" in s,
    "len": len,
    "bool": bool,
    "iter": list,
    "reversed": lambda s: list(reversed(s)),
    "keys": lambda s: s.keys(),
    "values": lambda s: s.values(),
    "items": lambda s: s.items(),
    "dict": dict,
    "copy": lambda s: s.copy(),
    "equal": lambda s: s == {},
    "or": lambda s: s | {},
    "permanent": lambda s: s.permanent,
    "setdefault of what is there": lambda s: s.setdefault("a", 2),
    "pop of what is not there": lambda s: s.pop("b", None),
}
WRITES = {
    "item": lambda s: s.__setitem__("b", 1),
    "delete": lambda s: s.__delitem__("a"),
    "setdefault": lambda s: s.setdefault("b", 1),
    "update": lambda s: s.update(b=1),
    "or": lambda s: s.__ior__({"b": 1}),
    "pop": lambda s: s.pop("a"),
    "popitem": lambda s: s.popitem(),
    "clear": lambda s: s.clear(),
    "permanent": lambda s: setattr(s, "permanent", True),
}


@pytest.fixture
def app():
    app = Cruse(__name__)
    app.config.update(TESTING=True, SECRET_KEY="key")
    add_views(app)
    return app


def add_views(app):
    @app.get("/set")
    def set_value():
        session["value"] = 42
        return "set"

    @app.get("/get")
    def get_value():
        return str(session.get("value"))

    @app.get("/clear")
    def clear():
        session.clear()
        return "cleared"

    @app.get("/untouched")
    def untouched():
        return "nothing"

    @app.get("/permanent")
    def permanent():
        session.permanent = True
        return "permanent"

    @app.get("/big")
    def big():
        session["cart"] = RANDOM
        session["name"] = "y"
        return "big"


@pytest.fixture(params=["wsgi", "asgi"])
def gateway(request):
    return request.param


@pytest.fixture
def client(app, gateway):
    return app.test_client(gateway=gateway)


def test_a_value_stays_until_the_session_is_cleared(client):
    assert client.get("/get").text == "None"
    client.get("/set")
    assert client.get("/get").text == "42"
    assert client.get("/get").text == "42"
    client.get("/clear")
    assert client.get("/get").text == "None"
    assert client.get_cookie("session") is None


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client):
    header = client.get("/set").headers["Set-Cookie"]
    assert header.startswith("session=")
    assert set(header.split("; ")[1:]) == {"HttpOnly", "Path=/", "SameSite=Lax"}


def test_the_cookie_is_secure_when_the_request_is(client):
    header = client.get("/set", base_url="https://localhost").headers["Set-Cookie"]
    assert "Secure" in header.split("; ")


@pytest.mark.parametrize(
    ("setting", "url"), [(True, "http://localhost"), (False, "https://localhost")]
)
def test_secure_can_be_set(app, client, setting, url):
    app.config["SESSION_COOKIE_SECURE"] = setting
    header = client.get("/set", base_url=url).headers["Set-Cookie"]
    assert ("Secure" in header.split("; ")) is setting


def test_every_attribute_can_be_set_and_is_repeated_to_delete(app, client):
    app.config.update(
        SESSION_COOKIE_NAME="other",
        SESSION_COOKIE_DOMAIN=".example.com",
        SESSION_COOKIE_PATH="/app",
        SESSION_COOKIE_HTTPONLY=False,
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_PARTITIONED=True,
        APPLICATION_ROOT="/app",
    )
    url = {"base_url": "https://www.example.com/app"}
    cookies = [client.get(path, **url).headers["Set-Cookie"] for path in ("/set", "/clear")]
    for header in cookies:
        name, *attributes = header.split("; ")
        assert name.startswith("other=")
        assert {
            "Domain=example.com",
            "Path=/app",
            "Secure",
            "SameSite=Strict",
            "Partitioned",
        } <= set(attributes)
        assert "HttpOnly" not in attributes
    assert "Max-Age=0" in cookies[1].split("; ")


def test_the_path_is_that_of_the_application(app, client):
    app.config["APPLICATION_ROOT"] = "/root"
    assert "Path=/root" in client.get("/set").headers["Set-Cookie"].split("; ")


def test_a_host_cookie_has_what_browsers_demand(app, client):
    app.config.update(
        SESSION_COOKIE_NAME="__Host-session",
        SESSION_COOKIE_DOMAIN="example.com",
        SESSION_COOKIE_PATH="/app",
        SESSION_COOKIE_SECURE=False,
    )
    attributes = client.get("/set").headers["Set-Cookie"].split("; ")
    assert {"Secure", "Path=/"} <= set(attributes)
    assert not any(attribute.startswith("Domain") for attribute in attributes)


def test_a_secure_cookie_s_name_makes_it_secure(app, client):
    app.config.update(SESSION_COOKIE_NAME="__Secure-s", SESSION_COOKIE_DOMAIN="example.com")
    attributes = client.get("/set").headers["Set-Cookie"].split("; ")
    assert {"Secure", "Domain=example.com"} <= set(attributes)


def test_a_response_that_did_not_use_the_session_may_be_shared(client):
    client.get("/set")
    response = client.get("/untouched")
    assert "Vary" not in response.headers
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("path", ["/get", "/set", "/clear", "/permanent"])
def test_a_response_that_used_the_session_varies_by_cookie(client, path):
    client.get("/set")
    assert "Cookie" in client.get(path).vary


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
def test_any_look_into_the_session_counts_as_access(read):
    opened = SecureCookieSession({"a": 1})
    assert (opened.accessed, opened.modified) == (False, False)
    read(opened)
    assert (opened.accessed, opened.modified) == (True, False)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_any_change_counts_as_change(write):
    opened = SecureCookieSession({"a": 1})
    write(opened)
    assert (opened.accessed, opened.modified) == (True, True)


def test_opening_is_not_access():
    assert SecureCookieSession().new is True
    assert SecureCookieSession({}).new is False
    assert SecureCookieSession({"a": 1}).accessed is False


def test_handing_the_session_on_is_not_reading_it(app, client):
    @app.get("/hand")
    def hand():
        return type(session._get_current_object()).__name__

    response = client.get("/hand")
    assert response.text == "SecureCookieSession"
    assert "Vary" not in response.headers


def test_reading_does_not_set_the_cookie_again(client):
    client.get("/set")
    assert "Set-Cookie" not in client.get("/get").headers


def test_a_change_within_a_value_has_to_be_told(app):
    @app.get("/append/<int:told>")
    def append(told):
        session["list"].append(1)
        session.modified = session.modified or bool(told)
        return "appended"

    @app.get("/list")
    def get_list():
        return session["list"]

    client = app.test_client()
    with client.session_transaction() as opened:
        opened["list"] = []
    client.get("/append/0")
    assert client.get("/list").json == []
    client.get("/append/1")
    assert client.get("/list").json == [1]


def test_a_session_lasts_as_long_as_the_browser(client):
    assert "Expires" not in client.get("/set").headers["Set-Cookie"]


def expires(response):
    return parse_date(re.search(r"Expires=([^;]+)", response.headers["Set-Cookie"])[1])


def test_a_permanent_session_lasts_longer(app, client):
    app.permanent_session_lifetime = timedelta(days=2)
    expected = datetime.now(UTC) + timedelta(days=2)
    assert abs(expires(client.get("/permanent")) - expected) < timedelta(seconds=10)


def test_a_permanent_session_is_put_off_by_each_request_that_uses_it(app, client):
    client.get("/permanent")
    assert expires(client.get("/get")) > datetime.now(UTC)
    assert "Set-Cookie" not in client.get("/untouched").headers
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    assert "Set-Cookie" not in client.get("/get").headers


def test_a_session_that_is_too_old_is_empty(app, client):
    client.get("/set")
    app.permanent_session_lifetime = -1
    assert client.get("/get").text == "None"


@pytest.mark.parametrize(
    "damage",
    [
        lambda value: value[:-5] + ("A" if value[-5] != "A" else "B") + value[-4:],
        lambda value: "x" + value,
        lambda value: value.replace(".", "", 1),
        lambda value: value[: len(value) // 2],
        lambda value: "",
        lambda value: ".",
        lambda value: "\x00\xff",
        lambda value: "ä" * 100,
        lambda value: "." * 4000,
    ],
)
def test_a_cookie_that_was_tampered_with_gives_an_empty_session(client, damage):
    client.get("/set")
    value = damage(client.get_cookie("session").value)
    client.set_cookie("session", value)
    response = client.get("/get")
    assert (response.status_code, response.text) == (200, "None")


def test_a_signature_of_another_purpose_is_not_taken(app, client):
    class Other(SecureCookieSessionInterface):
        salt = "another"

    forged = Other().get_signing_serializer(app).dumps({"value": 1})
    client.set_cookie("session", forged)
    assert client.get("/get").text == "None"


@pytest.mark.parametrize("content", ["[1, 2]", "5", '"text"', "null", '{" b": 5}', "nonsense"])
def test_signed_content_that_is_no_session_gives_an_empty_one(app, client, content):
    signer = app.session_interface.get_signing_serializer(app).make_signer()
    from itsdangerous.encoding import base64_encode

    client.set_cookie("session", signer.sign(base64_encode(content)).decode())
    response = client.get("/get")
    assert (response.status_code, response.text) == (200, "None")


def test_the_content_keeps_its_types(app, gateway):
    values = {"tuple": (1, 2), "bytes": b"x", "when": datetime(2026, 1, 1, tzinfo=UTC)}

    @app.get("/types")
    def types():
        return {key: repr(value) for key, value in session.items()}

    client = app.test_client(gateway=gateway)
    with client.session_transaction() as opened:
        opened.update(values)
    assert client.get("/types").json == {key: repr(value) for key, value in values.items()}


# -- keys ------------------------------------------------


def test_old_keys_are_read_and_the_new_one_signs(app, client):
    client.get("/set")
    app.config.update(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["key"])
    assert client.get("/get").text == "42"
    client.get("/set")
    app.config["SECRET_KEY_FALLBACKS"] = None
    assert client.get("/get").text == "42"


def test_a_key_that_was_dropped_is_not_read(app, client):
    client.get("/set")
    app.secret_key = "new"
    assert client.get("/get").text == "None"


def test_the_serializer_is_made_once_for_the_same_keys(app):
    interface = SecureCookieSessionInterface()
    first = interface.get_signing_serializer(app)
    assert interface.get_signing_serializer(app) is first
    app.secret_key = "new"
    assert interface.get_signing_serializer(app) is not first
    for number in range(100):
        app.secret_key = f"key {number}"
        interface.get_signing_serializer(app)
    assert len(interface._serializers) <= 16


def test_the_signature_is_the_one_that_cookies_have_had_for_years(app):
    serializer = app.session_interface.get_signing_serializer(app)
    assert serializer.loads(FLASK_COOKIE) == {"n": 1, "t": (1, 2)}


def test_the_serializer_can_sign_for_another_purpose(app):
    serializer = app.session_interface.get_signing_serializer(app)
    signed = serializer.dumps({"a": 1}, salt="other")
    assert serializer.loads(signed, salt="other") == {"a": 1}
    with pytest.raises(BadSignature):
        serializer.loads(signed)


@pytest.mark.parametrize("digest", [staticmethod(sha512), "sha512"], ids=["function", "name"])
def test_another_digest(app, client, digest):
    class Interface(SecureCookieSessionInterface):
        digest_method = digest

    app.session_interface = Interface()
    client.get("/set")
    assert len(client.get_cookie("session").value.split(".")[2]) == 86
    assert client.get("/get").text == "42"


def test_a_response_that_varies_already_varies_by_cookie_too(app, client):
    @app.get("/vary")
    def vary():
        return str(session.get("a")), {"Vary": "Accept"}

    assert client.get("/vary").headers["Vary"] == "Accept, Cookie"


def test_without_a_key_reading_gives_nothing_and_writing_is_a_clear_error(app, client):
    app.secret_key = None
    assert client.get("/get").text == "None"
    with pytest.raises(RuntimeError, match="The session is unavailable because no secret key"):
        client.get("/set")


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_nothing_can_be_written_without_a_key(write):
    opened = NullSession()
    with pytest.raises(RuntimeError, match="no secret key was set"):
        write(opened)
    assert not opened


def test_a_key_removed_on_the_way_is_a_clear_error(app, client):
    @app.get("/remove")
    def remove():
        session["a"] = 1
        app.secret_key = None
        return ""

    with pytest.raises(RuntimeError, match="was removed"):
        client.get("/remove")


# -- size ------------------------------------------------


def test_a_cookie_that_browsers_would_drop_is_an_error(client):
    with pytest.raises(
        SessionTooLarge, match=r"bytes.*4093.*'cart' \(6018 bytes\).*SESSION_STORE"
    ):
        client.get("/big")


def test_in_production_it_is_a_500_that_is_logged_once_and_the_old_cookie_stays(
    app, client, caplog
):
    client.get("/set")
    app.testing = False
    with caplog.at_level(logging.ERROR):
        response = client.get("/big")
    assert response.status_code == 500
    assert "Set-Cookie" not in response.headers
    assert len(caplog.records) == 1
    assert "'cart' (6018 bytes)" in caplog.text
    assert RANDOM[:9] not in caplog.text + response.text
    assert client.get("/get").text == "42"


def test_an_error_handler_may_answer_for_it(app, client):
    app.testing = False

    @app.errorhandler(500)
    def sorry(error):
        assert isinstance(error.original_exception, SessionTooLarge)
        return "too much in the basket", 500

    assert client.get("/big").text == "too much in the basket"


def test_a_subclass_may_do_something_else_with_too_much(app, client):
    class Forgetful(SecureCookieSessionInterface):
        def too_large(self, app, session, response, size):
            del session["cart"]
            self.save_session(app, session, response)

    app.session_interface = Forgetful()
    assert client.get("/big").status_code == 200
    with client.session_transaction() as kept:
        assert dict(kept) == {"name": "y"}


def test_a_huge_cookie_is_no_session(app, gateway):
    client = app.test_client(gateway=gateway, use_cookies=False)
    response = client.get("/get", headers={"Cookie": "session=" + "A" * 60_000})
    assert (response.status_code, response.text) == (200, "None")


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_copies_the_one_that_is_good_counts(app, client, order):
    client.get("/set")
    good = client.get_cookie("session").value
    copies = "; ".join([f"session={good}", "session=planted.by.somebody"][::order])
    other = app.test_client(use_cookies=False)
    assert other.get("/get", headers={"Cookie": copies}).text == "42"


def test_of_two_good_copies_the_first_counts(app, client):
    signer = app.session_interface.get_signing_serializer(app)
    copies = "; ".join(f"session={signer.dumps({'value': n})}" for n in (1, 2))
    other = app.test_client(use_cookies=False)
    assert other.get("/get", headers={"Cookie": copies}).text == "1"


def test_the_limit_can_be_set_and_lifted(app, client):
    app.config["MAX_COOKIE_SIZE"] = 50
    with pytest.raises(SessionTooLarge, match="drop one of more than 50"):
        client.get("/set")
    app.config["MAX_COOKIE_SIZE"] = 0
    assert "Set-Cookie" in client.get("/set").headers


# -- interfaces of one's own ------------------------------------------------


class MemorySession(dict, SessionMixin):
    pass


class MemoryInterface(SessionInterface):
    def __init__(self):
        self.store = {}

    def open_session(self, app, request):
        return MemorySession(self.store)

    def save_session(self, app, session, response):
        self.store = dict(session)


def test_another_store(app, client):
    app.session_interface = MemoryInterface()
    client.get("/set")
    assert app.session_interface.store == {"value": 42}
    assert client.get("/get").text == "42"


class AsyncInterface(MemoryInterface):
    async def open_session(self, app, request):
        await asyncio.sleep(0)
        return MemorySession(self.store)

    async def save_session(self, app, session, response):
        await asyncio.sleep(0)
        self.store = dict(session)
        response.set_cookie("session", "there")


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_an_interface_may_be_async(app, client, colour):
    app.session_interface = AsyncInterface()

    @app.get("/sync")
    def sync_view():
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    @app.get("/async")
    async def async_view():
        return sync_view()

    client.set_cookie("session", "there")
    assert [client.get(f"/{colour}").text for _ in range(2)] == ["1", "2"]
    with client.session_transaction() as opened:
        assert opened["n"] == 2


@pytest.mark.parametrize("quick", [False, True])
def test_an_interface_may_have_its_own_way_to_its_methods(app, gateway, quick):
    class Noting(SecureCookieSessionInterface):
        noted = ()

        async def open(self, app, request, bridge):
            self.noted += ("open",)
            return self.open_session(app, request)

        async def save(self, app, session, response, bridge):
            self.noted += ("save",)
            self.save_session(app, session, response)

    class Quick(SecureCookieSessionInterface):
        noted = ()

        @inline
        def open_session(self, app, request):
            self.noted += ("open",)
            opened = super().open_session(app, request)
            return awaited(opened) if self.noted == ("open",) else opened

        @inline
        async def save_session(self, app, session, response):
            self.noted += ("save",)
            super().save_session(app, session, response)

    async def awaited(value):
        return value

    app.session_interface = Quick() if quick else Noting()
    with app.test_client(gateway=gateway) as client:
        client.get("/set")
        assert client.get("/get").text == "42"
    assert app.session_interface.noted == ("open", "save") * 2


def test_an_interface_that_blocks_does_not_block_the_loop(app):
    threads = []

    class Blocking(MemoryInterface):
        def open_session(self, app, request):
            threads.append(threading.current_thread())
            return super().open_session(app, request)

        def save_session(self, app, session, response):
            threads.append(threading.current_thread())

    app.session_interface = Blocking()

    @app.get("/loop")
    async def on_loop():
        threads.append(threading.current_thread())
        return str(session.get("a"))

    client = app.test_client(gateway="asgi")
    client.set_cookie("session", "there")
    assert client.get("/loop").text == "None"
    opened, view, saved = threads
    assert view not in (opened, saved)


def test_a_store_that_tracks_nothing_counts_as_used():
    opened = MemorySession()
    assert (opened.new, opened.modified, opened.accessed) == (False, True, True)


def test_the_interface_says_what_is_missing(app):
    interface = SessionInterface()
    with pytest.raises(NotImplementedError):
        interface.open_session(app, None)
    with pytest.raises(NotImplementedError):
        interface.save_session(app, MemorySession(), None)


def test_a_null_session_is_recognized(app):
    interface = SessionInterface()
    assert interface.is_null_session(interface.make_null_session(app))
    assert not interface.is_null_session(SecureCookieSession())


def test_a_type_of_your_own_is_kept_by_a_tag(app):
    class TagSet(JSONTag):
        key = " s"

        def check(self, value):
            return isinstance(value, set)

        def to_json(self, value):
            return self.serializer.tag(sorted(value))

        def to_python(self, value):
            return set(value)

    class Interface(SecureCookieSessionInterface):
        serializer = TaggedJSONSerializer()

    Interface.serializer.register(TagSet)
    app.session_interface = Interface()
    client = app.test_client()
    with client.session_transaction() as opened:
        opened["set"] = {1, 2}
    with client.session_transaction() as opened:
        assert opened["set"] == {1, 2}


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_the_secret_key_may_be_an_attribute_of_the_class(gateway):
    class Shop(Cruse):
        secret_key = "of the class"

    app = Shop("shop")

    @app.get("/")
    def count():
        session["count"] = session.get("count", 0) + 1
        return str(session["count"])

    client = app.test_client(gateway=gateway)
    assert [client.get("/").text for _ in range(2)] == ["1", "2"]
    client.close()


@pytest.mark.parametrize("key", ["new", "old"])
@pytest.mark.parametrize(("ahead", "kept"), [(1, True), (50, True), (3600, False)])
def test_a_session_of_a_machine_whose_clock_is_ahead_counts(client, app, key, ahead, kept):
    app.config.update(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["old"])
    there = Cruse(__name__)
    there.config["SECRET_KEY"] = key
    serializer = there.session_interface.get_signing_serializer(there)
    signer = serializer.make_signer(serializer.salt)
    now = signer.get_timestamp()
    signer.get_timestamp = lambda: now + ahead
    client.set_cookie("session", serializer.dumps({"value": 5}))
    assert (client.get("/get").text == "5") is kept


@pytest.mark.parametrize("given", ["Thu, 01 Jan 2099 00:00:00 GMT", 4070908800])
def test_the_expiration_time_may_be_anything_that_cookies_take(given):
    class Fixed(SecureCookieSessionInterface):
        def get_expiration_time(self, app, session):
            return given

    app = Cruse(__name__)
    app.secret_key = "k"
    app.session_interface = Fixed()
    app.get("/")(lambda: session.update(user="ada") or "")
    cookie = app.test_client().get("/").headers["Set-Cookie"]
    assert "Expires=Thu, 01 Jan 2099 00:00:00 GMT" in cookie


def test_an_interface_may_have_a_constructor_of_its_own(app, client):
    class Keyed(SecureCookieSessionInterface):
        def __init__(self, key):  # Flask's has none that could be called
            self.key = key

        def get_signing_serializer(self, app):
            return URLSafeTimedSerializer(self.key, serializer=TaggedJSONSerializer())

    app.session_interface = Keyed("another key")
    client.get("/set")
    assert client.get("/get").text == "42"
