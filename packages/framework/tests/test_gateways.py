"""One object, three protocols: what the faces have to do themselves."""

import asyncio
import gc
import io
import threading
from contextvars import ContextVar
from wsgiref.validate import validator

import pytest
from werkzeug.exceptions import ClientDisconnected

from cruse import Cruse, Response, g, request, send_file
from cruse.testing.asgi import scope_from_environ


@pytest.fixture
def app():
    app = Cruse(__name__, static_folder=None)

    @app.get("/")
    def index():
        return "hello"

    @app.get("/thread")
    def thread():
        return threading.current_thread().name

    @app.get("/inline", inline=True)
    def inline():
        return threading.current_thread().name

    @app.get("/async")
    async def from_async():
        await asyncio.sleep(0)
        return threading.current_thread().name

    return app


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()


def test_two_arguments_mean_wsgi_and_three_asgi(app):
    assert app(environ(), lambda *args: None) == [b"hello"]
    coroutine = app(scope=scope_from_environ(environ()), receive=nothing, send=nothing)
    assert asyncio.iscoroutine(coroutine)
    coroutine.close()


async def nothing(message=None):
    raise AssertionError("not to be called")


def environ(path="/", **extra):
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        **extra,
    }


def test_servers_that_look_find_a_coroutine_function(app):
    import inspect

    assert inspect.iscoroutinefunction(app.__call__)


def test_a_call_without_arguments_is_a_type_error(app):
    with pytest.raises(TypeError):
        app()


def test_an_unknown_scope_is_refused(app):
    with pytest.raises(ValueError, match="carrier-pigeon"):
        asyncio.run(app({"type": "carrier-pigeon"}, nothing, nothing))


def test_sync_views_run_off_the_event_loop_under_asgi_unless_inline(app):
    with app.test_client(gateway="asgi") as client:
        loop_thread = client.get("/async").text
        assert client.get("/inline").text == loop_thread
        assert "worker" in client.get("/thread").text


def test_async_views_run_on_one_long_lived_loop_under_wsgi(app):
    client = app.test_client()
    names = {client.get("/async").text for _ in range(3)}
    assert len(names) == 1
    assert names != {threading.current_thread().name}


def test_the_wsgi_face_passes_the_standard_library_s_validator(app):
    def stream():
        yield "a"
        yield "b"

    app.add_url_rule("/stream", "stream", stream)
    for path, expected in (("/", b"hello"), ("/stream", b"ab"), ("/nowhere", None)):
        started = []

        def start_response(status, headers, exc_info=None, started=started):
            started.append(status)
            return lambda data: None

        request_environ = environ(path, **{
            "SCRIPT_NAME": "", "wsgi.version": (1, 0), "wsgi.multithread": True,
            "wsgi.multiprocess": False, "wsgi.run_once": False, "wsgi.errors": io.StringIO(),
        })  # fmt: skip
        request_environ["wsgi.input"] = io.BytesIO()
        response = validator(app)(request_environ, start_response)
        body = b"".join(response)
        response.close()
        assert len(started) == 1
        assert expected is None or body == expected


def test_middleware_wraps_either_face(app):
    inner_wsgi, inner_asgi = app.wsgi_app, app.asgi_app

    def wsgi(environ, start_response):
        environ["PATH_INFO"] = "/"
        return inner_wsgi(environ, start_response)

    async def asgi(scope, receive, send):
        await inner_asgi({**scope, "path": "/"}, receive, send)

    app.wsgi_app, app.asgi_app = wsgi, asgi
    for gateway in ("wsgi", "asgi"):
        with app.test_client(gateway=gateway) as client:
            assert client.get("/anything").text == "hello"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_generator_is_streamed_with_its_context(app, client, kind):
    ended = []

    def sync():
        try:
            for piece in "abc":
                yield f"{piece}{request.path}"
        finally:
            ended.append("generator")

    async def from_async():
        try:
            for piece in "abc":
                yield f"{piece}{request.path}"
        finally:
            ended.append("generator")

    app.add_url_rule("/s", "s", sync if kind == "sync" else lambda: from_async())
    app.teardown_request(lambda error: ended.append("teardown"))
    assert client.get("/s").text == "a/sb/sc/s"
    assert ended == ["generator", "teardown"]


