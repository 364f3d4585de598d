"""Async code under WSGI, and wherever plain code waits for it: one loop, for all of a process."""

import asyncio
import gc
import os
import signal
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextvars import ContextVar

import pytest

from cruse import (
    Cruse,
    has_request_context,
    message_flashed,
    request,
    request_tearing_down,
)
from tests.faces import FACES, client_of, through_rsgi

variable = ContextVar("variable", default="unset")


@pytest.fixture
def app():
    app = Cruse("looping", static_folder=None)
    app.secret_key = "for tests"
    yield app
    app.stop()


@pytest.fixture(params=FACES)
def client(app, request):
    client = client_of(app, request.param)
    yield client
    client.close()


@pytest.fixture(params=["asgi", "rsgi"])
def live(app, request):
    """An application behind one of the faces with a server's loop."""
    return through_rsgi(app) if request.param == "rsgi" else app


# -- one loop --


class Connections:
    """A pool of connections to a server on this machine; they belong to the loop they began on."""

    def __init__(self):
        self.accepted = 0
        self.free = asyncio.Queue()

    async def open(self):
        self.server = await asyncio.start_server(self.answer, "127.0.0.1", 0)
        address = self.server.sockets[0].getsockname()
        for _ in range(2):
            self.free.put_nowait(await asyncio.open_connection(*address[:2]))

    async def answer(self, reader, writer):
        self.accepted += 1
        while line := await reader.readline():
            writer.write(line.upper())
        writer.close()

    async def ask(self, text):
        reader, writer = connection = await self.free.get()
        try:
            writer.write(f"{text}\n".encode())
            return (await reader.readline()).decode().strip()
        finally:
            self.free.put_nowait(connection)

    async def close(self):
        for _ in range(2):
            _, writer = await self.free.get()
            writer.close()
            await writer.wait_closed()
        self.server.close()


def test_connections_made_at_startup_serve_every_async_view_of_every_thread(app):
    made = []

    @app.startup
    async def connect():
        made.append(Connections())
        await made[0].open()

    @app.shutdown
    async def disconnect():
        await made[0].close()
        made.append("closed")

    @app.get("/<word>")
    async def ask(word):
        return await made[0].ask(word)

    @app.get("/plain/<word>")
    def ask_from_plain_code(word):
        return app.async_to_sync(made[0].ask)(word)

    def visit(number):
        client = app.test_client()
        return [client.get(f"/{word}{number}").text for word in ("a", "plain/b", "c")]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(visit, range(20)))
    assert answers == [[f"A{n}", f"B{n}", f"C{n}"] for n in range(20)]
    assert made[0].accepted == 2
    app.stop()
    assert made[-1] == "closed"


def test_all_async_code_of_a_process_has_the_same_loop(app):
    loops = []

    async def note(*args):
        loops.append(asyncio.get_running_loop())

    app.startup(note)
    app.before_request(note)
    app.teardown_request(note)
    app.shutdown(note)

    @app.get("/")
    async def index():
        await note()

        async def pieces():
            await note()
            yield "piece"

        app.add_background_task(note)
        return pieces()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: app.test_client().get("/").data, range(4)))
    app.stop()
    assert len(loops) == 2 + 4 * 5
    assert len(set(map(id, loops))) == 1


def test_context_variables_go_into_async_code_and_come_back(app, client):
    seen = []

    @app.before_request
    def plain_hook():
        variable.set("hook")

    @app.get("/")
    async def view():
        seen.append(variable.get())
        await asyncio.sleep(0)
        variable.set("view")
        return "seen"

    @app.after_request
    def plain_after(response):
        seen.append(variable.get())
        variable.set("after")
        return response

    @app.teardown_request
    async def teardown(error):
        seen.append(variable.get())

    client.get("/")
    client.get("/")
    assert seen == ["hook", "view", "after"] * 2
    assert variable.get() == "unset"


# -- where plain code waits for async code --


def test_plain_code_waits_on_the_loop_of_the_server(live):
    loops = {}

    async def running():
        return asyncio.get_running_loop()

    def note(where):
        loops[where] = live.async_to_sync(running)()

    live.startup(lambda: note("startup"))
    live.shutdown(lambda: note("shutdown"))

    @live.before_request
    def hook():
        note(f"hook {request.path}")

    @live.get("/async")
    async def from_async():
        live.add_background_task(note, "task")
        return ""

    @live.get("/plain")
    def plain():
        note("view")
        return ""

    async def main():
        async with live.async_test_client() as client:
            await client.get("/async")
            await client.get("/plain")
        assert loops == dict.fromkeys(loops, asyncio.get_running_loop())

    asyncio.run(main())
    assert loops.keys() == {"startup", "hook /async", "hook /plain", "view", "task", "shutdown"}


