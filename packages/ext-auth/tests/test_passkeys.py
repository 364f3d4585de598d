"""Passkeys: as the first factor, as the second, and whatever else is shown in their place."""

import copy
import importlib.util
import logging
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cruse import Cruse, request
from cruse_auth import Auth, MemoryFactors, MemoryStore, Passkeys, UserMixin, current_user
from tests.colours import AsyncMethods


@dataclass
class User(UserMixin):
    id: str
    is_active: bool = True


@pytest.fixture(params=[("sync", "wsgi"), ("async", "asgi")], ids=["plain", "async"])
def face(request):
    """The colour of views and store, and the gateway."""
    return request.param


@pytest.fixture
def app(face):
    app = make_app(face[0])
    yield app
    app.stop()


def make_app(colour):
    app = Cruse("shop")
    app.config.update(TESTING=True, SECRET_KEY="k" * 32)
    factors = MemoryFactors()
    auth = Auth(
        store=MemoryStore(), factors=factors if colour == "sync" else AsyncMethods(factors)
    )
    app.use(auth)
    app.signing_in, app.kept = auth, factors
    app.users = {name: User(name) for name in ("ada", "bob")}
    auth.user_loader(lambda user_id: app.users.get(user_id))
    (plain_views if colour == "sync" else async_views)(app, auth)

    @app.get("/whoami")
    def whoami():
        return current_user.id if current_user.is_authenticated else "nobody"

    @app.get("/how")
    def how():
        return list(auth.factors.methods)

    @app.post("/logout")
    def logout():
        auth.logout()
        return ""

    return app


def plain_views(app, auth):
    @app.post("/password/<name>")
    def password(name):
        return list(auth.factors.login(app.users[name], remember=True).needs)

    @app.post("/passkeys/options")
    def registration_options():
        return auth.passkeys.registration_options("ada@example.com")

    @app.post("/passkeys")
    def register():
        return auth.passkeys.register(request.json, "My laptop").name, 201

    @app.post("/login/options")
    def login_options():
        return auth.passkeys.login_options()

    @app.post("/login")
    def login():
        return auth.passkeys.login(request.json, remember="remember" in request.args).id


def async_views(app, auth):
    @app.post("/password/<name>")
    async def password(name):
        return list((await auth.factors.alogin(app.users[name], remember=True)).needs)

    @app.post("/passkeys/options")
    async def registration_options():
        return await auth.passkeys.aregistration_options("ada@example.com")

    @app.post("/passkeys")
    async def register():
        return (await auth.passkeys.aregister(request.json, "My laptop")).name, 201

    @app.post("/login/options")
    async def login_options():
        return await auth.passkeys.alogin_options()

    @app.post("/login")
    async def login():
        user = await auth.passkeys.alogin(request.json, remember="remember" in request.args)
        return user.id


