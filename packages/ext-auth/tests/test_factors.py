"""Second factors: codes of an app, recovery codes, and a login that waits for one."""

import importlib.util
import random
import re
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

import pytest

from cruse import Cruse, redirect, request, session
from cruse_auth import (
    Auth,
    LastFactor,
    MemoryFactors,
    MemoryStore,
    UserMixin,
    current_user,
    login_required,
    user_factors_changed,
)
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
def gateway(face):
    return face[1]


@pytest.fixture
def app(face):
    colour = face[0]
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

    @app.get("/inside")
    @login_required
    def inside():
        return "inside"

    @app.get("/how")
    def how():
        pending = auth.factors.pending
        return {
            "methods": auth.factors.methods,
            "pending": None if pending is None else [pending.user_id, *pending.needs],
        }

    @app.post("/totp/start")
    def start():
        new = auth.factors.start_totp("ada@example.com")
        return {"secret": new.secret, "uri": new.uri}

    @app.get("/session")
    def show_session():
        return dict(session)

    yield app
    app.stop()


def plain_views(app, auth):
    @app.post("/login/<name>")
    def login(name):
        step = auth.factors.login(app.users[name], remember="remember" in request.form)
        return {"in": bool(step), "needs": step.needs}

    @app.post("/finish")
    def finish():
        return redirect("/") if auth.factors.finish(request.form["code"]) else ("no", 401)

    @app.post("/totp")
    def add():
        factor = auth.factors.add_totp(request.form["code"], request.form.get("name", ""))
        return (factor.id, 201) if factor else ("no", 422)

    @app.post("/recovery")
    def recovery():
        return auth.factors.renew_recovery_codes()

    @app.get("/factors")
    def listed():
        return [[factor.kind, factor.name] for factor in auth.factors.of_user()]

    @app.post("/factors/<factor_id>/remove")
    def remove(factor_id):
        try:
            return str(auth.factors.remove(factor_id, last="last" in request.form))
        except LastFactor:
            return "last", 409

    @app.post("/forget")
    def forget():
        auth.factors.remove_all()
        return "", 204

    @app.post("/check")
    def check():
        return str(auth.factors.check(request.json["code"]))


def async_views(app, auth):
    @app.post("/login/<name>")
    async def login(name):
        step = await auth.factors.alogin(app.users[name], remember="remember" in request.form)
        return {"in": bool(step), "needs": step.needs}

    @app.post("/finish")
    async def finish():
        return redirect("/") if await auth.factors.afinish(request.form["code"]) else ("no", 401)

    @app.post("/totp")
    async def add():
        name = request.form.get("name", "")
        factor = await auth.factors.aadd_totp(request.form["code"], name)
        return (factor.id, 201) if factor else ("no", 422)

    @app.post("/recovery")
    async def recovery():
        return await auth.factors.arenew_recovery_codes()

    @app.get("/factors")
    async def listed():
        return [[factor.kind, factor.name] for factor in await auth.factors.aof_user()]

    @app.post("/factors/<factor_id>/remove")
    async def remove(factor_id):
        try:
            return str(await auth.factors.aremove(factor_id, last="last" in request.form))
        except LastFactor:
            return "last", 409

    @app.post("/forget")
    async def forget():
        await auth.factors.aremove_all()
        return "", 204

    @app.post("/check")
    async def check():
        return str(await auth.factors.acheck(request.json["code"]))


