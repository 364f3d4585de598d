"""The threads that sync code runs in under an async server."""

import asyncio
import os
import random
import threading
import time

import pytest

from cruse import Cruse
from cruse.workers import WorkerPool


def make_app(size):
    app = Cruse(f"with_{size}_threads", static_folder=None)
    app.config["THREAD_POOL_SIZE"] = size
    barrier = threading.Barrier(size)

    @app.get("/together")
    def together():
        barrier.wait()
        return "done"

    return app


async def start_threads(app, client):
    """Let the pool have all its threads, so that any of them may take the next work."""
    size = app.config["THREAD_POOL_SIZE"]
    await asyncio.gather(*(client.get("/together") for _ in range(size)))


def test_a_stream_and_its_teardown_run_in_the_thread_of_the_view():
    app, threads = make_app(4), []

    @app.get("/stream")
    def stream():
        threads.append(threading.get_ident())

        def lines():
            for number in range(3):
                threads.append(threading.get_ident())
                yield f"{number}\n"

        return lines()

    @app.teardown_request
    def note(error):
        threads.append(threading.get_ident())

    async def main():
        client = app.async_test_client()
        await start_threads(app, client)
        threads.clear()
        assert (await client.get("/stream")).text == "0\n1\n2\n"

    asyncio.run(main())
    assert len(threads) == 5
    assert len(set(threads)) == 1


def test_streams_that_wait_for_their_clients_keep_no_place_from_other_views():
    app, gate = make_app(2), threading.Event()

    @app.get("/stream")
    def stream():
        def lines():
            yield "first"
            gate.wait()

        return lines()

    async def main():
        client = app.async_test_client()
        await start_threads(app, client)
        streams = [asyncio.ensure_future(client.get("/stream")) for _ in range(5)]
        # Two at once: more than would be left, if the streams counted.
        await start_threads(app, client)
        gate.set()
        assert {(await each).text for each in streams} == {"first"}

    asyncio.run(asyncio.wait_for(main(), 30))
    app.stop()
    alive = [t for t in threading.enumerate() if t.name.startswith(f"{app.name}-worker")]
    assert alive == []


def test_an_application_that_was_stopped_may_work_again():
    app = Cruse("stopped", static_folder=None)
    app.get("/")(lambda: "hello")

    async def visit_stop_visit():
        client = app.async_test_client()
        await client.get("/")
        await app.stop_on_loop()
        async with asyncio.timeout(30):
            return (await client.get("/")).text

    assert asyncio.run(visit_stop_visit()) == "hello"
    app.stop()


def test_a_thread_that_cannot_be_started_takes_no_place(monkeypatch):
    app = Cruse("without_threads", static_folder=None)
    app.config["THREAD_POOL_SIZE"] = 1
    app.get("/")(lambda: "hello")

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    async def visit_twice():
        client = app.async_test_client()
        with monkeypatch.context() as without_threads:
            without_threads.setattr(threading.Thread, "start", refuse)
            with pytest.raises(RuntimeError, match="new thread"):
                await client.get("/")
        async with asyncio.timeout(30):
            return (await client.get("/")).text

    assert asyncio.run(visit_twice()) == "hello"
    app.stop()


def test_a_stream_of_a_request_that_is_cancelled_twice_is_closed_by_its_thread():
    app, ends = Cruse("cancelled", static_folder=None), []
    app.teardown_request(ends.append)
    in_view, may_end = threading.Event(), threading.Event()

    @app.get("/")
    def stream():
        in_view.set()
        may_end.wait(30)
        return iter(["never sent"])

    async def visit_and_cancel():
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "headers": [(b"host", b"localhost")],
        }
        visit = asyncio.ensure_future(app(scope, asyncio.Event().wait, asyncio.sleep))
        await asyncio.to_thread(in_view.wait, 30)
        while not visit.done():  # as servers and middleware do that use anyio
            visit.cancel()
            await asyncio.sleep(0)
        may_end.set()
        await app.stop_on_loop()  # waits for the thread

    asyncio.run(visit_and_cancel())
    assert [type(error) for error in ends] == [asyncio.CancelledError]


