"""A process that is told to stop: what has no end ends, and the server is told as ever."""

import asyncio
import os
import signal
import threading

import pytest

from cruse import Cruse, EventStream, WebSocketDisconnect, websocket


@pytest.fixture
def heard():
    """What the handler of a server hears; it handles SIGTERM, as all of them do."""
    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    yield heard
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def app():
    app = Cruse(__name__, static_folder=None)
    app.testing = True
    yield app
    app.stop()


def tell_to_stop():
    os.kill(os.getpid(), signal.SIGTERM)


def test_the_server_hears_the_signal_as_well_and_has_its_handler_back(app, heard):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    other = Cruse("other", static_folder=None)
    app.start()
    other.start()
    tell_to_stop()
    assert heard == [signal.SIGTERM]
    assert app.lifecycle.stopping
    assert other.lifecycle.stopping
    other.stop()
    app.stop()
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    app.start()
    assert not app.lifecycle.stopping


def test_nothing_is_changed_where_no_server_handles_signals(app):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    app.start()
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_nothing_is_changed_from_another_thread(app, heard):
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=app.start)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_handler_that_was_set_since_stays(app, heard):
    app.start()

    def later(number, frame):
        """Another handler."""

    signal.signal(signal.SIGTERM, later)
    app.stop()
    assert signal.getsignal(signal.SIGTERM) is later


def test_who_puts_a_handler_in_front_of_ours_is_heard_and_so_is_the_server(app, heard):
    app.start()
    before = signal.getsignal(signal.SIGTERM)

    def later(number, frame):
        heard.append("later")
        before(number, frame)

    signal.signal(signal.SIGTERM, later)
    for _ in range(2):
        tell_to_stop()
        assert app.lifecycle.stopping
        assert heard == ["later", signal.SIGTERM]
        heard.clear()
        app.stop()
        app.start()
    app.stop()
    tell_to_stop()
    assert heard == ["later", signal.SIGTERM]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="There are no forks here.")
def test_a_child_of_the_process_tells_only_its_own_server(app, heard):
    app.start()
    child = os.fork()
    if child == 0:
        tell_to_stop()
        os._exit(len(heard) + 2 * app.lifecycle.stopping)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


ENDLESS = {}


def endless(function):
    ENDLESS[function.__name__] = function
    return function


@endless
def async_events(ends):
    async def events():
        try:
            yield "one"
            await asyncio.Event().wait()
        finally:
            ends.append("closed")

    return EventStream(events(), heartbeat=None)


@endless
def plain_events(ends):
    def events():
        try:
            yield "one"
            while True:
                yield "two"
        finally:
            ends.append("closed")

    return EventStream(events())


@endless
def plain_generator(ends):
    def events():
        try:
            while True:
                yield "data: one\n\n"
        finally:
            ends.append("closed")

    return events(), {"Content-Type": "text/event-stream; charset=utf-8"}


@endless
def async_generator(ends):
    async def events():
        try:
            yield "data: one\n\n"
            await asyncio.Event().wait()
        finally:
            ends.append("closed")

    return events(), {"Content-Type": "text/event-stream"}


def read_on_asgi(app):
    async def main():
        pieces, told = [], []
        async with app.async_test_client().stream("/events") as response:
            async for piece in response:
                pieces += [piece] if piece else []
                if pieces and not told:
                    told.append(True)
                    tell_to_stop()
        await app.stop_on_loop()
        return pieces

    return asyncio.run(main())


def read_on_wsgi(app):
    pieces, told = [], []
    for piece in app.test_client().get("/events").response:
        pieces += [piece] if piece else []
        if pieces and not told:
            told.append(True)
            tell_to_stop()
    return pieces


READERS = {"asgi": read_on_asgi, "wsgi": read_on_wsgi}


@pytest.mark.parametrize("face", READERS)
@pytest.mark.parametrize("view", ENDLESS)
def test_a_stream_of_events_ends_and_its_iterator_is_closed(app, heard, face, view):
    ends = []
    app.teardown_request(lambda error: ends.append(error))
    app.get("/events")(lambda: ENDLESS[view](ends))
    pieces = READERS[face](app)
    assert pieces[0] == b"data: one\n\n"
    assert ends == ["closed", None]
    assert heard == [signal.SIGTERM]


@pytest.mark.parametrize("face", READERS)
def test_the_end_of_a_stream_is_not_disturbed_when_the_signal_comes_again(app, heard, face):
    ends = []

    async def events():
        try:
            yield "one"
            await asyncio.Event().wait()
        finally:
            tell_to_stop()
            for _ in range(5):
                await asyncio.sleep(0)
            ends.append("closed")

    app.get("/events")(lambda: EventStream(events(), heartbeat=None))
    assert READERS[face](app) == [b"data: one\n\n"]
    assert ends == ["closed"]
    assert heard == [signal.SIGTERM] * 2


