"""Contexts and the proxies: one object per request, made lazily, live for its whole length."""

import asyncio
import copy
import gc
import operator
import threading
import time
import weakref
from contextlib import suppress

import pytest
from werkzeug.local import LocalProxy

from cruse import (
    Cruse,
    abort,
    app_ctx,
    copy_current_request_context,
    current_app,
    g,
    get_app,
    has_app_context,
    has_request_context,
    inline,
    request,
    session,
)
from cruse.context import Context


@pytest.fixture
def app():
    app = Cruse(__name__, static_folder=None)
    app.secret_key = "k"
    return app


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()


@pytest.mark.parametrize("proxy", [current_app, g, app_ctx])
def test_outside_of_a_context_the_message_says_what_to_do(proxy):
    assert not proxy
    assert "unbound" in repr(proxy)
    with pytest.raises(RuntimeError, match=r"app\.app_context"):
        proxy.anything  # noqa: B018


@pytest.mark.parametrize("proxy", [request, session])
def test_outside_of_a_request_the_message_says_what_to_do(app, proxy):
    with app.app_context(), pytest.raises(RuntimeError, match="test_request_context"):
        proxy.anything  # noqa: B018


def test_a_request_that_an_application_context_hides_is_told_of(app, client):
    @app.get("/")
    def index():
        with app.app_context(), app.app_context():
            return request.path

    app.testing = True
    with pytest.raises(RuntimeError, match=r"Leave 'with app\.app_context\(\):' out"):
        client.get("/")
    outside = pytest.raises(RuntimeError, match="test_request_context")
    with app.app_context() as first, app.app_context(), first, outside:
        request.path  # noqa: B018


def test_a_context_says_whether_it_is_there(app):
    assert not has_app_context()
    with app.app_context():
        assert has_app_context()
        assert not has_request_context()
    with app.test_request_context("/"):
        assert has_request_context()
        assert current_app._get_current_object() is app
    assert not has_app_context()


def test_g_is_a_namespace_of_its_own_in_every_context(app):
    with app.app_context():
        g.name = "outer"
        with app.app_context():
            assert "name" not in g
            assert g.get("name", "none") == "none"
        assert g.name == "outer"
        assert g.pop("name") == "outer"
        assert list(g) == []
        assert g.setdefault("x", 1) == 1
        assert repr(g) == f"<cruse.g of {app.name!r}>"
        with pytest.raises(AttributeError):
            g.missing  # noqa: B018


def test_the_proxies_act_as_what_they_stand_for(app):
    from cruse import Request

    with app.test_request_context("/?a=1"):
        assert isinstance(request, Request)
        assert request == request._get_current_object()
        session["a"] = 1
        operator.ior(session, {"b": 2})
        assert "a" in session
        assert len(session) == 2
        assert sorted(session) == ["a", "b"]
        del session["a"]
        assert dict(session) == {"b": 2}
        request.mark = "set"
        assert request._get_current_object().mark == "set"
        del request.mark
        assert not hasattr(request, "mark")


def test_a_copy_of_a_proxy_is_one_of_what_it_stands_for(app):
    with app.test_request_context("/"):
        g.items = ["a"]
        session["items"] = ["a"]
        shallow, deep = copy.copy(g), copy.deepcopy(g)
        kept = copy.deepcopy(session)
        g.items.append("b")
        g.more = 1
        session["items"].append("b")
        merged = {"other": 1} | session
    assert vars(shallow) == {"items": ["a", "b"]}
    assert vars(deep) == {"items": ["a"]}
    assert kept == {"items": ["a"]}
    assert merged == {"other": 1, "items": ["a", "b"]}


@pytest.mark.parametrize("proxy", [current_app, request, g])
def test_a_proxy_is_known_as_one_before_there_is_what_it_stands_for(proxy):
    assert isinstance(proxy, LocalProxy)


def test_a_context_is_popped_only_where_it_is_current(app):
    first, second = app.app_context(), app.app_context()
    first.push()
    second.push()
    with pytest.raises(RuntimeError, match="Cannot pop"):
        first.pop()
    second.pop()
    first.pop()
    with pytest.raises(RuntimeError, match="None is the current"):
        first.pop()


def test_a_context_may_be_entered_twice_and_ends_once(app):
    ended = []
    app.teardown_appcontext(ended.append)
    ctx = app.app_context()
    with ctx:
        with ctx:
            pass
        assert ended == []
    assert ended == [None]


