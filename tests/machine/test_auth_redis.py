"""Attempts that processes count together, and records of logins, in a real Redis server."""

import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from redis import Redis

from cruse import Cruse
from cruse_auth import Auth, TooManyAttempts, current_user
from cruse_auth.contract import SessionStoreContract
from cruse_auth.redis import RedisStore


def make_app(storage):
    app = Cruse("shop")
    app.config["AUTH_LIMITS_STORAGE"] = storage
    return app, Auth(app)


def test_attempts_are_counted_together(redis_url):
    made = [make_app(f"redis+{redis_url}") for _ in range(2)]  # as two processes have it

    def attempt(number):
        app, auth = made[number % 2]
        with app.app_context():
            try:
                auth.limits.hit("login", "ada")
            except TooManyAttempts as error:
                return error.retry_after
            return None

    began = time.time()
    with ThreadPoolExecutor(8) as threads:
        waits = list(threads.map(attempt, range(20)))
    least = 299 - (time.time() - began)
    assert waits.count(None) == 5
    assert all(least <= wait <= 301 for wait in waits if wait is not None)
    with Redis.from_url(redis_url) as server:
        (key,) = server.keys()
        assert b"ada" not in key
        assert 0 < server.ttl(key) <= 300
    app, auth = made[0]
    with app.app_context():
        auth.limits.clear("login", "ada")
    assert attempt(1) is None


def test_without_the_server_nothing_is_tried(tmp_path, caplog):
    app, auth = make_app(f"redis+unix://:s3cr3t@{tmp_path}/nobody.sock")

    @app.post("/login")
    def login():
        auth.limits.hit("login", "ada")
        return "tried"

    answer = app.test_client().post("/login")
    assert answer.status_code == 503
    assert "The storage of attempts failed: ConnectionError" in caplog.text
    assert "s3cr3t" not in caplog.text + answer.text


# -- records of logins ----------------------------------------------------------------------------


class TestRecords(SessionStoreContract):
    @pytest.fixture(autouse=True)
    def server(self, redis_url):
        self.url = redis_url

    def make_store(self, app):
        return RedisStore(self.url)

    def test_nothing_outlives_what_it_is_for(self, store):
        now = int(time.time())
        store.add(self.record(expires_at=now + 100))
        store.add(self.record("two", expires_at=now + 200, validator=None))
        with Redis.from_url(self.url) as server:
            left = {key.decode(): server.ttl(key) for key in server.keys("*")}
            assert 0 < left.pop("auth:login:one") <= 100
            assert len(left) == 4  # the other record; by user, by subject, by session
            assert all(100 < seconds <= 200 for seconds in left.values())
            store.replace(self.record("two", expires_at=now + 300, validator=None), None)
            assert 200 < server.ttl("auth:user:ada") <= 300
            store.remove_user("ada", None)
            assert server.keys() == []

    def test_a_record_that_ended_leaves_its_indexes_with_the_next(self, store):
        store.add(self.record())
        with Redis.from_url(self.url) as server:
            server.zadd("auth:user:ada", {"gone": 1})
            assert [record.sid for record in store.of_user("ada")] == ["one"]
            store.add(self.record("two"))
            assert server.zcard("auth:user:ada") == 2

    def test_applications_that_share_a_server_have_a_prefix_each(self, app, store):
        store.add(self.record())
        assert RedisStore(self.url, prefix="other:").get("one") is None

    def test_a_client_of_ones_own(self):
        for decode in (False, True):
            with Redis.from_url(self.url, decode_responses=decode) as client:
                store = RedisStore(client)
                store.add(self.record())
                assert store.of_user("ada") == [self.record()]


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_a_login_lasts_as_long_as_its_record(redis_url, gateway):
    app = Cruse("shop")
    app.config["SECRET_KEY"] = "k" * 32
    auth = Auth(app, store=RedisStore(redis_url))
    auth.user_loader(lambda user_id: SimpleNamespace(id=user_id))

    @app.post("/in")
    async def log_in():
        return str(await auth.alogin(SimpleNamespace(id="ada"), remember=True))

    @app.get("/")
    def whoami():
        return current_user.id if current_user else "nobody"

    browser = app.test_client(gateway=gateway)
    assert browser.post("/in").text == "True"
    browser.delete_cookie("session")
    assert browser.get("/").text == "ada", "the browser is remembered"
    with app.app_context():
        assert auth.logout_everywhere("ada") == 1
    assert browser.get("/").text == "nobody"
    app.stop()


def test_without_the_server_nobody_is_let_in(tmp_path, caplog):
    app = Cruse("shop")
    app.config["SECRET_KEY"] = "k" * 32
    auth = Auth(app, store=RedisStore(f"unix://:s3cr3t@{tmp_path}/nobody.sock"))

    @app.post("/in")
    def log_in():
        return str(auth.login(SimpleNamespace(id="ada")))

    answer = app.test_client().post("/in")
    assert answer.status_code == 503
    assert "The store of logins failed: ConnectionError" in caplog.text
    assert "s3cr3t" not in caplog.text + answer.text
    app.stop()
