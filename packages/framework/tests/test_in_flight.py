"""Many requests at once: none sees another's, none waits for ever, and nothing is left of them."""

import asyncio
import gc
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest

from cruse import Cruse, Response, current_app, g, request, session, websocket
from cruse.context import Context
from tests.faces import FACES, through_rsgi

PLAIN_AND_ASYNC = ("plain", "async", "inline", "stream")


def ask_all(app, face, targets, at_once=50):
    """Ask for all of these, many at a time, and return the texts of the answers."""
    if face == "wsgi":
        with ThreadPoolExecutor(16) as threads:
            return list(threads.map(lambda target: app.test_client().get(target).text, targets))
    if face == "rsgi":
        through_rsgi(app)

    async def main():
        room = asyncio.Semaphore(at_once)

        async def ask(target):
            async with room:
                return (await app.async_test_client().get(target)).text

        answers = await asyncio.gather(*map(ask, targets))
        await app.stop_on_loop()
        return answers

    return asyncio.run(main())


def make_app():
    app = Cruse("in_flight", static_folder=None)
    app.secret_key = "for tests"
    app.config["THREAD_POOL_SIZE"] = 8

    @app.before_request
    async def before():
        g.who = session["who"] = request.args["who"]
        await asyncio.sleep(0)

    def seen():
        return f"{g.who} {session['who']} {request.args['who']} {request.path[1:]}"

    @app.get("/plain")
    def plain():
        first = seen()
        time.sleep(0)  # lets another thread run
        return f"{first} {seen()}"

    @app.get("/inline", inline=True)
    def inline():
        return f"{seen()} {seen()}"

    @app.get("/async")
    async def from_async():
        first = seen()
        await asyncio.sleep(0)
        return f"{first} {seen()}"

    @app.get("/stream")
    async def stream():
        async def pieces():
            yield f"{seen()} "
            await asyncio.sleep(0)
            yield seen()

        return pieces()

    return app


@pytest.mark.parametrize("face", FACES)
def test_of_1000_requests_in_flight_none_sees_another(face):
    app = make_app()
    targets = [f"/{PLAIN_AND_ASYNC[n % 4]}?who={n}" for n in range(1000)]
    for number, text in enumerate(ask_all(app, face, targets)):
        mine = f"{number} {number} {number} {PLAIN_AND_ASYNC[number % 4]}"
        assert text == f"{mine} {mine}"
    app.stop()


@pytest.mark.parametrize("face", ["asgi", "rsgi"])
def test_200_slow_plain_views_neither_deadlock_nor_stop_the_loop(face):
    app = Cruse("slow", static_folder=None)
    app.config["THREAD_POOL_SIZE"] = 10
    asleep, most, lock = set(), [0], threading.Lock()
    ticks, torn_down = [0], []
    gate, all_asleep = threading.Semaphore(0), threading.Event()

    @app.get("/slow")
    def slow():
        with lock:
            asleep.add(threading.get_ident())
            most[0] = max(most[0], len(asleep))
            if len(asleep) == 10:
                all_asleep.set()
        gate.acquire()
        with lock:
            asleep.discard(threading.get_ident())
        return "slow"

    app.teardown_appcontext(lambda error: torn_down.append(request.path))

    async def tick():
        while True:
            await asyncio.sleep(0)
            ticks[0] += 1

    async def main():
        client = (through_rsgi(app) if face == "rsgi" else app).async_test_client()
        ticking = asyncio.ensure_future(tick())
        visits = [asyncio.ensure_future(client.get("/slow")) for _ in range(200)]
        await asyncio.to_thread(all_asleep.wait, 60)  # all of the pool, and 190 wait for it
        before = ticks[0]
        for _ in range(1000):
            await asyncio.sleep(0)
        assert ticks[0] >= before + 999  # the loop goes on while they sleep
        gate.release(200)
        assert {answer.text for answer in await asyncio.gather(*visits)} == {"slow"}
        ticking.cancel()
        await app.stop_on_loop()

    asyncio.run(in_time(main()))
    assert most == [10]
    assert len(torn_down) == 200


@pytest.mark.parametrize("face", ["asgi", "rsgi"])
def test_the_end_of_a_stream_never_waits_behind_views_that_wait_for_it(face):
    app = Cruse("streams", static_folder=None)
    app.config["THREAD_POOL_SIZE"] = 1
    closed, in_stream = threading.Event(), threading.Event()

    @app.get("/waits")
    def waits():
        assert closed.wait(60)
        return "closed"

    @app.get("/stream")
    async def stream():
        async def pieces():
            in_stream.set()
            yield "one"
            await asyncio.Event().wait()

        response = Response(pieces())
        response.call_on_close(closed.set)
        return response

    async def main():
        client = (through_rsgi(app) if face == "rsgi" else app).async_test_client()
        async with client.stream("/stream") as answer:
            async for _ in answer:
                break
            waiting = asyncio.ensure_future(client.get("/waits"))
            await asyncio.sleep(0)
        assert (await waiting).text == "closed"
        await app.stop_on_loop()

    asyncio.run(in_time(main()))


# -- nothing is left --


def leftovers():
    """Count what a request may leave behind in this process."""
    for _ in range(3):
        gc.collect()
    return {
        "contexts": sum(issubclass(type(each), Context) for each in gc.get_objects()),
        "tasks": sum(issubclass(type(each), asyncio.Task) for each in gc.get_objects()),
        "threads": sum(t.name.startswith("left_behind") for t in threading.enumerate()),
        "variables": len(copy_context()),
        "files": len(os.listdir("/dev/fd")),
    }


