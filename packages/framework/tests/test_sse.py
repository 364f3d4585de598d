"""Server-sent events: streams that browsers read, and come back to."""

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cruse import Cruse, Event, EventStream, request


@pytest.fixture
def app():
    app = Cruse(__name__)
    app.testing = True
    return app


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()
    app.stop()


def read(text):
    """Read a stream as section 9.2.6 of the HTML standard says, for events with data."""
    events, data, kind, last = [], [], "message", ""
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            if data:
                events.append((kind, last, "\n".join(data)))
            data, kind = [], "message"
        elif name == "data":
            data.append(value)
        elif name == "event":
            kind = value
        elif name == "id":
            last = value
    return events


def as_sync(items):
    yield from items


async def as_async(items):
    for item in items:
        yield item


@pytest.mark.parametrize("colour", [as_sync, as_async])
def test_events_arrive_with_their_type_id_and_data(app, client, colour):
    items = [Event("one", event="greeting", id=7), "two\nlines", {"three": 3}]

    @app.get("/events")
    def events():
        return EventStream(colour(items))

    response = client.get("/events")
    assert response.content_type == "text/event-stream; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert read(response.text) == [
        ("greeting", "7", "one"),
        ("message", "7", "two\nlines"),
        ("message", "7", '{"three": 3}'),
    ]


@pytest.mark.parametrize("headers", [None, {"X-Own": "1"}])
def test_a_stream_of_events_keeps_its_own_fields_where_the_application_has_others(
    app, client, headers
):
    app.config["SECURITY_HEADERS"] = {"cache-control": "public", "Content-Type": "text/plain"}
    app.get("/events", endpoint="events")(lambda: EventStream(as_sync(["x"]), headers=headers))
    fields = client.get("/events").headers
    assert fields.getlist("Content-Type") == ["text/event-stream; charset=utf-8"]
    assert fields.getlist("Cache-Control") == ["no-store"]
    assert fields.get("X-Own") == ("1" if headers else None)


def test_an_after_hook_sees_and_changes_the_header_of_a_stream_of_events(app, client):
    @app.after_request
    def after(response):
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        del response.headers["X-Accel-Buffering"]
        response.headers["Cache-Control"] += ", no-transform"
        return response

    app.get("/events", endpoint="events")(lambda: EventStream(as_sync(["x"])))
    fields = client.get("/events").headers
    assert fields["Cache-Control"] == "no-store, no-transform"
    assert "X-Accel-Buffering" not in fields


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_arrives_with_its_lines(text):
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    assert read(Event(text).encode()) == [("message", "", lines)]


@pytest.mark.parametrize("bad", [{"id": "1\n2"}, {"id": "a\0"}, {"event": "x\rdata: y"}])
def test_an_id_or_type_cannot_begin_another_line(bad):
    with pytest.raises(ValueError, match="one line"):
        Event("data", **bad).encode()


@pytest.mark.parametrize("colour", [as_sync, as_async])
def test_browsers_are_told_when_to_come_back(app, client, colour):
    app.get("/events", endpoint="events")(lambda: EventStream(colour(["x"]), retry=1.5))
    assert client.get("/events").text.startswith("retry: 1500\n\n")


def test_a_browser_that_comes_back_says_what_it_has(app, client):
    @app.get("/events")
    async def events():
        had = int(request.last_event_id or 0)
        return EventStream(as_async([Event(str(n), id=n) for n in range(had + 1, 4)]))

    text = client.get("/events", headers={"Last-Event-ID": "2"}).text
    assert read(text) == [("message", "3", "3")]


def test_a_quiet_stream_sends_signs_of_life(app, client):
    heard = threading.Event()

    @app.get("/events")
    async def events():
        async def quiet():
            await asyncio.to_thread(heard.wait, 30)
            yield "something at last"

        return EventStream(quiet(), heartbeat=0.001)

    pieces = []
    for piece in client.get("/events").response:
        pieces.append(piece.decode())
        if pieces[-1] == ":\n\n":
            heard.set()
    assert heard.is_set()
    assert read("".join(pieces)) == [("message", "", "something at last")]


def test_a_sign_of_life_and_an_event_are_sent_one_after_the_other(app):
    beating, sent, sending = asyncio.Event(), [], []

    @app.get("/events")
    async def events():
        async def after_a_beat_has_begun():
            await beating.wait()
            for number in range(3):
                yield str(number)

        return EventStream(after_a_beat_has_begun(), heartbeat=0.001)

    async def receive():
        await asyncio.Event().wait()

    async def send(message):
        assert not sending
        sending.append(message)
        if message.get("body") == b":\n\n":
            beating.set()
            for _ in range(10):  # a slow client
                await asyncio.sleep(0)
        sent.append(message.get("body"))
        sending.clear()

    scope = {"type": "http", "method": "GET", "path": "/events", "headers": [], "asgi": {}}
    asyncio.run(asyncio.wait_for(app(scope, receive, send), 30))
    assert sent[0] is None
    assert [body for body in sent[1:] if body != b":\n\n"] == [
        *(b"data: %d\n\n" % number for number in range(3)),
        b"",
    ]


def test_the_iterator_is_closed_when_the_client_leaves(app):
    ends = []

    @app.get("/events")
    async def events():
        async def for_ever():
            try:
                while True:
                    yield "again"
                    await asyncio.sleep(0)
            finally:
                ends.append("closed")

        return EventStream(for_ever())

    async def look_in():
        async with app.async_test_client().stream("/events") as response:
            async for _ in response:
                break

    asyncio.run(look_in())
    assert ends == ["closed"]


def test_the_iterator_is_no_more_than_two_events_ahead(app):
    made = []

    @app.get("/events")
    async def events():
        async def count():
            for number in range(100):
                made.append(number)
                yield str(number)

        return EventStream(count())

    async def look_in():
        async with app.async_test_client().stream("/events") as response:
            async for piece in response:
                if piece == b"data: 0\n\n":
                    break
        return len(made)

    assert asyncio.run(look_in()) <= 5  # two of the stream, two of the client, one in hand


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_an_error_amid_the_events_ends_the_stream_and_is_raised(app, client, colour):
    def broken():
        yield "one"
        raise ValueError("broken")

    async def broken_later():
        for item in broken():
            yield item

    source = broken if colour == "sync" else broken_later
    app.get("/events", endpoint="events")(lambda: EventStream(source()))
    with pytest.raises(ValueError, match="broken"):
        client.get("/events").text  # noqa: B018


def test_events_that_wait_for_a_cancelled_task_end_the_stream(app, client):
    @app.get("/events")
    async def events():
        async def one_and_none():
            yield "one"
            task = asyncio.ensure_future(asyncio.Event().wait())
            task.cancel()
            await task

        return EventStream(one_and_none())

    with pytest.raises(RuntimeError, match="was cancelled"):
        client.get("/events").text  # noqa: B018


def test_variables_and_timeouts_of_the_iterator_stay_its_own(app, client):
    @app.get("/events")
    async def events():
        async def patient():
            async with asyncio.timeout(30):
                for number in range(3):
                    yield str(number)
                    await asyncio.sleep(0)

        return EventStream(patient(), heartbeat=0.01)

    assert [data for _, _, data in read(client.get("/events").text)] == ["0", "1", "2"]
