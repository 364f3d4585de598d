"""Start-up and shutdown, once per process, under every protocol."""

import asyncio
from contextlib import asynccontextmanager, contextmanager

import pytest

from cruse import Cruse


@pytest.fixture
def app():
    app = Cruse(__name__, static_folder=None)
    app.log = []

    @app.startup
    def sync_startup():
        app.log.append("sync startup")

    @app.startup
    async def async_startup():
        app.log.append("async startup")

    @app.shutdown
    async def async_shutdown():
        app.log.append("async shutdown")

    @app.shutdown
    def sync_shutdown():
        app.log.append("sync shutdown")

    @app.lifespan
    @contextmanager
    def sync_manager(app):
        app.log.append("enter sync")
        yield
        app.log.append("leave sync")

    @app.lifespan
    @asynccontextmanager
    async def async_manager(app):
        app.log.append("enter async")
        yield
        app.log.append("leave async")

    app.get("/")(lambda: "ok")
    yield app
    app.stop()  # else the managers are left to the collector, which can't await


STARTED = ["enter sync", "enter async", "sync startup", "async startup"]
STOPPED = ["sync shutdown", "async shutdown", "leave async", "leave sync"]


def test_under_wsgi_it_starts_before_the_first_request_and_once(app):
    client = app.test_client()
    assert app.log == []
    client.get("/")
    client.get("/")
    assert app.log == STARTED
    app.stop()
    assert app.log == STARTED + STOPPED


async def lifespan(app, *events):
    """Send lifespan events to an application and return what it answers."""
    queue = [{"type": f"lifespan.{event}"} for event in events]
    answers = []

    async def receive():
        return queue.pop(0)

    async def send(message):
        answers.append(message)

    await app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)
    return answers


def test_under_asgi_the_server_says_when(app):
    answers = asyncio.run(lifespan(app, "startup", "shutdown"))
    assert [answer["type"] for answer in answers] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert app.log == STARTED + STOPPED


def test_under_rsgi_granian_says_when(app):
    loop = asyncio.new_event_loop()
    app.__rsgi_init__(loop)
    assert app.log == STARTED
    app.__rsgi_del__(loop)
    loop.close()
    assert app.log == STARTED + STOPPED


def test_without_a_lifespan_asgi_starts_with_the_first_request(app):
    client = app.test_client(gateway="asgi")
    client.get("/")
    client.get("/")
    client.close()
    assert app.log[:4] == STARTED


def test_a_failing_startup_is_told_to_the_server(app, caplog):
    @app.startup
    def broken():
        raise RuntimeError("no database")

    (answer,) = asyncio.run(lifespan(app, "startup"))
    assert answer["type"] == "lifespan.startup.failed"
    assert answer["message"].startswith("RuntimeError: no database\n")
    assert "broken' of" in answer["message"]
    assert "no database" in caplog.text
    assert app.log[-2:] == ["leave async", "leave sync"]


def test_a_failing_startup_names_the_function(app):
    @app.lifespan
    @asynccontextmanager
    async def connect_queue(app):
        raise RuntimeError("no queue")
        yield

    with pytest.raises(RuntimeError) as raised:
        app.start()
    (note,) = raised.value.__notes__
    assert "connect_queue' of" in note
    assert __name__ in note


def test_a_failing_startup_under_wsgi_is_tried_again_with_the_next_request(app):
    fails = [True]

    @app.startup
    def fragile():
        if fails:
            fails.pop()
            raise RuntimeError("not yet")

    client = app.test_client()
    with pytest.raises(RuntimeError, match="not yet"):
        client.get("/")
    assert client.get("/").text == "ok"


def test_all_shutdown_functions_run_and_their_errors_come_together(app):
    @app.shutdown
    def broken():
        raise RuntimeError("late")

    app.start()
    with pytest.raises(ExceptionGroup) as caught:
        app.stop()
    assert [str(error) for error in caught.value.exceptions] == ["late"]
    assert app.log == STARTED + STOPPED


def test_what_startup_makes_on_the_loop_is_usable_in_async_views(app):
    loops = []

    @app.startup
    async def note_loop():
        loops.append(asyncio.get_running_loop())

    @app.get("/loop")
    async def same_loop():
        return str(asyncio.get_running_loop() is loops[0])

    assert app.test_client().get("/loop").text == "True"