def test_a_pool_that_stops_amid_a_stream_waits_for_no_thread_for_ever():
    pool, kept, may_end = WorkerPool(1, "stopped"), [], threading.Event()

    def answer():
        may_end.wait(30)
        kept.append(pool.keep_thread())

    async def stop_amid_a_stream():
        stream = asyncio.ensure_future(pool.run(answer))
        await asyncio.sleep(0)
        waiting = asyncio.ensure_future(pool.run(int))  # the replacement of the thread does it
        await asyncio.sleep(0)
        threads = pool.release()
        may_end.set()
        await asyncio.gather(stream, waiting)
        kept[0].release()
        return threads

    (thread,) = asyncio.run(stop_amid_a_stream())
    thread.join(30)
    assert not thread.is_alive()


@pytest.fixture(params=["mailbox", "no mailbox"])
def pool(request, monkeypatch):
    if request.param == "no mailbox":  # as outside of Linux
        monkeypatch.delattr(os, "eventfd", raising=False)
    pool = WorkerPool(4, "pool")
    yield pool
    pool.stop()


def test_many_tasks_get_the_outcomes_of_their_own_functions(pool):
    def work(number):
        if number % 3 == 0:
            raise LookupError(number)
        return number

    async def main():
        return await asyncio.gather(
            *(pool.run(work, number) for number in range(100)), return_exceptions=True
        )

    for number, outcome in enumerate(asyncio.run(main())):
        assert str(outcome) == str(number)
        assert isinstance(outcome, LookupError) is (number % 3 == 0)


def test_threads_that_end_at_the_same_moment_wake_all_who_wait(pool):
    """Whenever Python lets another thread go on; here it may do so before every line of ours."""
    together, pause = threading.Barrier(pool.size), random.Random(7)  # noqa: S311

    def trace(frame, event, argument):
        if frame.f_globals["__name__"] == WorkerPool.__module__:
            time.sleep(pause.random() * 0.002)
            return trace
        return None

    async def main():
        for _ in range(30):
            waiting = [asyncio.ensure_future(pool.run(together.wait)) for _ in range(pool.size)]
            async with asyncio.timeout(30):
                await asyncio.gather(*waiting)

    before = threading.gettrace()  # that of a measure of coverage, perhaps
    threading.settrace(trace)
    try:
        asyncio.run(main())
    finally:
        threading.settrace(before)


def test_a_cancelled_task_waits_for_its_thread_and_is_let_go_when_it_is_cancelled_again(pool):
    begun, gate = threading.Event(), threading.Event()

    def work():
        begun.set()
        gate.wait(30)

    async def main():
        waits, gives_up = (asyncio.ensure_future(pool.run(work)) for _ in range(2))
        await asyncio.to_thread(begun.wait, 30)
        for task in (waits, gives_up):
            task.cancel()
        for _ in range(10):
            await asyncio.sleep(0)
        assert not waits.done()
        assert not gives_up.done()
        gives_up.cancel()
        await asyncio.wait({gives_up})
        assert not waits.done()
        gate.set()
        await asyncio.wait({waits})
        assert waits.cancelled()
        assert gives_up.cancelled()

    asyncio.run(main())


def test_a_loop_that_a_task_stops_still_wakes_the_others(pool):
    async def stop():
        await pool.run(int)
        raise SystemExit

    loop = asyncio.new_event_loop()
    try:
        stopping, other = loop.create_task(stop()), loop.create_task(pool.run(lambda: "woken"))
        with pytest.raises(SystemExit):
            loop.run_until_complete(asyncio.wait({stopping, other}))
        assert loop.run_until_complete(asyncio.wait_for(other, 30)) == "woken"
        assert isinstance(stopping.exception(), SystemExit)
    finally:
        loop.close()


def test_threads_serve_several_loops_one_after_the_other(pool):
    for _ in range(3):
        assert asyncio.run(pool.run(lambda: "done")) == "done"