def test_an_abandoned_stream_is_closed_and_torn_down_once(app):
    ended = []

    def stream():
        try:
            yield "first"
            yield "second"
        finally:
            ended.append(request.path)

    app.add_url_rule("/s", "s", stream)
    app.teardown_request(lambda error: ended.append("teardown"))
    body = app(environ("/s"), lambda *args: None)
    assert next(iter(body)) == b"first"
    body.close()
    body.close()
    assert ended == ["/s", "teardown"]


@pytest.mark.parametrize("begun", [False, True])
def test_a_stream_that_a_server_drops_unclosed_is_closed_and_torn_down(app, begun):
    ended = []

    @app.get("/s")
    def stream():
        response = Response(iter(["first", "second"]))
        response.call_on_close(lambda: ended.append(request.path))
        return response

    app.teardown_request(lambda error: ended.append(error))
    body = app(environ("/s"), lambda *args: None)
    if begun:
        assert next(iter(body)) == b"first"
    del body
    gc.collect()
    assert ended == ["/s", None]


def test_what_a_stream_fails_with_is_told_at_its_end(app):
    told = []
    app.teardown_request(told.append)
    app.add_url_rule("/s", "s", lambda: iter(["fine", "\ud800"]))
    body = app(environ("/s"), lambda *args: None)
    with pytest.raises(UnicodeEncodeError):
        list(body)
    body.close()
    assert [type(error) for error in told] == [UnicodeEncodeError]


def test_a_client_that_leaves_ends_an_async_stream(app):
    ended = []

    async def endless():
        try:
            while True:
                yield "tick"
                await asyncio.sleep(0.001)
        finally:
            ended.append("generator")

    app.add_url_rule("/s", "s", lambda: endless())
    app.teardown_request(lambda error: ended.append("teardown"))

    async def main():
        messages = []
        left = asyncio.Event()

        async def receive():
            if len(messages) < 1:
                return {"type": "http.request", "body": b"", "more_body": False}
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            messages.append(message)
            if len(messages) > 5:
                left.set()

        await asyncio.wait_for(app(scope_from_environ(environ("/s")), receive, send), 60)

    asyncio.run(main())
    assert ended == ["generator", "teardown"]


def test_head_and_204_have_no_body_and_still_close_the_stream(app, client):
    closed = []

    def stream():
        try:
            yield "x"
        finally:
            closed.append(True)

    def make():
        generator = stream()
        next(generator)
        return Response(generator)

    app.add_url_rule("/s", "s", make)
    app.add_url_rule("/empty", "empty", lambda: ("ignored", 204))
    assert client.head("/s").data == b""
    assert closed == [True]
    response = client.get("/empty")
    assert (response.data, response.content_length) == (b"", None)


def test_nothing_set_in_a_request_is_there_in_the_next(app, client):
    from contextvars import ContextVar

    variable = ContextVar("leak", default="clean")

    def view():
        before = variable.get()
        variable.set("dirty")
        g.dirty = True
        return before

    app.add_url_rule("/v", "v", view)
    assert [client.get("/v").text for _ in range(3)] == ["clean"] * 3


def test_the_environ_is_there_under_asgi(app, client):
    def view():
        return {
            "method": request.environ["REQUEST_METHOD"],
            "header": request.environ.get("HTTP_X_A"),
            "query": request.environ["QUERY_STRING"],
            "known": "wsgi.url_scheme" in request.environ,
            "request": request.environ["werkzeug.request"] is request._get_current_object(),
        }

    app.add_url_rule("/e", "e", view)
    assert client.get("/e?q=1", headers={"X-A": "b"}).json == {
        "method": "GET", "header": "b", "query": "q=1", "known": True, "request": True,
    }  # fmt: skip


def test_a_mounted_application_knows_its_root(app, client):
    from cruse import url_for

    app.add_url_rule("/where", "where", lambda: f"{request.root_path} {url_for('where')}")
    response = client.get("/where", base_url="http://localhost/mounted")
    assert response.text == "/mounted /mounted/where"


def test_200_slow_sync_views_at_once_neither_deadlock_nor_block_the_loop():
    app = Cruse(__name__, static_folder=None)
    app.config["THREAD_POOL_SIZE"] = 10
    gate = threading.Semaphore(0)

    @app.get("/slow")
    def slow():
        gate.acquire()
        return "slow"

    @app.get("/quick")
    async def quick():
        return "quick"

    async def main():
        client = app.async_test_client()
        waiting = [asyncio.ensure_future(client.get("/slow")) for _ in range(200)]
        await asyncio.sleep(0)
        assert (await client.get("/quick")).text == "quick"
        gate.release(200)
        assert {response.text for response in await asyncio.gather(*waiting)} == {"slow"}

    asyncio.run(asyncio.wait_for(main(), 100))