def test_a_forked_worker_has_a_loop_of_its_own(app):
    import os

    async def pid():
        return os.getpid()

    ask = app.async_to_sync(pid)
    assert ask() == os.getpid()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # the child must leave without pytest's clean-up
        try:
            os.write(writer, str(ask() == os.getpid()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"True"
    os.close(reader)


def test_a_coroutine_that_a_plain_function_hands_back_is_awaited(app):
    async def work():
        app.log.append("awaited")

    app.startup(lambda: work())
    app.start()
    app.stop()
    assert app.log[:5] == [*STARTED, "awaited"]
    asyncio.run(lifespan(app, "startup", "shutdown"))
    assert app.log.count("awaited") == 2


@pytest.mark.parametrize(
    ("cancelled", "answers"), [(0, ["cancelled", 200, 200]), (1, [200, "cancelled", 200])]
)
def test_a_cancelled_request_does_not_cancel_the_start_for_the_others(
    cancelled, answers, monkeypatch
):
    # A request that waits for the start does not notice that its client has left.
    monkeypatch.setattr("cruse.gateway.exchange.PATIENCE", 0.001)
    app = Cruse(__name__, static_folder=None)
    begun, go_on = asyncio.Event(), asyncio.Event()

    @app.startup
    async def slow():
        begun.set()
        await go_on.wait()

    @app.get("/")
    async def index():
        return "hello"

    async def three_requests():
        client = app.async_test_client()
        tasks = [asyncio.create_task(client.get("/")) for _ in answers]
        await begun.wait()
        await asyncio.sleep(0)  # the others begin to wait for the start
        tasks[cancelled].cancel()
        await asyncio.wait([tasks[cancelled]])
        go_on.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await app.stop_on_loop()
        return [
            "cancelled" if isinstance(result, asyncio.CancelledError) else result.status_code
            for result in results
        ]

    assert asyncio.run(three_requests()) == answers


@pytest.mark.parametrize("value", ["16MB", 1.5, True])
def test_a_size_that_is_no_number_is_named_at_start(app, value):
    app.config["MAX_CONTENT_LENGTH"] = value
    with pytest.raises(TypeError, match="'MAX_CONTENT_LENGTH' must be a whole number"):
        app.test_client().get("/")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("SECRET_KEY", 1234),
        ("SECRET_KEY_FALLBACKS", "a text, whose letters are no keys"),
        ("TRUSTED_HOSTS", "a.example,b.example"),
        ("TRUSTED_HOSTS", [1]),
        ("PERMANENT_SESSION_LIFETIME", "1d"),
        ("SEND_FILE_MAX_AGE_DEFAULT", "1h"),
        ("BACKGROUND_TASK_SHUTDOWN_TIMEOUT", "5s"),
        ("DEBUG", "False"),
        ("TESTING", "0"),
        ("SESSION_COOKIE_SECURE", "no"),
        ("SERVER_NAME", True),
    ],
)
def test_what_the_environment_may_make_of_a_setting_is_named_at_start(app, key, value):
    app.config[key] = value
    with pytest.raises(TypeError, match=f"'{key}' must be"):
        app.test_client().get("/")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("MAX_CONTENT_LENGTH", -1),
        ("SESSION_COOKIE_SAMESITE", "Laxx"),
        ("THREAD_POOL_SIZE", 0),
    ],
)
def test_a_value_that_a_setting_cannot_have_is_told_at_start(app, key, value):
    app.config[key] = value
    with pytest.raises(ValueError, match=f"'{key}' (must|is)"):
        app.test_client().get("/")


def test_a_lifespan_that_is_no_context_manager_is_told_how_to_be_one(app):
    async def forgotten(app):
        yield

    with pytest.raises(TypeError, match="write '@asynccontextmanager' of contextlib"):
        app.lifespan(forgotten)


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
@pytest.mark.parametrize("colour", ["sync", "async"])
def test_a_startup_function_that_asks_its_own_application_is_told_so(gateway, colour):
    app = Cruse(__name__, static_folder=None)
    app.testing = True

    if colour == "sync":

        @app.startup
        def warm_up():
            app.test_client().get("/")

    else:

        @app.startup
        async def warm_up():
            await app.async_test_client().get("/")

    with pytest.raises(RuntimeError, match="sent a request to its own application"):
        app.test_client(gateway=gateway).get("/")


def test_startup_functions_may_still_set_the_application_up(app):
    app.startup(lambda: app.add_url_rule("/made", "made", lambda: "at startup"))
    assert app.test_client().get("/made").text == "at startup"