def test_a_task_that_a_plain_hook_adds_is_waited_for_at_shutdown(live):
    """It runs on the server's loop, like any other."""
    begun, done = threading.Event(), []

    async def work():
        begun.set()
        for _ in range(20):
            await asyncio.sleep(0)
        done.append(asyncio.get_running_loop())

    live.before_request(lambda: live.add_background_task(work))

    @live.get("/")
    async def index():
        return "answered"

    async def main():
        async with live.async_test_client() as client:
            await client.get("/")
        assert done == [asyncio.get_running_loop()]

    asyncio.run(main())


def test_async_code_may_call_plain_code_that_waits_for_async_code(app, client):
    async def deepest():
        await asyncio.sleep(0)
        variable.set(f"{variable.get()} and back")
        return request.path

    async def deeper():
        return app.async_to_sync(deepest)()

    @app.get("/deep")
    async def view():
        variable.set("there")
        path = app.async_to_sync(deeper)()
        return f"{path} {variable.get()}"

    assert client.get("/deep").text == "/deep there and back"


def test_an_error_comes_back_as_it_was_raised(app, client):
    async def fail():
        raise LookupError("the real one")

    @app.get("/")
    async def view():
        with pytest.raises(LookupError, match="the real one"):
            app.async_to_sync(fail)()
        return "caught"

    assert client.get("/").text == "caught"


def test_an_async_receiver_hears_what_an_async_view_flashes(app, client):
    from cruse import flash

    heard = []

    async def hear(sender, message, category):
        await asyncio.sleep(0)
        heard.append(message)

    @app.get("/")
    async def view():
        flash("saved")
        return "flashed"

    with message_flashed.connected_to(hear, app):
        assert client.get("/").text == "flashed"
    assert heard == ["saved"]


def test_a_context_that_a_test_keeps_ends_although_its_loop_runs_no_more(app):
    heard = []

    async def hear(sender, exc):
        await asyncio.sleep(0)
        heard.append(exc)

    app.get("/")(lambda: "answered")
    with request_tearing_down.connected_to(hear, app):
        with app.test_client(gateway="asgi") as client:
            client.get("/")
            assert heard == []
        assert heard == [None]
    client.close()


# -- the end, and forks --


def test_what_still_runs_at_the_end_is_cancelled_and_may_clean_up(app):
    app.config["BACKGROUND_TASK_SHUTDOWN_TIMEOUT"] = 0
    cleaned, threads, begun = [], [], threading.Event()

    async def numbers():
        try:
            yield 1
        finally:
            cleaned.append("generator")

    @app.get("/")
    async def begin():
        threads.append(threading.current_thread())
        stream = numbers()
        await anext(stream)

        async def wait_for_ever():
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                cleaned.append("task")

        app.kept = stream, asyncio.ensure_future(wait_for_ever())
        return "begun"

    app.test_client().get("/")
    begun.wait(30)
    app.stop()
    assert sorted(cleaned) == ["generator", "task"]
    assert not threads[0].is_alive()
    app.test_client().get("/")
    assert threads[0] is not threads[1]


def test_a_stream_that_nobody_closed_may_be_collected_on_the_loop(app):
    """As servers never leave one; but Python collects garbage in any thread."""
    ended = threading.Event()

    @app.get("/stream")
    async def stream():
        async def pieces():
            try:
                while True:
                    yield "piece"
            finally:
                ended.set()

        return pieces()

    kept = [app.test_client().get("/stream")]
    assert next(iter(kept[0].response)) == b"piece"

    async def collect():
        kept.clear()
        gc.collect()

    app.async_to_sync(collect)()
    assert ended.wait(60)


def test_who_asks_for_async_code_while_the_loop_ends_is_not_left_waiting(app, monkeypatch):
    asks, ends, asked = threading.Event(), threading.Event(), threading.Event()

    class Loop(asyncio.SelectorEventLoop):
        """Lets the thread that is late ask at the last moment."""

        def call_soon_threadsafe(self, *args, **options):
            late = threading.current_thread() is thread
            if late:
                asks.set()
                assert ends.wait(60)
            handle = super().call_soon_threadsafe(*args, **options)
            if late:
                asked.set()
            return handle

        def stop(self):
            ends.set()
            asked.wait(60)
            super().stop()

    async def work():
        return "done"

    def ask():
        try:
            outcomes.append(app.async_to_sync(work)())
        except CancelledError:
            outcomes.append("cancelled")

    monkeypatch.setattr(asyncio, "new_event_loop", Loop)
    thread, outcomes = threading.Thread(target=ask, daemon=True), []
    thread.start()
    assert asks.wait(60)
    app.stop()
    thread.join(60)
    assert outcomes in (["done"], ["cancelled"])