def test_requests_in_flight_never_see_each_other():
    app = Cruse(__name__, static_folder=None)

    @app.before_request
    def before():
        g.who = request.args["who"]

    @app.get("/async")
    async def from_async():
        await asyncio.sleep(0.001)
        return f"{g.who} {request.args['who']}"

    @app.get("/sync")
    def sync():
        return f"{g.who} {request.args['who']}"

    async def main():
        client = app.async_test_client()
        paths = [f"/{kind}?who={number}" for number in range(100) for kind in ("sync", "async")]
        responses = await asyncio.gather(*map(client.get, paths))
        for path, response in zip(paths, responses, strict=True):
            who = path.partition("=")[2]
            assert response.text == f"{who} {who}"

    asyncio.run(main())


# -- streams, cancellations and bodies at the edges --

SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "root_path": "",
    "raw_path": b"/",
    "path": "/",
    "query_string": b"",
    "headers": [(b"host", b"localhost")],
    "client": ("127.0.0.1", 50000),
    "server": ("127.0.0.1", 80),
}


async def exchange(app, messages=(), **scope):
    """Send one request to the ASGI face and return what came back: status and body."""
    sent, coming = [], list(messages)

    async def receive():
        if not coming:
            await asyncio.Event().wait()
        return coming.pop(0)

    async def send(message):
        sent.append(message)

    await app({**SCOPE, **scope}, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


def test_a_stream_nobody_will_send_is_closed_and_torn_down(app):
    log, started, go_on = [], threading.Event(), threading.Event()

    @app.teardown_request
    def teardown(error):
        log.append(type(error))

    @app.get("/cancelled")
    def cancelled():
        started.set()
        go_on.wait(60)
        response = Response(iter(["never sent"]))
        response.call_on_close(lambda: log.append("closed"))
        return response

    async def cancel_in_the_view():
        task = asyncio.create_task(exchange(app, path="/cancelled"))
        assert await asyncio.to_thread(started.wait, 60)
        task.cancel()
        asyncio.get_running_loop().call_soon(go_on.set)
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel_in_the_view())
    assert log == ["closed", asyncio.CancelledError]


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_a_stream_whose_head_cannot_be_made_is_torn_down(app, gateway):
    log = []

    @app.teardown_request
    def teardown(error):
        log.append(type(error))

    class Headless(Response):
        def get_wsgi_headers(self, environ):
            raise ValueError("no head")

    @app.get("/broken")
    def broken():
        return Headless(iter(["never sent"]))

    client = app.test_client(gateway=gateway)
    with pytest.raises(ValueError, match="no head"):
        client.get("/broken")
    client.close()
    assert log == [ValueError]


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
@pytest.mark.parametrize("how", ["class", "instance", "patched"])
def test_a_version_of_ones_own_of_the_headers_is_asked(app, monkeypatch, gateway, how):
    usual = Response.get_wsgi_headers

    def get_wsgi_headers(response, environ):
        headers = usual(response, environ)
        headers["X-Path"] = environ["PATH_INFO"]
        return headers

    class Own(Response):
        pass

    @app.get("/own")
    def own():
        response = Own("") if how == "class" else Response("")
        response.headers["X-Mine"] = "1"
        if how == "instance":
            response.get_wsgi_headers = lambda environ: get_wsgi_headers(response, environ)
        return response

    if how == "class":
        Own.get_wsgi_headers = get_wsgi_headers
    elif how == "patched":
        monkeypatch.setattr(Response, "get_wsgi_headers", get_wsgi_headers)
    headers = app.test_client(gateway=gateway).get("/own").headers
    assert (headers["X-Path"], headers["X-Mine"]) == ("/own", "1")


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_stream_may_read_the_body_that_it_answers(app, kind):
    if kind == "sync":

        @app.post("/echo")
        def echo():
            return (chunk for chunk in request.stream)
    else:

        @app.post("/echo", stream=True)
        async def echo():
            return (chunk async for chunk in request.stream)

    messages = [
        {"type": "http.request", "body": b"%d" % number, "more_body": number < 9}
        for number in range(10)
    ]
    answer = asyncio.run(exchange(app, messages, path="/echo", method="POST"))
    assert answer == (200, b"0123456789")


