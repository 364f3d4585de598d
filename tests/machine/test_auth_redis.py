"""Attempts that processes count together, in a real Redis server."""

from concurrent.futures import ThreadPoolExecutor

from redis import Redis

from cruse import Cruse
from cruse_auth import Auth, TooManyAttempts


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

    with ThreadPoolExecutor(8) as threads:
        waits = list(threads.map(attempt, range(20)))
    assert waits.count(None) == 5
    assert all(295 <= wait <= 301 for wait in waits if wait is not None)
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