def in_child(work):
    """Fork, call ``work`` in the child, and return what it returned: a few bytes."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # the child must leave without pytest's clean-up
        try:
            signal.alarm(60)  # a child that hangs must not outlive the test
            os.write(writer, work())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with open(reader, "rb") as answer:
        return answer.read()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks on Windows")
class TestForks:
    def test_a_child_that_was_forked_while_the_loop_began_has_one_of_its_own(
        self, app, monkeypatch
    ):
        start, answers = threading.Thread.start, []

        async def pid():
            return os.getpid()

        def ask():
            return str(app.async_to_sync(pid)() == os.getpid()).encode()

        def fork_and_start(thread):
            monkeypatch.setattr(threading.Thread, "start", start)
            answers.append(in_child(ask))
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", fork_and_start)
        assert ask() == b"True"
        assert answers == [b"True"]

    def test_parent_and_child_both_go_on_after_a_fork(self, app):
        @app.get("/")
        async def index():
            await asyncio.sleep(0)
            return str(os.getpid())

        @app.get("/plain")
        def plain():
            return str(os.getpid())

        def pids():
            client = app.test_client()
            return {client.get(path).text for path in ("/", "/plain")}

        assert pids() == {str(os.getpid())}
        assert in_child(lambda: str(pids() == {str(os.getpid())}).encode()) == b"True"
        assert pids() == {str(os.getpid())}

    def test_threads_for_plain_code_begin_anew_in_a_child(self, app):
        app.get("/plain")(lambda: str(os.getpid()))

        def pid():
            with asyncio.Runner() as runner:
                text = runner.run(app.async_test_client().get("/plain")).text
            return str(text == str(os.getpid())).encode()

        assert pid() == b"True"
        assert in_child(pid) == b"True"
        assert pid() == b"True"


# -- streams --


@pytest.fixture
def numbers(app):
    """The tasks that an async iterator of a view was run by, at each of its steps."""
    tasks = []

    @app.get("/numbers")
    def stream():
        async def numbers():
            try:
                async with asyncio.timeout(60):  # a limit belongs to the task that has set it
                    variable.set("of the stream")
                    for number in range(3):
                        tasks.append(asyncio.current_task())
                        yield f"{number} {variable.get()}, "
                        await asyncio.sleep(0)
            finally:
                tasks.append(asyncio.current_task())

        return numbers()

    return tasks


def test_all_of_an_async_stream_is_one_tasks(client, numbers):
    assert client.get("/numbers").text == "0 of the stream, 1 of the stream, 2 of the stream, "
    assert len(numbers) == 4
    assert len(set(numbers)) == 1


def test_an_abandoned_async_stream_is_closed_by_the_task_that_ran_it(app, numbers):
    answer = app.test_client().get("/numbers")
    assert next(answer.response) == b"0 of the stream, "
    answer.close()
    assert len(numbers) == 2
    assert len(set(numbers)) == 1


def test_a_stream_that_nobody_has_closed_leaves_nothing_behind(app):
    closed = threading.Event()

    @app.get("/")
    def stream():
        async def pieces():
            try:
                variable.set("of the stream")
                yield "a piece"
                yield "another"
            finally:
                closed.set()

        return pieces()

    body = app(app.test_request_context("/").environ, lambda *args: None)
    pieces = iter(body)
    assert next(pieces) == b"a piece"
    del body, pieces
    gc.collect()
    assert closed.wait(60)
    assert variable.get() == "unset"
    assert not has_request_context()


def test_what_an_async_stream_fails_with_at_its_end_is_told(app):
    @app.get("/")
    def stream():
        async def failing():
            try:
                yield "piece"
            finally:
                raise LookupError("at its end")

        return failing()

    answer = app.test_client().get("/")
    assert next(answer.response) == b"piece"
    with pytest.raises(LookupError, match="at its end"):
        answer.close()


def test_a_context_variable_that_an_async_stream_sets_is_there_when_it_is_torn_down(app):
    seen = []
    app.teardown_request(lambda error: seen.append(variable.get()))

    @app.get("/")
    def stream():
        async def setting():
            variable.set("by the stream")
            yield "piece"

        return setting()

    assert app.test_client().get("/").text == "piece"
    assert seen == ["by the stream"]
    assert variable.get() == "unset"