def grown(before):
    """Return what there is more of than before."""
    return {name: n for name, n in leftovers().items() if n > before[name]}


class Gone:
    """A client that leaves after so many messages in and out, and a server that says so."""

    def __init__(self, incoming, sent_before):
        self.incoming, self.left = list(incoming), sent_before
        self.gone = asyncio.Event()

    async def receive(self):
        if self.incoming:
            await asyncio.sleep(0)
            return self.incoming.pop(0)
        await self.gone.wait()
        return {"type": f"{self.kind}.disconnect"}

    async def send(self, message):
        if self.gone.is_set():
            raise OSError("the client has left")
        self.left -= 1
        if self.left <= 0:
            self.gone.set()

    def visit(self, app, path, kind="http", method="GET"):
        self.kind = kind
        scope = {
            "type": kind, "method": method, "path": path, "raw_path": path.encode(),
            "headers": [(b"host", b"localhost"), (b"transfer-encoding", b"chunked")],
        }  # fmt: skip
        return app(scope, self.receive, self.send)


async def in_time(coroutine):
    """Await it in this very task: ``wait_for`` makes another one before Python 3.12."""
    async with asyncio.timeout(100):
        await coroutine


def make_faulty_app():  # noqa: C901 - a list of views
    app = Cruse("left_behind", static_folder=None)
    app.config["THREAD_POOL_SIZE"] = 4
    app.logger.disabled = True

    @app.post("/plain-body")
    def plain_body():
        return request.get_data()

    @app.post("/async-body")
    async def async_body():
        return request.get_data()

    @app.get("/plain-stream")
    def plain_stream():
        return (str(number) for number in range(1_000_000))

    @app.get("/async-stream")
    async def async_stream():
        async def pieces():
            while True:
                yield "more"
                await asyncio.sleep(0)

        return pieces()

    @app.get("/breaks")
    def breaks():
        def pieces():
            yield "one"
            raise RuntimeError(current_app.name)

        return pieces()

    @app.get("/close-fails")
    def close_fails():
        def fail():
            raise RuntimeError("close")

        response = Response(iter(["one"]))
        response.call_on_close(fail)
        return response

    @app.teardown_request
    def teardown(error):
        if request.path == "/teardown-fails":
            raise RuntimeError("teardown")

    app.get("/teardown-fails")(lambda: "answer")

    @app.get("/never")
    async def never():
        await asyncio.Event().wait()

    @app.websocket("/talk")
    async def talk():
        async for message in websocket:
            await websocket.send(message)

    return app


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="counts open files by /dev/fd")
@pytest.mark.parametrize("face", ["asgi", "rsgi"])
def test_clients_that_leave_and_code_that_fails_leave_nothing_behind(face):
    body = [{"type": "http.request", "body": b"some", "more_body": True},
            {"type": "http.disconnect"}]  # fmt: skip
    empty = [{"type": "http.request"}]
    talk = [{"type": "websocket.connect"}, *[{"type": "websocket.receive", "text": "hi"}] * 3]
    faults = [
        ("/plain-body", body, 9, "http", "POST"), ("/async-body", body, 9, "http", "POST"),
        ("/plain-stream", empty, 5, "http", "GET"), ("/async-stream", empty, 5, "http", "GET"),
        ("/breaks", empty, 9, "http", "GET"), ("/close-fails", empty, 9, "http", "GET"),
        ("/teardown-fails", empty, 9, "http", "GET"), ("/talk", talk, 2, "websocket", "GET"),
        ("/plain-stream", empty, 1, "http", "GET"), ("/never", empty, 9, "http", "GET"),
    ]  # fmt: skip

    async def go_wrong(app):
        for path, incoming, sent_before, kind, method in faults:
            visit = Gone(incoming, sent_before).visit(app, path, kind, method)
            task = asyncio.ensure_future(visit)
            if path == "/never":
                for _ in range(20):
                    await asyncio.sleep(0)
                task.cancel()
            (outcome,) = await asyncio.gather(task, return_exceptions=True)
            expected = {"/breaks": RuntimeError, "/close-fails": RuntimeError}
            wanted = asyncio.CancelledError if path == "/never" else expected.get(path)
            assert type(outcome) is (wanted or type(None)), (path, outcome)

    def run():
        app = make_faulty_app()
        if face == "rsgi":
            through_rsgi(app)

        async def main():
            for _ in range(3):
                await go_wrong(app)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            await app.stop_on_loop()

        asyncio.run(in_time(main()))

    run()
    before = leftovers()
    run()
    assert grown(before) == {}


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="counts open files by /dev/fd")
@pytest.mark.parametrize("face", ["asgi", "rsgi"])
def test_1000_websockets_leave_nothing_behind(face):
    app = make_faulty_app()
    client = (through_rsgi(app) if face == "rsgi" else app).async_test_client()

    async def converse(number):
        async with client.websocket("/talk") as socket:
            await socket.send(str(number))
            assert await socket.receive() == str(number)
            if number % 2:
                await socket.close(3000)

    async def main():
        await asyncio.gather(*map(converse, range(50)))
        before = leftovers()
        for first in range(50, 1000, 50):  # as many at once
            await asyncio.gather(*map(converse, range(first, first + 50)))
        assert grown(before) == {}
        await app.stop_on_loop()

    asyncio.run(in_time(main()))