def test_a_client_that_leaves_in_the_middle_of_its_body_is_known_to_have_left(app):
    @app.post("/upload", stream=True)
    async def upload():
        with pytest.raises(ClientDisconnected):
            [chunk async for chunk in request.stream]
        return str(request.client_disconnected)

    messages = [
        {"type": "http.request", "body": b"some", "more_body": True},
        {"type": "http.disconnect"},
    ]
    assert asyncio.run(exchange(app, messages, path="/upload", method="POST")) == (200, b"True")


def test_an_error_of_the_system_in_a_stream_is_not_taken_for_a_client_that_left(app, client):
    told = []

    @app.teardown_request
    def teardown(error):
        told.append(type(error))

    @app.get("/fails")
    async def fails():
        async def chunks():
            yield "one"
            raise TimeoutError("the database")

        return chunks()

    with pytest.raises(TimeoutError):
        client.get("/fails").data  # noqa: B018
    client.close()
    assert told == [TimeoutError]


def test_whoever_waits_for_the_end_of_a_response_is_told_once(app, client):
    closed = []

    @app.get("/stream")
    async def stream():
        async def chunks():
            yield "one"

        response = Response(chunks())
        response.call_on_close(lambda: closed.append("stream"))
        return response

    @app.get("/file")
    def file():
        response = send_file(__file__)
        response.call_on_close(lambda: closed.append("file"))
        return response

    for path in ("/stream", "/file"):
        with client.get(path) as response:
            assert response.data
    client.close()
    assert closed == ["stream", "file"]


def test_an_async_stream_ends_in_the_context_it_ran_in(app):
    variable, ended = ContextVar("variable"), []

    @app.get("/endless")
    async def endless():
        async def chunks():
            token = variable.set("mine")
            try:
                while True:
                    yield "more"
            finally:
                variable.reset(token)
                ended.append(True)

        return chunks()

    async def leave_in_the_middle():
        gone = asyncio.Event()

        async def receive():
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            if message["type"] == "http.response.body":
                gone.set()
                await asyncio.Event().wait()

        await app({**SCOPE, "path": "/endless"}, receive, send)

    asyncio.run(leave_in_the_middle())
    assert ended == [True]


def test_an_async_view_may_ask_for_the_body_of_a_request_without_one(app, client):
    @app.get("/body")
    async def body():
        return repr(request.get_data())

    assert client.get("/body").text == "b''"


def test_a_body_that_http_2_did_not_announce_is_read(app):
    @app.delete("/body")
    async def body():
        return request.get_data()

    messages = [{"type": "http.request", "body": b"which", "more_body": False}]
    answer = asyncio.run(exchange(app, messages, path="/body", method="DELETE", http_version="2"))
    assert answer == (200, b"which")


def test_an_async_view_that_exits_leaves_the_loop_to_the_others(app):
    @app.get("/exit")
    async def leave():
        raise SystemExit(3)

    client = app.test_client()
    with pytest.raises(SystemExit):
        client.get("/exit")
    assert client.get("/async").status_code == 200
    client.close()


def test_a_cancellation_during_teardown_stays_a_cancellation(app):
    reached = []

    @app.teardown_request
    async def slow(error):
        reached.append(True)
        asyncio.current_task().cancel()
        await asyncio.Event().wait()

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(exchange(app, path="/async"))
    assert reached == [True]


def test_middleware_is_told_of_the_answer_before_the_context_ends(app):
    order = []
    inner = app.wsgi_app
    app.teardown_request(lambda error: order.append("teardown"))

    def middleware(environ, start_response):
        def start(status, headers, exc_info=None):
            order.append(f"{status} of {request.path}")
            return start_response(status, headers, exc_info)

        return inner(environ, start)

    app.wsgi_app = middleware
    assert b"".join(app(environ(), lambda *args: None)) == b"hello"
    assert order == ["200 OK of /", "teardown"]


def test_a_request_can_be_told_what_it_matched(app):
    with app.test_request_context("/nowhere"):
        assert request.endpoint is None
        request.url_rule = app.url_rule_class("/thread", endpoint="thread")
        request.view_args = {"a": 1}
        request.routing_exception = None
        assert request.endpoint == "thread"
        assert (request.url_rule.rule, request.view_args) == ("/thread", {"a": 1})
        request.url_rule = None
        assert request.endpoint is None


def test_a_request_of_no_application_matched_nothing_and_says_so():
    from werkzeug.test import create_environ

    from cruse import Request

    made = Request(create_environ("/"))
    assert made.url_rule is None
    with pytest.raises(RuntimeError, match="belongs to no application"):
        made.url_rule = None