def test_a_request_context_outside_of_a_server_matches_its_url(app):
    app.add_url_rule("/<int:number>", "show", lambda number: "")
    with app.test_request_context("/7"):
        assert (request.endpoint, request.view_args) == ("show", {"number": 7})
        assert str(request.url_rule) == "/<int:number>"
    with app.test_request_context("/nowhere"):
        assert request.routing_exception.code == 404


def test_a_context_takes_attributes_and_weak_references(app, client):
    seen = []

    def view():
        app_ctx.custom = "kept"
        seen.append(weakref.ref(app_ctx._get_current_object()))
        return app_ctx.custom

    app.add_url_rule("/", "index", view)
    assert client.get("/").text == "kept"
    deadline = time.monotonic() + 30
    while seen[0]() is not None:  # a worker lets go of its last request a moment after the answer
        assert time.monotonic() < deadline
        gc.collect()


def test_functions_for_the_end_of_one_context_run_last_first(app, client):
    log = []

    async def from_async(error):
        log.append("async")

    def view():
        app_ctx.call_on_teardown(lambda error: log.append("sync"))
        app_ctx.call_on_teardown(from_async)
        return ""

    app.teardown_appcontext(lambda error: log.append("app"))
    app.add_url_rule("/", "index", view)
    client.get("/")
    assert log == ["async", "sync", "app"]


def test_the_session_and_request_of_an_untouched_request_are_never_made(app):
    class Interface(type(app.session_interface)):
        def open_session(self, app, request):
            raise AssertionError("nobody asked for the session")

    app.session_interface = Interface()
    app.add_url_rule("/", "index", lambda: "plain")
    response = app.test_client().get("/")
    assert response.text == "plain"
    assert "Vary" not in response.headers


def test_a_thread_started_by_a_view_may_take_the_request_along(app, client):
    def view():
        result = []

        @copy_current_request_context
        def work():
            result.append(request.path)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return result[0]

    app.add_url_rule("/thread", "thread", view)
    assert client.get("/thread").text == "/thread"


def test_a_task_started_by_a_view_may_take_the_request_along(app, client):
    async def view():
        @copy_current_request_context
        async def work():
            await asyncio.sleep(0)
            return request.path

        return await asyncio.create_task(work())

    app.add_url_rule("/task", "task", view)
    assert client.get("/task").text == "/task"


def test_an_application_is_freed_when_nobody_holds_it():
    app = Cruse(__name__)
    app.get("/")(lambda: "")
    app.test_client().get("/")
    app.stop()
    reference = weakref.ref(app)
    del app
    gc.collect()
    assert reference() is None


def test_a_copied_context_in_async_code_awaits_async_teardown(app, client):
    ended = []

    @app.teardown_request
    async def teardown(error):
        ended.append(request.path)

    @app.get("/")
    async def view():
        @copy_current_request_context
        async def work():
            return "worked"

        return await work()

    assert client.get("/").text == "worked"
    assert ended == ["/", "/"]


def test_the_current_application_as_one_of_its_own_class():
    class Shop(Cruse):
        pass

    shop = Shop(__name__)
    with pytest.raises(RuntimeError, match="outside of application context"):
        get_app(Shop)
    with shop.app_context():
        assert get_app(Shop) is get_app(Cruse) is shop
    with Cruse(__name__).app_context(), pytest.raises(TypeError, match="is not a Shop"):
        get_app(Shop)


# -- behind the end --


def test_a_request_that_outlives_its_context_tells_the_same(app, client):
    kept = []

    @app.get("/items/<int:number>", endpoint="item")
    def item(number):
        kept.append(request._get_current_object())
        return ""

    @app.errorhandler(404)
    def missing(error):
        kept.append(request._get_current_object())
        return "", 404

    client.get("/items/7?q=tea")
    client.get("/nowhere")
    found, lost = kept
    assert (found.endpoint, found.view_args, found.args["q"]) == ("item", {"number": 7}, "tea")
    assert found.url_rule.rule == "/items/<int:number>"
    assert found.max_form_parts == app.config["MAX_FORM_PARTS"]
    assert found.json_module is app.json
    assert (lost.endpoint, lost.url_rule, lost.routing_exception.code) == (None, None, 404)
    found.view_args = {"number": 8}
    assert found.view_args == {"number": 8}


