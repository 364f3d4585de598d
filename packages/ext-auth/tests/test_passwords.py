"""Passwords: how new ones are judged, and how they are checked."""

import importlib.util
import json

import pytest
from werkzeug.security import generate_password_hash

from cruse import Cruse, request
from cruse_auth import Auth
from cruse_auth.passwords import Passwords, WeakPassword

if importlib.util.find_spec("pwdlib") is not None:
    from pwdlib.exceptions import UnknownHashError
    from pwdlib.hashers.argon2 import Argon2Hasher

    #: As cheap as it can be, and a little dearer.
    CHEAP = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}
    DEARER = {**CHEAP, "time_cost": 2}
    GOOD = "correct horse battery staple"

    class CountingHasher(Argon2Hasher):
        """Counts how often it worked."""

        work = 0

        def verify(self, password, hash):
            self.work += 1
            return super().verify(password, hash)

        def hash(self, password, *, salt=None):
            self.work += 1
            return super().hash(password, salt=salt)

    @pytest.fixture
    def app():
        app = Cruse("shop")
        app.config.update(TESTING=True, SECRET_KEY="x" * 32)
        auth = app.signing_in = Auth(app)
        auth.passwords = Passwords([CountingHasher(**CHEAP)])
        hashes = app.hashes = {}

        def problem(error):
            return str(error), 422

        @app.post("/hash")
        def make():
            try:
                hashes["ada"] = auth.passwords.hash(request.json["password"], ["Ada", "shop"])
            except WeakPassword as error:
                return problem(error)
            return "ok"

        @app.post("/hash-async")
        async def make_async():
            try:
                hashes["ada"] = await auth.passwords.ahash(request.json["password"], ["Ada"])
            except WeakPassword as error:
                return problem(error)
            return "ok"

        def answer(checked, user):
            if checked and checked.new_hash:
                hashes[user] = checked.new_hash
            return ("in", 200) if checked else ("Wrong name or password.", 401)

        @app.post("/check/<user>")
        def check(user):
            return answer(auth.passwords.check(request.json["password"], hashes.get(user)), user)

        @app.post("/check-async/<user>")
        async def check_async(user):
            hashed = hashes.get(user)
            return answer(await auth.passwords.acheck(request.json["password"], hashed), user)

        yield app
        app.stop()

    @pytest.fixture(params=["", "-async"])
    def suffix(request):
        return request.param

    @pytest.fixture
    def ask(app, gateway, suffix):
        """Send a password to ``hash`` or to ``check``; return status and text."""
        client = app.test_client(gateway=gateway)

        def ask(what, password, user=None):
            url = f"/{what}{suffix}" + ("" if user is None else f"/{user}")
            data = json.dumps({"password": password})
            answer = client.post(url, data=data, content_type="application/json")
            return answer.status_code, answer.text

        return ask

    @pytest.mark.parametrize(
        "password",
        [GOOD, "x" * 8, "        ", "pässwörd", "密码密码密码密码", "x" * 1024, "\0" * 8],
    )
    def test_any_password_of_some_length_is_taken_and_kept_whole(app, ask, password):
        assert ask("hash", password) == (200, "ok")
        assert app.hashes["ada"].startswith("$argon2id$")
        assert ask("check", password, "ada") == (200, "in")
        for other in (password[:-1], password + "x", password.swapcase() + "!", ""):
            assert ask("check", other, "ada")[0] == 401

    @pytest.mark.parametrize(
        ("password", "reason"),
        [
            ("short", "at least 8 characters"),
            ("", "at least 8 characters"),
            ("x" * 1025, "longer than 1024"),
            ("half a \ud800 character", "no text at all"),
            (12345678, "no text at all"),
        ],
        ids=["short", "empty", "long", "surrogate", "number"],
    )
    def test_a_new_password_that_is_refused_says_why(ask, password, reason):
        status, text = ask("hash", password)
        assert (status, reason in text) == (422, True)

    def test_a_password_that_is_the_name_is_refused(app):
        with app.app_context(), pytest.raises(WeakPassword, match="easy to guess"):
            app.signing_in.passwords.hash("ADA@example.com", ["ada@Example.com"])

    def test_the_least_length_is_a_setting(app, ask):
        app.config["AUTH_PASSWORD_MIN_LENGTH"] = 15
        assert ask("hash", "x" * 14)[0] == 422
        assert ask("hash", "x" * 15)[0] == 200

    @pytest.mark.parametrize("colour", ["plain", "async"])
    def test_a_password_from_a_list_of_thieves_is_refused(app, ask, colour):
        async def known_async(password):
            return password == "password1"

        app.signing_in.passwords.breached(
            known_async if colour == "async" else lambda password: password == "password1"
        )
        assert "known from a theft" in ask("hash", "password1")[1]
        assert ask("hash", "password2")[0] == 200

    def test_the_keyboard_it_was_typed_on_does_not_matter(ask):
        assert ask("hash", "cafe\N{COMBINING ACUTE ACCENT} noir")[0] == 200
        assert ask("check", "caf\N{LATIN SMALL LETTER E WITH ACUTE} noir", "ada")[0] == 200

    @pytest.mark.parametrize("password", ["wrong but long", "x" * 5000, "\ud800", "", 5, None, []])
    def test_who_is_unknown_gets_the_same_answer_after_the_same_work(app, ask, password):
        hasher = app.signing_in.passwords.hasher.hashers[0]
        ask("hash", GOOD)
        ask("check", GOOD, "ada")
        outcomes = set()
        for user in ("ada", "nobody"):
            before = hasher.work
            outcomes.add((*ask("check", password, user), hasher.work - before))
        assert outcomes == {(401, "Wrong name or password.", 1)}

    def test_a_hash_that_is_too_cheap_is_replaced_at_the_login(app, ask):
        ask("hash", GOOD)
        old = app.hashes["ada"]
        app.signing_in.passwords = Passwords([Argon2Hasher(**DEARER)])
        for passwords, password, replaced in (
            ("wrong", "wrong", False),
            ("right", GOOD, True),
        ):
            ask("check", password, "ada")
            assert (app.hashes["ada"] != old) is replaced, passwords
        new = app.hashes["ada"]
        assert "t=2" in new
        assert ask("check", GOOD, "ada")[0] == 200
        assert app.hashes["ada"] == new, "once is enough"

    @pytest.mark.parametrize("method", ["scrypt:1024:8:1", "pbkdf2:sha256:1"])
    def test_hashes_of_werkzeug_are_understood_and_replaced(app, ask, method):
        app.hashes["ada"] = generate_password_hash(GOOD, method)
        assert ask("check", "wrong", "ada")[0] == 401
        assert app.hashes["ada"].startswith(method[:6])
        assert ask("check", GOOD, "ada")[0] == 200
        assert app.hashes["ada"].startswith("$argon2id$")
        assert ask("check", GOOD, "ada")[0] == 200

    def test_a_hash_of_another_kind_is_an_error_of_ours(app):
        with app.app_context(), pytest.raises(UnknownHashError):
            app.signing_in.passwords.check(GOOD, "$unknown$")

    def test_neither_hash_nor_password_is_in_a_repr(app):
        with app.app_context():
            passwords = app.signing_in.passwords
            checked = passwords.check(GOOD, generate_password_hash(GOOD, "pbkdf2:sha256:1"))
        assert checked.new_hash
        assert "argon2" not in repr(checked)

else:

    def test_without_the_library_it_says_what_to_install():
        app = Cruse("shop")
        auth = Auth(app)
        with app.app_context(), pytest.raises(RuntimeError, match=r"cruse-auth\[password\]"):
            auth.passwords.check("x", None)
        app.stop()