if importlib.util.find_spec("pyotp") and importlib.util.find_spec("limits"):
    import pyotp

    class Person:
        """Somebody with a browser and an authenticator app."""

        def __init__(self, app, gateway, clock):
            self.app, self.clock = app, clock
            self.client = app.test_client(gateway=gateway)
            self.secret = None

        def post(self, path, **data):
            return self.client.post(path, data=data)

        def code(self, steps=0):
            return pyotp.TOTP(self.secret).at(int(self.clock.time()) + 30 * steps)

        def login(self, name="ada", **data):
            return self.post(f"/login/{name}", **data).json

        def enrol(self, name="Phone", user="ada"):
            """Log in and add the app; the next code is a new one."""
            self.login(user)
            self.secret = self.post("/totp/start").json["secret"]
            answer = self.post("/totp", code=self.code(), name=name)
            assert answer.status_code == 201, answer.text
            self.clock.move(seconds=30)
            return answer.text

        def finish(self, code):
            return self.post("/finish", code=code).status_code

        @property
        def whoami(self):
            return self.client.get("/whoami").text

        @property
        def how(self):
            return self.client.get("/how").json

    @pytest.fixture
    def ada(app, gateway, clock, monkeypatch):
        # The middle of a step, and secrets that are the same each time: of a million codes one is
        # that of another step, or the one that a test takes for wrong.
        clock.now = lambda: 1_900_000_005
        chance = random.Random(7)  # noqa: S311
        monkeypatch.setattr(
            pyotp, "random_base32", lambda: "".join(chance.choices("ABCDEFGHIJKLMNOP", k=32))
        )
        return Person(app, gateway, clock)

    # -- codes of an app ------------------------------------------------------------------------

    def test_without_factors_a_login_is_one_step(ada):
        assert ada.login() == {"in": True, "needs": []}
        assert (ada.whoami, ada.how["methods"]) == ("ada", ["pwd"])

    def test_with_an_app_nobody_is_logged_in_before_its_code(ada):
        ada.enrol()
        assert ada.login() == {"in": False, "needs": ["totp"]}
        assert ada.whoami == "nobody"
        assert ada.client.get("/inside").status_code == 401
        assert ada.how == {"methods": [], "pending": ["ada", "totp"]}
        assert ada.finish("000000") == 401
        assert ada.whoami == "nobody"
        assert ada.finish(ada.code()) == 303
        assert ada.whoami == "ada"
        assert ada.how == {"methods": ["pwd", "otp", "mfa"], "pending": None}

    def test_a_code_is_good_once_in_any_browser(app, ada, gateway, clock):
        ada.enrol()
        thief = Person(app, gateway, clock)
        thief.login()
        ada.login()
        code = ada.code()
        assert ada.finish(code) == 303
        assert thief.finish(code) == 401

    def test_the_code_that_added_the_app_is_used_up(ada):
        ada.login()
        ada.secret = ada.post("/totp/start").json["secret"]
        code = ada.code()
        assert ada.post("/totp", code=code).status_code == 201
        ada.login()
        assert ada.finish(code) == 401

    def test_a_code_older_than_one_that_was_used_is_refused(ada):
        ada.enrol()
        older, newer = ada.code(), ada.code(1)
        ada.login()
        assert ada.finish(newer) == 303
        ada.login()
        assert ada.finish(older) == 401

    @pytest.mark.parametrize(
        ("steps", "status"), [(-2, 401), (-1, 303), (0, 303), (1, 303), (2, 401)]
    )
    def test_clocks_may_differ_by_a_step(ada, steps, status):
        ada.enrol()
        ada.clock.move(minutes=5)
        ada.login()
        assert ada.finish(ada.code(steps)) == status

    def test_blanks_in_a_code_do_not_matter(ada):
        ada.enrol()
        ada.login()
        code = ada.code()
        assert ada.finish(f" {code[:3]} {code[3:]} ") == 303

    @pytest.mark.parametrize(
        "code",
        [
            "",
            "12345",
            "1234567",
            "x" * 100_000,
            "١٢٣٤٥٦",
            "\ud800",
            "\0",
            "-" * 24,
            123456,
            None,
            [],
        ],
    )
    def test_what_is_no_code_is_refused(ada, code):
        ada.enrol()
        assert ada.client.post("/check", json={"code": code}).text == "False"

    def test_guessing_is_stopped_for_the_account_in_all_browsers(app, ada, gateway, clock):
        ada.enrol()
        for _ in range(5):
            thief = Person(app, gateway, clock)
            thief.login()
            assert thief.finish("000000") == 401
        ada.login()
        refused = ada.post("/finish", code=ada.code())
        assert (refused.status_code, "Retry-After" in refused.headers) == (429, True)
        clock.move(minutes=5)
        assert ada.finish(ada.code()) == 303

    def test_an_account_of_nearly_that_name_does_not_help_to_guess(app, ada):
        app.users["ADA"] = User("ADA")
        ada.enrol()
        ada.enrol(name="Mine", user="ADA")
        ada.login()
        assert [ada.finish("000000") for _ in range(5)] == [401] * 5
        ada.clock.move(seconds=30)
        ada.login("ADA")
        assert ada.finish(ada.code()) == 303
        ada.login("ada")
        assert ada.finish("000000") == 429

    def test_the_app_is_named_by_its_uri(app, ada):
        ada.login()
        new = ada.post("/totp/start").json
        uri = urlsplit(new["uri"])
        assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/shop:ada%40example.com")
        assert parse_qs(uri.query) == {"secret": [new["secret"]], "issuer": ["shop"]}

    def test_an_app_counts_only_after_its_first_code(ada):
        ada.login()
        assert ada.post("/totp", code="123456").status_code == 422
        ada.secret = ada.post("/totp/start").json["secret"]
        assert ada.post("/totp", code="12345x").status_code == 422
        assert ada.login() == {"in": True, "needs": []}

    def test_the_secret_of_a_new_app_is_for_the_one_who_asked(ada):
        ada.login()
        ada.secret = ada.post("/totp/start").json["secret"]
        cookie = ada.client.get_cookie("session").value
        ada.login("bob")
        assert ada.post("/totp", code=ada.code()).status_code == 422, "it went with the login"
        assert ada.secret not in cookie

    def test_an_app_is_added_once_though_its_session_is_sent_again(app, ada):
        ada.login()
        ada.secret = ada.post("/totp/start").json["secret"]
        cookie = ada.client.get_cookie("session").value
        assert ada.post("/totp", code=ada.code()).status_code == 201
        ada.client.set_cookie("session", cookie)
        ada.clock.move(seconds=30)
        assert ada.post("/totp", code=ada.code()).status_code == 422
        assert len(app.kept.of_user("ada")) == 1

    def test_the_store_does_not_have_the_secret(app, ada):
        ada.enrol()
        (factor,) = app.kept.of_user("ada")
        assert ada.secret not in str((factor.data, factor.id, factor))
        app.kept.add(replace(factor, id="stolen", user_id="bob"))
        ada.login("bob")
        assert ada.finish(ada.code()) == 401, "a secret moved to another user opens nothing"

    def test_old_keys_open_secrets_and_are_not_needed_after_the_next_use(app, ada, caplog):
        ada.enrol()
        app.config.update(SECRET_KEY="n" * 32, SECRET_KEY_FALLBACKS=["k" * 32])
        ada.login()
        assert ada.finish(ada.code()) == 303
        app.config["SECRET_KEY_FALLBACKS"] = []
        ada.clock.move(seconds=30)
        ada.login()
        assert ada.finish(ada.code()) == 303
        app.config["SECRET_KEY"] = "x" * 32
        ada.login()
        ada.clock.move(seconds=30)
        assert ada.finish(ada.code()) == 401
        assert "No key opens the secret" in caplog.text

    # -- a login that is pending ----------------------------------------------------------------

    def test_a_login_that_begins_ends_the_one_before(ada):
        ada.enrol()
        ada.login("bob")
        assert ada.whoami == "bob"
        ada.login()
        assert ada.whoami == "nobody"

    def test_who_is_logged_in_can_be_asked_for_the_second_step(app, ada):
        @app.post("/step-up")
        async def step_up():
            return list((await app.signing_in.factors.alogin(current_user, methods=["fed"])).needs)

        @app.post("/once-more")
        def once_more():
            return str(bool(app.signing_in.factors.login(current_user)))

        ada.enrol()
        assert ada.post("/step-up").json == ["totp"]
        assert ada.whoami == "nobody"
        assert ada.finish(ada.code()) == 303
        assert ada.how["methods"] == ["fed", "otp", "mfa"]
        ada.login("bob")
        assert (ada.post("/once-more").text, ada.whoami) == ("True", "bob")

    def test_a_pending_login_lasts_ten_minutes(ada):
        ada.enrol()
        ada.login()
        ada.clock.move(minutes=10)
        assert ada.how["pending"] is None
        assert ada.finish(ada.code()) == 401

    def test_without_a_pending_login_there_is_nothing_to_finish(ada):
        ada.enrol()
        ada.post("/login/bob")
        assert ada.finish(ada.code()) == 401
        assert ada.whoami == "bob"

    def test_who_is_shut_out_meanwhile_does_not_get_in(app, ada):
        ada.enrol()
        for change in (lambda: setattr(app.users["ada"], "is_active", False), app.users.clear):
            ada.login()
            change()
            assert ada.finish(ada.code()) == 401
            assert ada.whoami == "nobody"
            app.users["ada"] = User("ada")

    def test_who_is_shut_out_does_not_begin(app, ada):
        app.users["ada"].is_active = False
        assert ada.login() == {"in": False, "needs": []}
        assert ada.whoami == "nobody"

    def test_the_browser_is_remembered_after_the_second_step_only(ada):
        ada.enrol()
        ada.client.delete_cookie("remember_token")
        ada.login(remember="yes")
        assert ada.client.get_cookie("remember_token") is None
        assert ada.finish(ada.code()) == 303
        assert ada.client.get_cookie("remember_token") is not None
        ada.client.delete_cookie("session")
        assert (ada.whoami, ada.how["methods"]) == ("ada", [])

    @pytest.mark.parametrize("seconds", [0, -5])
    def test_no_time_to_be_remembered_is_told_before_the_second_step(app, ada, seconds):
        ada.enrol()
        with app.test_request_context(), pytest.raises(ValueError, match="for some seconds"):
            app.signing_in.factors.login(app.users["ada"], remember=True, duration=seconds)

    def test_the_session_is_a_new_one_after_both_steps(app, ada):
        @app.post("/cart")
        def cart():
            session["cart"] = "a book"
            return ""

        ada.enrol()
        ada.post("/cart")
        ada.login()
        assert set(ada.client.get("/session").json) == {"_auth_pending"}
        ada.post("/cart")
        ada.finish(ada.code())
        assert "cart" not in ada.client.get("/session").json

    def test_somebody_logged_in_can_be_asked_for_a_code(ada):
        ada.enrol()
        code = ada.code()
        answers = [ada.client.post("/check", json={"code": code}).text for _ in range(2)]
        assert answers == ["True", "False"]

    # -- recovery codes -------------------------------------------------------------------------

    def test_recovery_codes_are_good_once_each(ada):
        ada.enrol()
        codes = ada.post("/recovery").json
        assert len(set(codes)) == 10
        assert all(re.fullmatch(r"([a-z2-9]{6}-){3}[a-z2-9]{6}", code) for code in codes)
        assert ada.login()["needs"] == ["recovery", "totp"]
        assert ada.finish(codes[0]) == 303
        assert ada.how["methods"] == ["pwd", "otp", "mfa"]
        ada.login()
        assert ada.finish(codes[0]) == 401
        assert ada.finish(codes[1].upper().replace("-", " ")) == 303
        assert ada.client.get("/factors").json.count(["recovery", ""]) == 8

    def test_new_recovery_codes_end_those_before(ada):
        ada.enrol()
        old, new = ada.post("/recovery").json, ada.post("/recovery").json
        ada.login()
        assert ada.finish(old[0]) == 401
        assert ada.finish(new[0]) == 303

    def test_recovery_codes_are_for_their_owner_and_kept_as_hashes(app, ada):
        ada.enrol()
        codes = ada.post("/recovery").json
        kept = str([(each.id, each.data) for each in app.kept.of_user("ada")])
        assert not any(code in kept or code.replace("-", "") in kept for code in codes)
        app.kept.add(replace(app.kept.of_user("ada")[0], id="bobs", user_id="bob"))
        ada.login("bob")
        assert ada.finish(codes[0]) == 401

    def test_recovery_codes_alone_are_no_second_factor(ada):
        ada.login()
        ada.post("/recovery")
        assert ada.login() == {"in": True, "needs": []}

    # -- removing -------------------------------------------------------------------------------

    def test_the_last_factor_is_removed_only_when_meant(app, ada):
        factor = ada.enrol()
        ada.post("/recovery")
        assert ada.post(f"/factors/{factor}/remove").status_code == 409
        ada.login("bob")
        assert ada.post(f"/factors/{factor}/remove", last="1").text == "False"
        ada.login()
        ada.finish(ada.code())
        assert ada.post(f"/factors/{factor}/remove", last="1").text == "True"
        assert app.kept.of_user("ada") == [], "the recovery codes are for nothing then"
        assert ada.login() == {"in": True, "needs": []}

    def test_of_the_last_two_that_are_removed_at_once_one_stays(app, ada):
        factor = ada.enrol()
        app.kept.add(replace(app.kept.get(factor), id="other"))
        ada.post("/recovery")
        remove = app.kept.remove

        def remove_both(factor_id):  # the other one by another request, just before
            remove("other")
            return remove(factor_id)

        ada.login()
        ada.finish(ada.code())
        app.kept.remove = remove_both
        assert ada.post(f"/factors/{factor}/remove").status_code == 409
        assert ada.login() == {"in": False, "needs": ["recovery", "totp"]}

    def test_all_that_somebody_has_goes_with_the_account(app, ada):
        ada.enrol()
        ada.post("/recovery")
        app.kept.add(replace(app.kept.of_user("ada")[0], id="bobs", user_id="bob"))
        assert ada.post("/forget").status_code == 204
        assert (app.kept.of_user("ada"), len(app.kept.of_user("bob"))) == ([], 1)

    def test_changes_are_told(app, ada):
        told = []

        def receive(sender, user_id, kind, change):
            told.append((user_id, kind, change))

        with user_factors_changed.connected_to(receive, app):
            factor = ada.enrol()
            codes = ada.post("/recovery").json
            ada.login()
            ada.finish(codes[0])
            ada.post(f"/factors/{factor}/remove", last="1")
        assert told == [
            ("ada", "totp", "added"),
            ("ada", "recovery", "added"),
            ("ada", "recovery", "used"),
            ("ada", "totp", "removed"),
        ]

    def test_nobody_has_any_number_of_factors(app, ada):
        factor_id = ada.enrol()
        kept = app.kept.get(factor_id)
        for number in range(49):
            app.kept.add(replace(kept, id=str(number)))
        ada.login()
        ada.finish(ada.code())
        ada.secret = ada.post("/totp/start").json["secret"]
        assert ada.post("/totp", code=ada.code()).status_code == 400

    @pytest.mark.parametrize(
        ("name", "kept"), [("x" * 5000, "x" * 100), ("a\0b\n\u202ec", "abc"), ("été", "été")]
    )
    def test_a_name_is_short_and_can_be_read(app, ada, name, kept):
        ada.enrol(name)
        assert app.kept.of_user("ada")[0].name == kept

else:

    def test_without_the_library_it_says_what_to_install(app):
        with app.test_request_context(), pytest.raises(RuntimeError, match=r"cruse-auth\[totp\]"):
            app.signing_in.factors.start_totp("ada", "1")


def test_without_a_store_it_says_what_to_do():
    app = Cruse("shop")
    auth = Auth(app)
    with app.app_context(), pytest.raises(RuntimeError, match="SQLFactors"):
        auth.factors.of_user("ada")
    app.stop()
