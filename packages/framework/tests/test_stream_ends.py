"""How streams end under an event loop: all of one is the task's that serves the request."""

import asyncio
from contextvars import Context, ContextVar

import pytest
from werkzeug.test import create_environ

from cruse import Cruse, EventStream, Response, websocket
from cruse.testing import AsyncCruseClient

SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/",
    "root_path": "",
    "query_string": b"",
    "headers": [(b"host", b"localhost")],
}


async def never():
    await asyncio.Event().wait()


def served(app, receive=never):
    """Return the coroutine of a request whose client reads all; and what it is sent."""
    sent = []

    async def send(message):
        sent.append(message)

    return app(dict(SCOPE), receive, send), sent


@pytest.fixture
def ended():
    return []


@pytest.fixture
def app(ended):
    app = Cruse(__name__)

    @app.get("/")
    async def waits():
        async def pieces():
            try:
                yield "first"
                await never()
            finally:
                ended.append("iterator")

        return pieces()

    app.teardown_request(lambda error: ended.append(type(error)))
    return app


async def leaves():
    return {"type": "http.disconnect"}


def test_the_task_of_a_request_whose_client_has_left_goes_on_undisturbed(app, ended):
    async def serve():
        serving, _ = served(app, leaves)
        await serving
        await asyncio.sleep(0)
        return asyncio.current_task().cancelling()

    assert asyncio.run(serve()) == 0
    assert ended == ["iterator", type(None)]


def test_a_time_limit_of_middleware_s_ends_a_stream_that_waits(app, ended):
    async def serve():
        async with asyncio.timeout(0.01):
            await served(app)[0]

    with pytest.raises(TimeoutError):
        asyncio.run(serve())
    assert ended == ["iterator", asyncio.CancelledError]


def test_a_stream_ends_where_a_server_s_own_kind_of_task_cannot_be_cancelled(app, ended):
    class Stubborn(asyncio.Task):
        def cancel(self, msg=None):
            return False

    async def serve():
        serving, sent = served(app, leaves)
        await Stubborn(serving, loop=asyncio.get_running_loop())
        return sent

    assert [message.get("body") for message in asyncio.run(serve())] == [None, b"first"]
    assert ended == ["iterator", type(None)]


def test_what_a_stream_fails_with_when_its_client_has_left_is_told_to_the_loop(app):
    @app.get("/fails")
    async def fails():
        async def pieces():
            try:
                yield "first"
                await never()
            finally:
                raise ValueError("in the end")

        return pieces()

    told = []

    async def serve():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, said: told.append(str(said["exception"])))
        await app({**SCOPE, "path": "/fails"}, leaves, never_mind)

    async def never_mind(message):
        pass

    asyncio.run(serve())
    assert told == ["in the end"]


def test_teardown_functions_see_what_an_iterator_has_set(app):
    variable, seen = ContextVar("variable", default=None), []
    app.teardown_request(lambda error: seen.append(variable.get()))

    @app.get("/sets")
    async def sets():
        async def pieces():
            variable.set("by the iterator")
            yield "piece"

        return pieces()

    async def ask():
        async with AsyncCruseClient(app) as client:
            assert (await client.get("/sets")).text == "piece"

    asyncio.run(ask())
    app.test_client().get("/sets")
    assert seen == ["by the iterator"] * 2


@pytest.mark.parametrize("kind", [Response, EventStream])
def test_a_class_that_says_its_head_itself_says_it_for_each_response(kind):
    class Counted(kind):
        def plain_head(self, defaults):
            return [*super().plain_head(defaults), ("X-Body", type(self.response).__name__)]

    app = Cruse(__name__)

    async def later():
        yield "0"

    app.add_url_rule("/plain", "plain", lambda: Counted(str(n) for n in range(1)))
    app.add_url_rule("/async", "async", lambda: Counted(later()))

    async def ask():
        async with AsyncCruseClient(app) as client:
            first, second = [await client.get(path) for path in ("/plain", "/async")]
        assert first.headers["X-Body"] != second.headers["X-Body"]
        assert first.text == second.text

    asyncio.run(ask())


def test_a_kind_of_event_stream_keeps_its_own_media_type():
    class Lines(EventStream):
        default_mimetype = "text/x-lines"

    async def later():
        yield "0"

    app = Cruse(__name__)
    app.add_url_rule("/plain/<int:own>", "plain", lambda own: (EventStream, Lines)[own](iter("0")))
    app.add_url_rule("/async/<int:own>", "async", lambda own: (EventStream, Lines)[own](later()))
    app.add_url_rule("/named", "named", lambda: Response(iter("0"), mimetype="events"))

    async def ask(*paths):
        async with AsyncCruseClient(app) as client:
            return [(await client.get(path)).headers["Content-Type"] for path in paths]

    paths = [*[f"/{kind}/{own}" for kind in ("plain", "async") for own in (0, 1)], "/named"]
    types = ["text/event-stream; charset=utf-8", "text/x-lines; charset=utf-8"] * 2 + ["events"]
    assert asyncio.run(ask(*paths)) == types
    assert [app.test_client().get(path).content_type for path in paths] == types


def test_a_stream_gets_a_head_of_its_own():
    app = Cruse(__name__)
    app.add_url_rule("/generator", "generator", lambda: (piece for piece in "0"))
    heads = []
    for _ in range(2):
        environ = create_environ("/generator")
        app(environ, lambda status, head: heads.append(head)).close()
        heads[-1].append(("X-Of-Middleware", "1"))
    assert heads[0] == heads[1]
    assert len(heads[1]) == len(dict(heads[1]))


def test_a_body_that_cannot_be_iterated_ends_its_context_with_the_error():
    class Broken(Response):
        def iter_encoded(self):
            raise LookupError("no pieces")

    app = Cruse(__name__)
    app.testing = True
    ends = []
    app.teardown_request(ends.append)
    app.add_url_rule("/", "broken", lambda: Broken(piece for piece in "0"))

    async def ask():
        async with AsyncCruseClient(app) as client:
            await client.get("/")

    with pytest.raises(LookupError, match="no pieces"):
        app.test_client().get("/")
    with pytest.raises(LookupError, match="no pieces"):
        asyncio.run(ask())
    assert [type(error) for error in ends] == [LookupError] * 2


def test_a_constructor_of_ones_own_is_asked_for_streams():
    class Marked(Response):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.headers["X-Marked"] = "1"

    class MarkedEvents(EventStream):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.headers["X-Marked"] = "1"

    app = Cruse(__name__)
    app.response_class = Marked
    app.add_url_rule("/pieces", "pieces", lambda: (piece for piece in "abc"))
    client = app.test_client()
    assert (client.get("/pieces").headers["X-Marked"], client.get("/pieces").text) == ("1", "abc")
    app = Cruse(__name__)
    app.add_url_rule("/events", "events", lambda: MarkedEvents(piece for piece in "a"))
    answer = app.test_client().get("/events")
    assert (answer.headers["X-Marked"], answer.text) == ("1", "data: a\n\n")


def test_send_of_a_websocket_may_be_kept_for_where_no_request_is_current(app):
    @app.websocket("/ws")
    async def view():
        await websocket.accept()
        send = websocket.send
        await asyncio.get_running_loop().create_task(send("kept"), context=Context())

    async def ask():
        async with AsyncCruseClient(app) as client, client.websocket("/ws") as conversation:
            return await conversation.receive()

    assert asyncio.run(ask()) == "kept"