if importlib.util.find_spec("webauthn") and importlib.util.find_spec("limits"):
    from cruse_auth.factors.ceremonies import encode as b64
    from cruse_auth.factors.testing import PRESENT, VERIFIED, SoftKey

    class Person:
        """Somebody with a browser and a passkey."""

        def __init__(self, app, gateway, key=None):
            self.app = app
            self.client = app.test_client(gateway=gateway)
            self.key = key or SoftKey()

        def post(self, path, json=None):
            return self.client.post(path, json=json)

        def register(self, name="ada", **options):
            """Log in with the password alone, and make a passkey."""
            if name:
                self.post(f"/password/{name}")
            asked = self.post("/passkeys/options").json
            return self.post("/passkeys", self.key.create(asked, **options))

        def options(self):
            return self.post("/login/options").json

        def login(self, query="", **options):
            return self.post(f"/login{query}", self.key.get(self.options(), **options))

        @property
        def whoami(self):
            return self.client.get("/whoami").text

    @pytest.fixture
    def make_person(app, face):
        return lambda key=None: Person(app, face[1], key)

    @pytest.fixture
    def ada(make_person):
        """Somebody who has a passkey and is logged out."""
        ada = make_person()
        answer = ada.register()
        assert (answer.status_code, answer.text) == (201, "My laptop"), answer.text
        ada.post("/logout")
        return ada

    def refused(answer):
        return answer.status_code == 400 and "The passkey was not accepted" in answer.text

    # -- as the first factor --------------------------------------------------------------------

    def test_a_passkey_logs_in_who_says_nothing_else(ada):
        assert ada.options()["allowCredentials"] == []
        answer = ada.login()
        assert (answer.status_code, answer.text, ada.whoami) == (200, "ada", "ada")
        assert ada.client.get("/how").json == ["hwk", "user", "mfa"]

    def test_it_can_be_used_again_in_any_browser(ada, make_person):
        for person in (ada, make_person(ada.key), ada):
            assert person.login().status_code == 200

    def test_one_whose_counter_stays_at_zero_can_be_used_again(make_person):
        person = make_person(SoftKey(counts=False))
        person.register()
        for _ in range(3):
            person.post("/logout")
            assert person.login().status_code == 200

    def test_the_browser_is_asked_for_a_discoverable_one_that_asks_the_person(ada):
        ada.post("/password/bob")
        asked = ada.post("/passkeys/options").json
        assert asked["rp"] == {"id": "localhost", "name": "shop"}
        assert asked["authenticatorSelection"]["residentKey"] == "required"
        assert asked["authenticatorSelection"]["userVerification"] == "required"
        assert "bob" not in str(asked["user"]["id"])
        ada.post("/logout")
        assert ada.options()["userVerification"] == "required"

    def test_who_was_not_asked_by_the_device_is_refused(ada, make_person):
        assert refused(ada.login(flags=PRESENT))
        assert refused(ada.login(flags=VERIFIED))
        assert ada.whoami == "nobody"
        assert refused(make_person().register("bob", flags=PRESENT))

    @pytest.mark.parametrize(
        "changes",
        [
            {"origin": "https://localhost"},
            {"origin": "http://evil.example"},
            {"rp_id": "evil.example"},
            {"type": "webauthn.create"},
            {"challenge": b64(bytes(32))},
            {"crossOrigin": True, "topOrigin": "https://evil.example"},
        ],
        ids=["scheme", "origin", "domain", "type", "challenge", "frame"],
    )
    def test_what_was_made_for_somebody_else_is_refused(ada, changes, caplog):
        caplog.set_level(logging.INFO)
        assert refused(ada.login(**changes))
        assert ada.whoami == "nobody"
        assert "A passkey was refused: " in caplog.text

    @pytest.mark.parametrize(
        "changes",
        [
            {"origin": "http://evil.example"},
            {"type": "webauthn.get"},
            {"challenge": b64(b"x")},
            {"crossOrigin": True},
        ],
        ids=["origin", "type", "challenge", "frame"],
    )
    def test_one_that_was_made_elsewhere_is_not_registered(app, make_person, changes):
        assert refused(make_person().register(**changes))
        assert app.kept.of_user("ada") == []

    def test_a_challenge_is_for_the_browser_that_got_it(ada, make_person):
        other = make_person(ada.key)
        answer = ada.key.get(other.options())
        ada.options()
        assert refused(ada.post("/login", answer))
        assert refused(make_person().post("/login", answer))

    def test_a_challenge_is_answered_once(make_person):
        ada = make_person(SoftKey(counts=False))
        ada.register()
        ada.post("/logout")
        asked = ada.options()
        cookie = ada.client.get_cookie("session").value
        answer = ada.key.get(asked)
        assert ada.post("/login", answer).status_code == 200
        ada.post("/logout")
        assert refused(ada.post("/login", answer)), "it went with the answer"
        ada.client.set_cookie("session", cookie)
        assert refused(ada.post("/login", answer)), "a copy of the session does not help"

    def test_a_challenge_that_was_answered_wrongly_is_over(ada):
        asked = ada.options()
        assert refused(ada.post("/login", ada.key.get(asked, origin="http://evil.example")))
        assert refused(ada.post("/login", ada.key.get(asked)))

    def test_a_challenge_is_good_for_five_minutes(ada, clock):
        asked = ada.options()
        clock.move(minutes=5)
        assert refused(ada.post("/login", ada.key.get(asked)))

    def test_a_copy_of_a_passkey_is_found_out_by_its_counter(ada, make_person):
        thief = SoftKey()
        thief.__dict__.update(copy.copy(ada.key.__dict__))
        assert ada.login().status_code == 200
        assert refused(make_person(thief).login())
        assert ada.login().status_code == 200

    def test_one_of_two_answers_at_once_passes(ada, app, make_person):
        first, second = ada, make_person(ada.key)
        answers = [ada.key.get(each.options()) for each in (first, second)]
        assert second.post("/login", answers[1]).status_code == 200
        assert refused(first.post("/login", answers[0]))

    def test_another_key_does_not_open(ada, make_person):
        thief = SoftKey()
        thief.id, thief.handle, thief.counter = ada.key.id, ada.key.handle, 100
        assert refused(make_person(thief).login())

    @pytest.mark.parametrize("handle", [None, "", b64(b"bob"), 5])
    def test_the_device_has_to_say_whose_it_is(ada, handle):
        ada.key.handle = handle
        assert refused(ada.login())

    def test_one_that_is_not_registered_is_refused(make_person):
        stranger = make_person()
        stranger.key.handle = b64(b"ada")
        assert refused(stranger.login())

    def test_one_that_was_removed_is_refused(app, ada):
        ada.login()
        (factor,) = app.kept.of_user("ada")
        app.kept.remove(factor.id)
        assert refused(ada.login())

    def test_who_is_shut_out_is_refused(app, ada):
        app.users["ada"].is_active = False
        assert refused(ada.login())
        app.users.clear()
        assert refused(ada.login())

    def test_the_browser_is_remembered_when_asked_to(ada):
        ada.login()
        assert ada.client.get_cookie("remember_token") is None
        ada.login("?remember=1")
        assert ada.client.get_cookie("remember_token") is not None

    # -- as the second --------------------------------------------------------------------------

    def test_after_the_password_one_of_the_users_passkeys_is_asked_for(ada):
        assert ada.post("/password/ada").json == ["passkey"]
        assert ada.whoami == "nobody"
        asked = ada.options()
        assert [each["id"] for each in asked["allowCredentials"]] == [ada.key.id]
        assert asked["allowCredentials"][0]["transports"] == ["internal"]
        assert ada.post("/login", ada.key.get(asked, flags=PRESENT)).status_code == 200
        assert ada.whoami == "ada"
        assert ada.client.get("/how").json == ["pwd", "hwk", "mfa"]
        assert ada.client.get_cookie("remember_token") is not None

    def test_that_of_somebody_else_does_not_finish_a_login(ada, make_person):
        bob = make_person()
        bob.register("bob")
        bob.post("/password/ada")
        assert refused(bob.login())
        assert bob.whoami == "nobody"

    def test_what_was_asked_before_the_password_is_not_the_answer_after_it(ada):
        asked = ada.options()
        ada.post("/password/ada")
        assert refused(ada.post("/login", ada.key.get(asked)))

    def test_what_was_asked_after_the_password_is_no_login_by_itself(ada, clock):
        ada.post("/password/ada")
        clock.move(minutes=8)
        asked = ada.options()
        clock.move(minutes=3)
        assert refused(ada.post("/login", ada.key.get(asked, flags=PRESENT)))

    # -- registration ---------------------------------------------------------------------------

    def test_one_passkey_has_one_owner(app, ada, make_person):
        bob = make_person(ada.key)
        assert refused(bob.register("bob"))
        (factor,) = app.kept.of_user("ada")
        assert (factor.kind, factor.name) == ("passkey", "My laptop")

    def test_devices_that_have_one_are_told(ada):
        ada.login()
        asked = ada.post("/passkeys/options").json
        assert [each["id"] for each in asked["excludeCredentials"]] == [ada.key.id]
        assert asked["user"]["id"] == ada.key.handle, "a device has one of each user"

    def test_a_registration_is_for_the_one_who_began_it(app, make_person):
        person = make_person()
        person.post("/password/ada")
        asked = person.post("/passkeys/options").json
        person.post("/password/bob")
        assert refused(person.post("/passkeys", person.key.create(asked)))
        assert app.kept.of_user("bob") == []

    def test_a_registration_is_no_login(ada):
        ada.login()
        asked = ada.post("/passkeys/options").json
        assert refused(ada.post("/login", ada.key.get({**asked, "rpId": "localhost"})))

    # -- addresses ------------------------------------------------------------------------------

    def test_the_address_is_that_of_the_setting(app, make_person):
        app.config["AUTH_EXTERNAL_URL"] = "https://shop.example/app"
        person = make_person(SoftKey("https://shop.example"))
        assert person.register().status_code == 201
        assert person.options()["rpId"] == "shop.example"

    def test_a_domain_with_several_addresses(app, make_person):
        app.signing_in.passkeys = Passkeys(
            "example.com", "The shop", origins=["https://app.example.com"]
        )
        app.config["AUTH_EXTERNAL_URL"] = "https://www.example.com"
        person = make_person(SoftKey("https://app.example.com"))
        assert person.register().status_code == 201
        person.post("/logout")
        assert person.login().status_code == 200
        assert refused(person.login(origin="https://other.example.com"))

    def test_a_page_of_another_subdomain_does_not_get_in_by_naming_its_host(app, make_person):
        app.signing_in.passkeys = Passkeys("example.com", origins=["https://app.example.com"])
        person = make_person(SoftKey("https://app.example.com"))
        assert person.register().status_code == 201
        evil = {"Host": "evil.example.com", "X-Forwarded-Proto": "https"}
        asked = person.client.post("/login/options", headers=evil).json
        for origin in ("http://evil.example.com", "https://evil.example.com"):
            answer = person.key.get(asked, origin=origin)
            assert refused(person.client.post("/login", json=answer, headers=evil))

    def test_a_passkey_of_the_domain_itself_needs_no_setting(app, make_person):
        app.signing_in.passkeys = Passkeys("localhost")
        assert make_person().register().status_code == 201

    @pytest.mark.parametrize(
        ("url", "origin"),
        [
            ("https://shop.example:443/", "https://shop.example"),
            ("https://Shop.Example", "https://shop.example"),
            ("https://shop.example:8443/app", "https://shop.example:8443"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ],
    )
    def test_an_address_may_be_written_in_other_ways_than_browsers_do(
        app, make_person, url, origin
    ):
        app.config["AUTH_EXTERNAL_URL"] = url
        assert make_person(SoftKey(origin)).register().status_code == 201
        app.signing_in.passkeys = Passkeys("localhost", origins=[url])
        assert make_person(SoftKey(origin)).register("bob").status_code == 201

    def test_an_app_on_a_phone_may_ask_as_well(app, make_person):
        phone = "android:apk-key-hash:Kq2sVTMhqXjFfQ7m0tnfKjzZQCh1EpNkFHwL0YxZ3Xw"
        app.signing_in.passkeys = Passkeys("localhost", origins=[phone])
        assert make_person(SoftKey(phone)).register().status_code == 201

    @pytest.mark.parametrize("host", ["a" * 70 + ".x", "..", "[::1]:80", "x:abc", "[::1", "@"])
    def test_a_host_that_is_none_is_no_error_of_ours(make_person, host):
        answer = make_person().client.post("/login/options", headers={"Host": host})
        assert answer.status_code in (200, 400)

    # -- whatever else --------------------------------------------------------------------------

    JSON = st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
        ),
        max_leaves=8,
    )
    FIELDS = {
        "/passkeys": ["clientDataJSON", "attestationObject"],
        "/login": ["clientDataJSON", "authenticatorData", "signature", "userHandle"],
    }

    @pytest.fixture(scope="module")
    def shop():
        app = make_app("sync")
        shop = Person(app, "wsgi")
        shop.register()
        yield shop
        app.stop()

    @pytest.mark.parametrize("path", FIELDS)
    @settings(max_examples=40)
    @given(data=st.data())
    def test_whatever_is_sent_is_refused(shop, path, data):
        asked = shop.post(f"{path}/options").json
        answer = shop.key.get(asked) if path == "/login" else shop.key.create(asked)
        field = data.draw(st.sampled_from(["id", "rawId", "type", "response", *FIELDS[path]]))
        noise = data.draw(JSON | st.binary(max_size=60).map(b64))
        (answer if field in answer else answer["response"])[field] = noise
        assert refused(shop.post(path, answer))

    @pytest.mark.parametrize("answer", [[], {}, "", 5, {"id": "x"}, {"response": {}}])
    @pytest.mark.parametrize("path", FIELDS)
    def test_what_is_no_answer_is_refused(shop, path, answer):
        shop.post(f"{path}/options")
        assert refused(shop.post(path, answer))

    @pytest.mark.parametrize(("size", "status"), [(1023, 201), (1024, 400)])
    def test_the_name_of_a_passkey_has_a_length(make_person, size, status):
        person = make_person()
        person.key.id = b64(bytes(size))
        assert person.register().status_code == status

    def test_the_log_tells_what_is_wrong_in_a_line_that_can_be_read(make_person, caplog):
        caplog.set_level(logging.INFO)
        person = make_person()
        assert refused(person.register(origin="http://" + "x" * 100_000))
        assert "Unexpected client data origin" in caplog.text
        answer = person.key.create(person.post("/passkeys/options").json)
        answer["response"]["attestationObject"] = b64(b"\x81")
        assert refused(person.post("/passkeys", answer))
        assert "CBOR" in caplog.text
        assert "See __cause__" not in caplog.text
        assert len(caplog.text) < 5000

    @pytest.mark.parametrize("told", [None, "usb", [5, {}, "nfc", "nfc", "made up"]])
    def test_what_a_browser_says_of_the_way_to_a_device_may_be_anything(app, make_person, told):
        person = make_person()
        person.post("/password/ada")
        answer = person.key.create(person.post("/passkeys/options").json)
        answer["response"]["transports"] = told
        assert person.post("/passkeys", answer).status_code == 201
        person.post("/password/ada")
        (asked,) = person.options()["allowCredentials"]
        assert asked.get("transports", []) in ([], ["nfc"])

else:

    def test_without_the_library_it_says_what_to_install(app):
        passkeys = app.signing_in.passkeys
        with app.test_request_context(), pytest.raises(RuntimeError, match=r"auth\[passkey\]"):
            passkeys.login_options()
