"""Sessions in a real Redis server: shared by processes, ended by it, and what if it is away."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from cruse import Cruse, session
from cruse.stores import RedisStore


def make_app(store, **config):
    app = Cruse("shop")
    app.config.update(SESSION_STORE=store, PERMANENT_SESSION_LIFETIME=600, **config)

    @app.get("/sync")
    def sync_view():
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    @app.get("/async")
    async def async_view():
        await asyncio.sleep(0)
        return sync_view()

    @app.get("/read")
    async def read():
        return str(session.get("n"))

    @app.get("/clear")
    def clear():
        session.clear()
        return ""

    @app.get("/permanent")
    def permanent():
        session.permanent = True
        return ""

    return app


@pytest.fixture(params=["wsgi", "asgi"])
def gateway(request):
    return request.param


@pytest.fixture
def app(redis_url):
    app = make_app(redis_url)
    yield app
    app.stop()


@pytest.fixture
def client(app, gateway):
    return app.test_client(gateway=gateway)


@pytest.fixture
def server(redis_url):
    with Redis.from_url(redis_url) as connection:
        yield connection


def test_a_session_is_kept_and_ended(client, server):
    assert [client.get(path).text for path in ("/sync", "/async", "/sync")] == ["1", "2", "3"]
    assert len(server.keys("session:*")) == 1
    client.get("/clear")
    assert server.keys() == []
    assert client.get("/read").text == "None"


def test_the_server_lets_it_expire(client, server):
    client.get("/sync")
    (key,) = server.keys()
    assert 300 < server.ttl(key) <= 600
    server.expire(key, 300)
    client.get("/read")
    assert server.ttl(key) <= 300
    client.get("/permanent")
    server.expire(key, 300)
    client.get("/read")
    assert server.ttl(key) > 300
    server.delete(key)
    assert client.get("/read").text == "None"


def test_what_was_ended_does_not_come_back(app, client, server):
    @app.get("/slow")
    def slow():
        session["slow"] = True
        server.flushdb()
        return ""

    client.get("/sync")
    client.get("/slow")
    assert server.keys() == []


def test_two_processes_share_a_session(client, redis_url):
    client.get("/sync")
    code = textwrap.dedent("""
        import json, sys
        sys.path.insert(0, sys.argv[1])
        from test_sessions_redis import make_app
        app = make_app(sys.argv[2])
        client = app.test_client()
        client.set_cookie("session", sys.argv[3])
        print(json.dumps([client.get("/sync").text, client.get("/async").text]))
        app.stop()
    """)
    cookie = client.get_cookie("session").value
    done = subprocess.run(
        [sys.executable, "-c", code, os.path.dirname(__file__), redis_url, cookie],
        stdout=subprocess.PIPE,
        check=True,
    )
    assert json.loads(done.stdout) == ["2", "3"]
    assert client.get("/read").text == "3"


def test_many_browsers_at_once(app, gateway):
    def visit(_):
        client = app.test_client(gateway=gateway)
        return [client.get(path).text for path in ("/sync", "/async") * 5][-1]

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(visit, range(16))) == {"10"}


def test_a_connection_that_the_server_closed_is_made_anew(client, server):
    client.get("/sync")
    for connection in server.client_list():
        if connection["id"] != str(server.client_id()):
            server.client_kill_filter(_id=connection["id"])
    assert client.get("/sync").text == "2"


def test_a_client_of_ones_own(redis_url, gateway):
    with Redis.from_url(redis_url, decode_responses=True) as connection:
        client = make_app(RedisStore(connection)).test_client(gateway=gateway)
        assert [client.get(path).text for path in ("/sync", "/async")] == ["1", "2"]


def test_a_server_that_is_not_there_is_a_503(tmp_path, gateway, caplog):
    app = make_app(f"unix://:s3cr3t@{tmp_path}/nobody.sock")
    client = app.test_client(gateway=gateway)
    client.set_cookie("session", "A" * 43)
    answers = [client.get(path) for path in ("/sync", "/async")]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert "The session store failed: ConnectionError" in caplog.text
    assert "s3cr3t" not in caplog.text + "".join(answer.text for answer in answers)


def test_a_server_that_does_not_answer_is_a_503_after_the_timeout(gateway):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        app = make_app(f"redis://127.0.0.1:{port}?socket_timeout=0.1")
        client = app.test_client(gateway=gateway)
        client.set_cookie("session", "A" * 43)
        assert client.get("/sync").status_code == 503
        app.stop()