def test_a_task_that_outlives_its_request_still_has_it(app, client):
    tasks = []

    @app.get("/<word>")
    async def view(word):
        async def later():
            await asyncio.sleep(0)
            return request.word, request.endpoint, request.view_args

        request.word = word
        tasks.append((asyncio.get_running_loop(), asyncio.ensure_future(later())))
        return ""

    client.get("/tea")
    loop, task = tasks[0]
    done = threading.Event()
    loop.call_soon_threadsafe(task.add_done_callback, lambda task: done.set())
    client.get("/more")  # the loop goes on
    assert done.wait(60)
    assert task.result() == ("tea", "view", {"word": "tea"})


@pytest.mark.parametrize("path", ["/", "/nowhere", "/moved", "/own", "/stream", "/abandoned"])
def test_requests_are_free_without_the_collector(app, path):
    kept = []

    def keep():
        kept.append(weakref.ref(request._get_current_object()))
        kept.append(weakref.ref(app_ctx._get_current_object()))

    app.before_request(keep)
    app.get("/", endpoint="index")(lambda: request.args.get("q", ""))
    app.get("/moved/", endpoint="moved")(lambda: "")
    app.get("/own", endpoint="own")(lambda: (request.form.get("a", ""), 404))
    stream = app.get("/stream", endpoint="stream")(lambda: (c for c in request.path))
    app.get("/abandoned", endpoint="stream")(stream)
    app.errorhandler(404)(lambda error: ("none", 404))
    environ = app.test_request_context(path).environ
    gc.collect()
    gc.disable()
    try:
        body = app(environ.copy(), lambda *args: None)
        for _ in body:
            if path == "/abandoned":
                break
        if hasattr(body, "close"):
            body.close()
        del body
        assert [reference() for reference in kept] == [None, None]
    finally:
        gc.enable()


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
@pytest.mark.parametrize("handled", [True, False], ids=["handled", "unhandled"])
@pytest.mark.parametrize("path", ["/error", "/abort", "/nothing", "/exit"])
def test_errors_are_free_without_the_collector(app, path, handled, gateway):
    kept = []

    def fail():
        raise LookupError

    def leave():
        raise SystemExit

    app.logger.disabled = True
    app.before_request(inline(lambda: kept.append(weakref.ref(app_ctx._get_current_object()))))
    app.get("/error", inline=True)(fail)
    app.get("/abort", endpoint="abort", inline=True)(lambda: abort(418))
    app.get("/nothing", endpoint="nothing", inline=True)(lambda: None)
    app.get("/exit", inline=True)(leave)
    if handled:
        app.errorhandler(LookupError)(inline(lambda error: ("handled", 400)))
        app.errorhandler(418)(inline(lambda error: ("handled", 418)))
    serve = {"wsgi": _serve_wsgi, "asgi": _serve_asgi}[gateway]
    serve(app, path)  # what is made once is made
    gc.collect()
    gc.disable()
    try:
        serve(app, path)
        assert [reference() for reference in kept] == [None, None]
    finally:
        gc.enable()


def _serve_wsgi(app, path):
    with suppress(SystemExit):
        app(app.test_request_context(path).environ.copy(), lambda *args: None)


def _serve_asgi(app, path):
    scope = {"type": "http", "method": "GET", "path": path, "headers": [(b"host", b"localhost")]}

    async def send(message):
        pass

    async def answer():
        with suppress(SystemExit):
            await app(scope, None, send)

    asyncio.run(answer())


@pytest.mark.parametrize("part", ["request", "session", "g", "adapter"])
def test_a_missing_attribute_in_a_part_of_ones_own_is_told_as_it_is(part):
    def fail(*args):
        return None.missing

    class Own(Cruse):
        if part == "adapter":
            create_url_adapter = fail

    app = Own(__name__)
    app.config.update(SECRET_KEY="k", PROPAGATE_EXCEPTIONS=True)
    if part == "request":
        app.request_class = fail
    elif part == "g":
        app.app_ctx_globals_class = fail
    elif part == "session":
        app.session_interface.open_session = fail
    app.get("/")(lambda: f"{app_ctx.request}{app_ctx.session}{app_ctx.g}")
    for gateway in ("wsgi", "asgi"):
        client = app.test_client(gateway=gateway)
        with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'missing'"):
            client.get("/")
        client.close()


def test_a_context_may_be_copied_before_it_is_entered(app):
    copied = app.test_request_context("/other?q=tea", method="POST").copy()
    with copied:
        assert (request.method, request.path, request.args["q"]) == ("POST", "/other", "tea")


def test_a_context_class_can_be_looked_at():
    assert Context.environ is not None
