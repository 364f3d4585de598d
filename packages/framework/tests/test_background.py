"""Work that goes on after its response."""

import asyncio
import threading

import pytest

from cruse import (
    Cruse,
    Response,
    copy_current_request_context,
    current_app,
    has_request_context,
    session,
    stream_with_context,
)
from cruse.stores import MemoryStore


@pytest.fixture
def app():
    app = Cruse(__name__)
    yield app
    app.stop()


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()


def finish(app, client):
    """Stop the application as a server does, which waits for what is still to do."""
    client.close()
    app.stop()


@pytest.mark.parametrize("view", ["sync", "async"])
@pytest.mark.parametrize("task", ["sync", "async"])
def test_a_task_runs_behind_its_response(app, client, view, task):
    done = []

    def note(*args, **kwargs):
        done.append((args, kwargs, current_app.name, has_request_context()))

    async def note_later(*args, **kwargs):
        await asyncio.sleep(0)
        note(*args, **kwargs)

    def order():
        app.add_background_task(note if task == "sync" else note_later, 1, colour="red")
        return f"{len(done)} done"

    async def order_later():
        return order()

    app.add_url_rule("/", "order", order if view == "sync" else order_later)
    assert client.get("/").text == "0 done"
    finish(app, client)
    assert done == [((1,), {"colour": "red"}, app.name, False)]


def test_a_task_that_was_called_instead_of_handed_over_is_an_error_at_once(app, client):
    app.add_url_rule("/", "index", lambda: app.add_background_task(None) or "")
    app.testing = True
    with pytest.raises(TypeError, match="'NoneType': was the function called"):
        client.get("/")


def test_a_task_does_not_hold_the_response_back(app, client):
    may_end = threading.Event()
    app.get("/", endpoint="order")(lambda: app.add_background_task(may_end.wait, 30) or "ordered")
    assert client.get("/").text == "ordered"
    may_end.set()


def test_a_task_of_a_stream_begins_at_its_end(app, client):
    done = []

    @app.get("/")
    def stream():
        app.add_background_task(done.append, "behind")

        def pieces():
            yield "one "
            yield f"{len(done)} done"

        return pieces()

    assert client.get("/").text == "one 0 done"
    finish(app, client)
    assert done == ["behind"]


@pytest.mark.parametrize("where", ["hook", "replaced response", "teardown", "stream", "copy"])
def test_a_task_is_not_lost_wherever_in_a_request_it_is_added(app, client, where):
    done = []

    def order():
        app.add_background_task(done.append, where)
        return "ordered"

    @app.get("/")
    def view():
        if where == "copy":
            copy_current_request_context(order)()
        if where == "stream":
            return stream_with_context(order() for _ in range(1))
        return order() if where == "replaced response" else ""

    @app.after_request
    def replace(response):
        if where == "hook":
            order()
        return Response("another") if where == "replaced response" else response

    app.teardown_request(lambda error: where == "teardown" and order())
    assert client.get("/").status_code == 200
    finish(app, client)
    assert done == [where]


def test_the_task_of_a_request_whose_session_is_not_kept_does_not_run(app, client):
    done = []

    class Full(MemoryStore):
        def set(self, *args):
            raise OSError("no space")

    app.config["SESSION_STORE"] = Full()

    @app.get("/")
    def sign_in():
        session["user"] = "ada"
        app.add_background_task(done.append, "welcome")
        return "signed in"

    assert client.get("/").status_code == 503
    finish(app, client)
    assert done == []


def test_the_task_of_a_request_that_failed_does_not_run(app, client):
    done = []

    @app.get("/")
    def fail():
        app.add_background_task(done.append, "sent although nothing was bought")
        raise ValueError

    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert client.get("/").status_code == 500
    finish(app, client)
    assert done == []


def test_the_task_of_a_request_whose_end_failed_does_not_run(app, client):
    done = []

    @app.get("/")
    def order():
        app.add_background_task(done.append, "sent although nothing was committed")
        return "ordered"

    @app.teardown_request
    def commit(error):
        raise ValueError

    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert client.get("/").status_code == 500
    finish(app, client)
    assert done == []


def test_a_task_of_a_request_that_is_dispatched_by_hand_runs_behind_its_response(app):
    done, ended = [], threading.Event()

    @app.get("/")
    def order():
        app.add_background_task(done.append, "behind")
        return "ordered"

    def note():
        done.append("at once")
        ended.set()

    with app.test_request_context("/"):
        response = app.full_dispatch_request()
        app.add_background_task(note)
        assert ended.wait(60)  # for its thread
        assert done == ["at once"]
        response.close()
    app.stop()
    assert done == ["at once", "behind"]


def test_what_a_task_raises_is_logged_with_the_id_of_its_request(app, client, caplog):
    ids = []

    async def fail():
        raise ValueError("no mail server")

    @app.get("/")
    def order():
        from cruse import request

        ids.append(request.id)
        app.add_background_task(fail)
        return "ordered"

    client.get("/")
    finish(app, client)
    (record,) = caplog.records
    assert ids[0] in record.getMessage()
    assert record.exc_info[0] is ValueError


def test_a_task_may_be_added_outside_of_requests(app):
    done = threading.Event()
    with app.app_context():
        app.add_background_task(done.set)
    app.stop()
    assert done.is_set()


def test_teardown_functions_run_behind_each_task(app, client):
    calls = []
    app.teardown_appcontext(lambda error: calls.append("teardown"))

    @app.get("/")
    def order():
        app.add_background_task(calls.append, "task")
        return "ordered"

    client.get("/")
    finish(app, client)
    assert calls == ["teardown", "task", "teardown"]


def test_a_task_that_does_not_end_is_cancelled_at_shutdown(app, client, caplog):
    app.config["BACKGROUND_TASK_SHUTDOWN_TIMEOUT"] = 0.001

    async def for_ever():
        await asyncio.Event().wait()

    @app.get("/")
    def order():
        app.add_background_task(for_ever)
        return "ordered"

    client.get("/")
    finish(app, client)
    assert "for_ever" in caplog.text
    assert "cancelled" in caplog.text


def test_tasks_that_add_tasks_do_not_keep_the_application_from_stopping(app, caplog):
    app.config["BACKGROUND_TASK_SHUTDOWN_TIMEOUT"] = 0.001

    async def again_and_again():
        await asyncio.sleep(0)
        app.add_background_task(again_and_again)

    app.add_background_task(again_and_again)
    app.stop()
    assert "again_and_again" in caplog.text


def test_tasks_of_a_loop_that_runs_no_more_are_not_waited_for(app, caplog):
    async def for_ever():
        await asyncio.Event().wait()

    async def order():
        app.add_background_task(for_ever)
        await asyncio.sleep(0)

    # As in a forked child, where the tasks of the parent are still listed.
    with asyncio.Runner() as runner:
        runner.run(order())
        app.stop()
    assert caplog.text == ""


def test_a_task_that_was_added_right_before_the_end_is_waited_for(app):
    done = []

    async def live():
        await app.start_on_loop()
        app.add_background_task(done.append, "task")
        await app.stop_on_loop()

    asyncio.run(live())
    assert done == ["task"]