@pytest.mark.parametrize("face", READERS)
def test_a_stream_that_has_an_end_goes_on_to_it(app, heard, face):
    app.get("/events")(lambda: ((f"{number}\n" for number in range(50)), {"X-Rows": "50"}))
    assert b"".join(READERS[face](app)).split() == [b"%d" % number for number in range(50)]


@pytest.mark.parametrize("face", READERS)
def test_an_endless_stream_of_another_kind_may_ask(app, heard, face):
    def frames():
        while not app.lifecycle.stopping:
            yield "frame"

    app.get("/events")(lambda: (frames(), {"Content-Type": "multipart/x-mixed-replace"}))
    assert set(READERS[face](app)) == {b"frame"}


def test_events_that_are_asked_for_at_the_last_moment_end_at_once(app, heard):
    ends = []
    app.get("/events")(lambda: async_events(ends))

    async def main():
        await app.start_on_loop()
        tell_to_stop()
        answer = await app.async_test_client().get("/events")
        await app.stop_on_loop()
        return answer

    assert asyncio.run(main()).status_code == 200


def converse(app, view):
    """Open a websocket, tell the process to stop, and return the code it is closed with."""
    app.websocket("/live")(view)

    async def main():
        async with app.async_test_client().websocket("/live") as socket:
            assert await socket.receive() == "hello"
            tell_to_stop()
            with pytest.raises(WebSocketDisconnect) as closed:
                await socket.receive()
        await app.stop_on_loop()
        return closed.value.code

    return asyncio.run(main())


@pytest.mark.parametrize("waits_for", ["a message", "something else"])
def test_a_websocket_goes_away_and_its_view_ends(app, heard, monkeypatch, waits_for):
    # A view that receives is told by its client's answer, unless a tick comes before that.
    monkeypatch.setattr("cruse.websockets.TICK", 60 if waits_for == "a message" else 0.01)
    ends = []
    app.teardown_request(ends.append)

    async def live():
        await websocket.send("hello")
        try:
            if waits_for == "a message":
                await websocket.receive()
            else:
                await asyncio.Event().wait()
        except BaseException as error:
            ends.append(type(error).__name__)
            raise

    assert converse(app, live) == 1001
    error = "WebSocketDisconnect" if waits_for == "a message" else "CancelledError"
    assert ends == [error, None]


def test_a_websocket_whose_client_does_not_answer_ends(app, heard, monkeypatch):
    monkeypatch.setattr("cruse.websockets.TICK", 0.01)
    ends = []

    async def main():
        ended = asyncio.Event()

        @app.websocket("/live")
        async def live():
            await websocket.send("hello")
            try:
                await websocket.receive()
            except BaseException as error:
                ends.append(type(error).__name__)
                ended.set()
                raise

        async with app.async_test_client().websocket("/live") as socket:
            await socket.receive()
            tell_to_stop()
            await ended.wait()
        await app.stop_on_loop()

    asyncio.run(main())
    assert ends == ["CancelledError"]


class StoppedClock(asyncio.SelectorEventLoop):
    """A loop whose time goes on when a test moves it."""

    now = 0.0

    def time(self):
        return self.now

    async def move(self, seconds):
        self.now += seconds
        for _ in range(20):
            await asyncio.sleep(0)


def test_an_answer_of_a_client_that_takes_its_time_is_waited_for(app, heard):
    messages, sent, ends = asyncio.Queue(), [], []
    messages.put_nowait({"type": "websocket.connect"})

    @app.websocket("/live")
    async def live():
        async for _ in websocket:
            pass
        ends.append("by itself")

    async def send(message):
        sent.append(message)

    async def main():
        loop = asyncio.get_running_loop()
        scope = {"type": "websocket", "path": "/live", "headers": [(b"host", b"localhost")]}
        conversation = asyncio.ensure_future(app(scope, messages.get, send))
        await loop.move(0)
        tell_to_stop()
        await loop.move(0)
        assert sent[-1]["type"] == "websocket.close"
        await loop.move(1.1)  # each second it is looked at who has left
        messages.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await conversation
        await app.stop_on_loop()

    with asyncio.Runner(loop_factory=StoppedClock) as runner:
        runner.run(main())
    assert ends == ["by itself"]


def test_a_websocket_that_is_not_accepted_yet_goes_away_then(app, heard, monkeypatch):
    monkeypatch.setattr("cruse.websockets.TICK", 0.01)

    @app.websocket("/live")
    async def live():
        tell_to_stop()
        await asyncio.sleep(0)
        await websocket.accept()
        await asyncio.Event().wait()

    async def main():
        async with app.async_test_client().websocket("/live") as socket:
            with pytest.raises(WebSocketDisconnect) as closed:
                await socket.receive()
        await app.stop_on_loop()
        return closed.value.code

    assert asyncio.run(main()) == 1001
