"""Observers: they see every request, and the end of every response."""

import asyncio

import pytest

from cruse import Cruse, Response, g
from cruse.testing.asgi import scope_from_environ
from cruse.testing.environ import EnvironBuilder


@pytest.fixture
def app():
    app = Cruse(__name__, static_folder=None)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.logger.disabled = True
    yield app
    app.logger.disabled = False


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()


@pytest.fixture
def seen(app):
    """What an observer saw at the end of each request."""
    seen = []

    @app.observe
    def note(observation):
        yield
        seen.append(
            (
                observation.context.endpoint,
                observation.status,
                observation.size,
                observation.complete,
                observation.error and type(observation.error).__name__,
            )
        )

    return seen


def test_a_response_is_seen_with_its_status_and_size(app, client, seen):
    app.add_url_rule("/", "index", lambda: ("hello", 201))
    client.get("/").close()
    client.get("/nowhere").close()
    client.head("/").close()
    assert seen[0] == ("index", 201, 5, True, None)
    assert seen[1][:2] == (None, 404)
    assert seen[2] == ("index", 201, 0, True, None)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_stream_is_seen_when_it_has_ended(app, client, seen, kind):
    def letters():
        assert seen == []
        yield "ab"
        assert seen == []
        yield "c"

    async def async_letters():
        for letter in letters():
            yield letter

    app.add_url_rule("/", "index", letters if kind == "sync" else lambda: async_letters())
    response = client.get("/", buffered=False)
    assert seen == []
    assert response.data == b"abc"
    response.close()
    assert seen == [("index", 200, 3, True, None)]


def test_an_abandoned_stream_is_seen_as_incomplete(app, client, seen):
    def endless():
        while True:
            yield "x" * 10

    app.add_url_rule("/", "index", endless)
    response = client.get("/", buffered=False)
    next(response.iter_encoded())
    response.close()
    assert [each[:2] + each[3:4] for each in seen] == [("index", 200, False)]


def test_a_stream_that_fails_is_seen_with_its_error(app, client, seen):
    def failing():
        yield "x"
        raise ValueError

    app.add_url_rule("/", "index", failing)
    with pytest.raises(ValueError):  # noqa: PT011
        assert client.get("/").data
    assert seen == [("index", 200, 1, False, "ValueError")]


def test_an_error_that_reaches_the_server_is_seen(app, client, seen):
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.add_url_rule("/", "index", lambda: {}["x"])
    with pytest.raises(KeyError):
        client.get("/")
    assert seen == [("index", None, 0, False, "KeyError")]


def test_an_error_that_is_answered_is_a_500(app, client, seen):
    app.add_url_rule("/", "index", lambda: {}["x"])
    client.get("/").close()
    assert seen[0][:2] == ("index", 500)


def test_the_time_is_that_from_arrival_to_end(app, client):
    times = []

    @app.observe
    def note(observation):
        assert observation.seconds == 0
        yield
        times.append(observation.seconds)

    app.add_url_rule("/", "index", lambda: "")
    client.get("/").close()
    assert 0 < times[0] < 60


def test_observers_nest_and_add_headers_that_the_response_does_not_have(app, client):
    order = []

    @app.observe
    def outer(observation):
        observation.headers.append(("X-Outer", "1"))
        order.append("outer begins")
        yield
        order.append("outer ends")

    @app.observe
    def inner(observation):
        observation.headers += [("X-Inner", "2"), ("X-OUTER", "3")]
        order.append("inner begins")
        yield
        order.append("inner ends")

    app.before_request(lambda: order.append("hook"))
    app.add_url_rule("/", "index", lambda: ("", {"x-inner": "own"}))
    response = client.get("/")
    response.close()
    assert order == ["outer begins", "inner begins", "hook", "inner ends", "outer ends"]
    assert response.headers.getlist("X-Inner") == ["own"]
    assert response.headers["X-Outer"] == "1"


def test_headers_are_added_to_an_answer_that_no_hook_sees(app, client):
    @app.observe
    def add(observation):
        observation.headers.append(("X-Id", "1"))
        yield

    def fail(error):
        raise ValueError

    app.teardown_request(fail)
    app.add_url_rule("/", "index", lambda: "")
    response = client.get("/")
    assert (response.status_code, response.headers["X-Id"]) == (500, "1")


def test_an_observer_that_fails_does_no_harm(app, client, seen):
    @app.observe
    def at_the_start(observation):
        raise ValueError
        yield

    @app.observe
    def at_the_end(observation):
        yield
        raise ValueError

    @app.observe
    def never_yields(observation):
        return
        yield

    @app.observe
    def yields_twice(observation):
        yield
        yield

    app.add_url_rule("/", "index", lambda: "hello")
    response = client.get("/")
    assert response.text == "hello"
    response.close()
    assert len(seen) == 1


def test_the_context_is_current_at_both_ends(app, client):
    found = []

    @app.observe
    def note(observation):
        g.number = 7
        yield
        found.append((g.number, observation.context.g.number))

    app.add_url_rule("/", "index", lambda: str(g.number))
    response = client.get("/")
    assert response.text == "7"
    response.close()
    assert found == [(7, 7)]


def test_a_response_that_was_never_iterated_is_seen_when_it_is_closed(app, seen):
    app.add_url_rule("/", "index", lambda: Response(iter(["x"])))
    builder = EnvironBuilder(app, "/")
    body = app(builder.get_environ(), lambda status, headers: None)
    assert seen == []
    body.close()
    body.close()
    assert seen == [("index", 200, 0, False, None)]


def test_a_client_that_cannot_be_sent_to_is_seen(app, seen):
    app.add_url_rule("/", "index", lambda: "x", inline=True)

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        raise OSError("gone")

    scope = scope_from_environ(EnvironBuilder(app, "/").get_environ())
    asyncio.run(app(scope, receive, send))
    assert seen == [("index", 200, 0, False, None)]
