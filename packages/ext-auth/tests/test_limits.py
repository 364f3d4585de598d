"""How often something may be tried: by account, by address, and what is said then."""

import hmac
import importlib.util
import time

import pytest

from cruse import Cruse, request
from cruse.extension import SettingsError
from cruse_auth import Auth, Limits, Rule, TooManyAttempts

if importlib.util.find_spec("limits") is not None:
    from limits.aio.storage import MemoryStorage as AsyncMemoryStorage
    from limits.errors import StorageError
    from limits.storage import MemoryStorage

    @pytest.fixture
    def app():
        app = Cruse("shop")
        app.config.update(TESTING=True, SECRET_KEY="x" * 32, TRUSTED_PROXIES=1)
        auth = app.signing_in = Auth(app)

        def answer(name):
            return "in" if request.form["password"] == "right" else ("no", 401)

        @app.post("/login")
        def login():
            name = request.form["name"]
            auth.limits.hit("login", name)
            if request.form["password"] == "right":
                auth.limits.clear("login", name)
            return answer(name)

        @app.post("/login-async")
        async def login_async():
            name = request.form["name"]
            await auth.limits.ahit("login", name)
            if request.form["password"] == "right":
                await auth.limits.aclear("login", name)
            return answer(name)

        yield app
        app.stop()

    @pytest.fixture(params=["", "-async"])
    def attempt(request, app, gateway):
        """Try to log in from an address; return the answer."""
        client = app.test_client(gateway=gateway)

        def attempt(name="ada", word="wrong", address="192.0.2.1"):
            data = {"name": name, "password": word}
            headers = {"X-Forwarded-For": address}
            return client.post(f"/login{request.param}", data=data, headers=headers)

        return attempt

    def statuses(answers):
        return [answer.status_code for answer in answers]

    def test_the_sixth_wrong_password_waits_and_others_do_not(attempt, clock):
        assert statuses(attempt() for _ in range(5)) == [401] * 5
        refused = attempt(word="right")
        assert refused.status_code == 429
        assert refused.headers["Retry-After"] == "300"
        assert attempt("bob", "right").status_code == 200
        clock.move(seconds=300)
        assert attempt(word="right").status_code == 200

    def test_who_does_not_exist_waits_as_long(attempt, clock):
        ada, nobody = ([attempt(name) for _ in range(6)][-1] for name in ("ada", "nobody"))
        assert (ada.status_code, ada.data) == (nobody.status_code, nobody.data)
        assert ada.headers["Retry-After"] == nobody.headers["Retry-After"]

    def test_the_name_may_be_written_in_any_way(attempt):
        for name in ("ada", "Ada", " ADA ", "\N{FULLWIDTH LATIN SMALL LETTER A}da", "aDa"):
            attempt(name)
        assert attempt("ada").status_code == 429

    def test_a_name_that_takes_long_to_compare_is_cut(app):
        # Sorting the accents of one letter takes the square of their number: a minute for these.
        name = "a" + "\u0300\u0327" * 100_000
        with app.app_context():
            app.signing_in.limits.rules["login"] = Rule("1 per hour")
            started = time.process_time()
            app.signing_in.limits.hit("login", name)
            assert time.process_time() - started < 10
            with pytest.raises(TooManyAttempts):
                app.signing_in.limits.hit("login", name)

    def test_what_is_no_text_is_counted_as_well(app):
        with app.app_context():
            for account in (5, ["ada"], {}, True):
                for _ in range(5):
                    app.signing_in.limits.hit("login", account)
                with pytest.raises(TooManyAttempts):
                    app.signing_in.limits.hit("login", account)

    def test_other_addresses_share_the_count_of_an_account(attempt):
        for number in range(5):
            attempt(address=f"192.0.2.{number}")
        assert attempt(address="198.51.100.1").status_code == 429

    def test_a_right_one_forgets_those_before(attempt):
        for _ in range(3):
            assert statuses(attempt() for _ in range(4)) == [401] * 4
            assert attempt(word="right").status_code == 200

    @pytest.mark.parametrize(
        ("addresses", "other"),
        [
            (["192.0.2.1"], "192.0.2.2"),
            (["2001:db8::1", "2001:db8::ffff:2"], "2001:db8:0:1::1"),
            (["192.0.2.1", "::ffff:192.0.2.1"], "::ffff:192.0.2.2"),
        ],
        ids=["IPv4", "IPv6", "mapped"],
    )
    def test_an_address_that_tries_many_accounts_waits(attempt, addresses, other):
        for number in range(30):
            attempt(f"user {number}", "right", addresses[number % len(addresses)])
        last = attempt("user", "right", addresses[-1])
        assert (last.status_code, 0 < int(last.headers["Retry-After"]) <= 60) == (429, True)
        assert attempt("user", "right", other).status_code == 200

    def test_an_address_over_its_limit_uses_up_no_account(app, attempt):
        app.signing_in.limits.rules["login"] = Rule("2 per hour", "2 per hour")
        for _ in range(10):
            attempt("bob")
            attempt("ada", address="192.0.2.9")
        app.signing_in.limits.rules["login"] = Rule("4 per hour")
        assert attempt("bob", address="192.0.2.2").status_code == 401

    def test_several_limits_hold_together(app, attempt, clock):
        app.signing_in.limits.rules["login"] = Rule("2 per minute; 3 per hour")
        assert statuses(attempt() for _ in range(3)) == [401, 401, 429]
        clock.move(minutes=1)
        assert attempt().status_code == 401
        clock.move(minutes=1)
        assert int(attempt().headers["Retry-After"]) > 3000

    @pytest.mark.parametrize("text", ["often", "5 per fortnight", "5 per minute; 50"])
    def test_a_rule_that_is_none_is_told_at_once(text):
        for rule in (Rule(text), Rule(address=text)):
            with pytest.raises(ValueError, match="'login'"):
                Limits(rules={"login": rule})

    def test_an_action_of_ones_own(app):
        limits = app.signing_in.limits = Limits(rules={"export": Rule("1 per day")})
        with app.app_context():
            limits.hit("export", "ada")
            limits.hit("login", "ada")
            with pytest.raises(TooManyAttempts):
                limits.hit("export", "ada")
            with pytest.raises(KeyError):
                limits.hit("expert", "ada")

    def test_outside_of_requests_there_is_no_address(app):
        with app.app_context():
            for number in range(40):
                app.signing_in.limits.hit("login", str(number))

    def test_a_storage_with_async_methods(app, attempt):
        app.signing_in.limits = Limits(AsyncMemoryStorage())
        assert statuses(attempt() for _ in range(6)) == [401] * 5 + [429]

    def test_without_its_storage_nothing_is_tried(app, attempt, caplog):
        class Broken(MemoryStorage):
            def incr(self, *args, **kwargs):
                raise StorageError(ConnectionError("redis://:s3cr3t@nowhere"))

        app.signing_in.limits = Limits(Broken())
        refused = attempt(word="right")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert "The storage of attempts failed: ConnectionError" in caplog.text
        assert "s3cr3t" not in caplog.text + refused.text

    @pytest.mark.parametrize("uri", ["nowhere://:s3cr3t@x", "redis"])
    def test_a_storage_that_does_not_exist_is_told_at_start(app, uri):
        app.config["AUTH_LIMITS_STORAGE"] = uri
        with pytest.raises(SettingsError, match="AUTH_LIMITS_STORAGE") as raised:
            app.test_client().get("/")
        assert "s3cr3t" not in str(raised.value)

    def test_applications_that_share_a_storage_count_for_themselves(app):
        # Else somebody who has an account of that name in the other one forgets the attempts here.
        other = Cruse("shop")
        other.config.update(TESTING=True, SECRET_KEY="y" * 32)
        auth = app.signing_in
        auth.init_app(other)
        auth.limits = Limits(MemoryStorage(), rules={"login": Rule("1 per hour")})
        with app.app_context():
            auth.limits.hit("login", "ada")
        with other.app_context():
            auth.limits.hit("login", "ada")
            auth.limits.clear("login", "ada")
        with app.app_context(), pytest.raises(TooManyAttempts):
            auth.limits.hit("login", "ada")
        other.stop()

    def keys_of(app, secret, account="ada"):
        app.config["SECRET_KEY"] = secret
        storage = MemoryStorage()
        app.signing_in.limits = Limits(storage)
        with app.app_context():
            app.signing_in.limits.hit("login", account)
        return set(storage.storage)

    def test_who_keeps_the_counters_cannot_tell_whose_they_are(app):

        assert keys_of(app, "x" * 32) == keys_of(app, "x" * 32)
        assert keys_of(app, "x" * 32).isdisjoint(keys_of(app, "y" * 32)), "a hash to look up"

    def test_no_name_makes_a_counter_of_another_key_of_the_application(app):
        sealing = hmac.digest(b"x" * 32, b"cruse-auth.sealing", "sha256").hex()
        assert sealing not in str(keys_of(app, "x" * 32, "cruse-auth.sealing"))

    def test_each_application_counts_for_itself(app):
        other = Cruse("other")
        other.config["TESTING"] = True
        auth = app.signing_in
        auth.init_app(other)
        for each in (app, other):
            with each.app_context():
                for _ in range(5):
                    auth.limits.hit("login", "ada")
        other.stop()

else:

    def test_without_the_library_it_says_what_to_install():
        app = Cruse("shop")
        auth = Auth(app)
        with app.app_context(), pytest.raises(RuntimeError, match=r"cruse-auth\[limits\]"):
            auth.limits.hit("login", "ada")
        app.stop()
