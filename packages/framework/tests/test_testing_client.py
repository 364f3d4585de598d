"""The test clients, as users of ``app.test_client()`` know them, on both faces."""

import asyncio
import contextlib
import gc
import io
import threading
import warnings

import pytest
from werkzeug.test import ClientRedirectError
from werkzeug.test import EnvironBuilder as WerkzeugBuilder

from cruse.app import Cruse
from cruse.context import Globals
from cruse.globals import g, has_app_context, has_request_context, request, session
from cruse.responses import Response
from cruse.sessions import SecureCookieSessionInterface
from cruse.testing import AsyncCruseClient, CruseClient, EnvironBuilder


@pytest.fixture
def app():
    app = Cruse(__name__)
    app.config.update(TESTING=True, SECRET_KEY="for tests")

    @app.route("/echo", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def echo():
        return {
            "method": request.method,
            "url": request.url,
            "args": request.args.to_dict(),
            "form": request.form.to_dict(),
            "files": {name: file.read().decode() for name, file in request.files.items()},
            "json": request.get_json(silent=True),
            "agent": request.headers.get("User-Agent"),
            "address": request.remote_addr,
            "header": request.headers.get("X-Test"),
        }

    @app.get("/async")
    async def asynchronous():
        await asyncio.sleep(0)
        return {"method": request.method}

    @app.post("/login")
    def login():
        session["user"] = request.form["user"]
        g.seen = "login"
        return app.redirect("/user", 302)

    @app.get("/user")
    def user():
        g.seen = "user"
        return session.get("user", "nobody")

    @app.get("/fail")
    def fail():
        g.seen = "fail"
        raise ArithmeticError("as asked for")

    return app


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    return app.test_client(gateway=request.param)


# -- requests -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_verbs_make_requests(client, method):
    assert getattr(client, method)("/echo").json["method"] == method.upper()


def test_async_views_are_called(client):
    assert client.get("/async").json == {"method": "GET"}


def test_head_and_options_are_verbs_too(client):
    assert (client.head("/echo").status_code, client.head("/echo").data) == (200, b"")
    assert "POST" in client.options("/echo").headers["Allow"]


def test_a_request_takes_what_the_builder_of_werkzeug_takes(client):
    answer = client.post(
        "/echo?a=1",
        data={"text": "ä", "file": (io.BytesIO(b"content"), "name.txt")},
        headers={"X-Test": "yes"},
        environ_base={"REMOTE_ADDR": "10.1.2.3"},
    ).json
    assert answer["args"] == {"a": "1"}
    assert answer["form"] == {"text": "ä"}
    assert answer["files"] == {"file": "content"}
    assert answer["header"] == "yes"
    assert answer["address"] == "10.1.2.3"


def test_json_is_made_and_read_as_the_application_does(app, client):
    class Provider(app.json_provider_class):
        def dumps(self, obj, **kwargs):
            return super().dumps({"wrapped": obj}, **kwargs)

        def loads(self, s, **kwargs):
            return super().loads(s, **kwargs)["wrapped"]

    app.json = Provider(app)
    assert client.post("/echo", json={"a": 1}).json["json"] == {"a": 1}


@pytest.mark.parametrize(
    "make",
    [
        lambda app, **put: EnvironBuilder(app, "/echo", **put),
        lambda app, **put: WerkzeugBuilder("/echo", **put),
        lambda app, **put: WerkzeugBuilder("/echo", **put).get_environ(),
        lambda app, **put: WerkzeugBuilder("/echo", **put).get_request(),
    ],
    ids=["builder", "werkzeug", "environ", "request"],
)
def test_a_request_may_be_made_before(app, client, make):
    answer = client.open(make(app, method="PUT", headers={"X-Test": "made"})).json
    assert (answer["method"], answer["header"]) == ("PUT", "made")
    assert answer["agent"].startswith("Werkzeug/")


def test_every_request_begins_with_the_base_of_the_client(client):
    client.environ_base["HTTP_X_TEST"] = "base"
    assert client.get("/echo").json["header"] == "base"
    assert client.get("/echo", headers={"X-Test": "own"}).json["header"] == "own"


@pytest.mark.parametrize(
    ("config", "arguments", "url"),
    [
        ({}, {}, "http://localhost/echo"),
        ({}, {"path": "/echo?x=1"}, "http://localhost/echo?x=1"),
        ({}, {"base_url": "https://example.com/"}, "https://example.com/echo"),
        ({}, {"path": "https://example.com/echo"}, "https://example.com/echo"),
        ({"SERVER_NAME": "example.com:81"}, {}, "http://example.com:81/echo"),
        ({"SERVER_NAME": "example.com"}, {"subdomain": "www"}, "http://www.example.com/echo"),
        ({"PREFERRED_URL_SCHEME": "https"}, {}, "https://localhost/echo"),
        ({"PREFERRED_URL_SCHEME": "https"}, {"url_scheme": "http"}, "http://localhost/echo"),
        ({"APPLICATION_ROOT": "/root"}, {}, "http://localhost/root/echo"),
    ],
)
def test_the_url_comes_from_the_configuration_or_the_test(app, client, config, arguments, url):
    app.config.update(config)
    assert client.get(**{"path": "/echo", **arguments}).json["url"] == url


def test_a_base_url_and_its_parts_exclude_each_other(client):
    with pytest.raises(AssertionError, match="either 'base_url', or"):
        client.get("/echo", base_url="http://x/", subdomain="www")


def test_a_whole_body_is_delivered(app, client):
    @app.post("/size")
    def size():
        return {"size": len(request.get_data())}

    assert client.post("/size", data=b"x" * 200_000).json == {"size": 200_000}


# -- responses ----------------------------------------------------------------------------


def test_responses_have_the_class_of_the_application(app, client):
    class Special(Response):
        special = True

    app.response_class = Special
    assert app.test_client().get("/echo").special


def test_errors_of_the_application_reach_the_test(client):
    with pytest.raises(ArithmeticError, match="as asked for"):
        client.get("/fail")


def test_without_testing_an_error_is_an_answer(app, client):
    app.testing = False
    assert client.get("/fail").status_code == 500


def test_redirects_are_followed_when_asked_for(client):
    response = client.post("/login", data={"user": "Ada"}, follow_redirects=True)
    assert response.text == "Ada"
    assert [redirect.status_code for redirect in response.history] == [302]
    assert response.request.path == "/user"
    assert client.post("/login", data={"user": "Eve"}).status_code == 302


def test_redirects_in_a_circle_are_an_error(app, client):
    app.add_url_rule("/round", view_func=lambda: app.redirect("/round"), endpoint="round")
    with pytest.raises(ClientRedirectError, match="Loop detected"):
        client.get("/round", follow_redirects=True)


def test_a_stream_is_read_as_it_comes(app, client):
    made = []

    @app.get("/numbers")
    def numbers():
        def generate():
            try:
                for number in range(1_000_000):
                    made.append(number)
                    yield f"{number};"
            finally:
                made.append("closed")

        return generate()

    response = client.get("/numbers")
    body = response.iter_encoded()
    assert [next(body), next(body)] == [b"0;", b"1;"]
    response.close()
    assert made[-1] == "closed"
    assert len(made) < 20


def test_an_async_stream_is_read_as_it_comes(app, client):
    @app.get("/numbers")
    async def numbers():
        async def generate():
            for number in range(3):
                await asyncio.sleep(0)
                yield f"{number};"

        return generate()

    assert client.get("/numbers").text == "0;1;2;"


def test_a_buffered_stream_is_complete(app, client):
    done = []

    @app.get("/numbers")
    def numbers():
        def generate():
            yield "1"
            yield "2"
            done.append(True)

        return generate()

    client.get("/numbers", buffered=True)
    assert done == [True]


# -- cookies and sessions -----------------------------------------------------------------


def test_cookies_are_kept(client):
    client.post("/login", data={"user": "Ada"})
    assert client.get("/user").text == "Ada"
    assert client.get_cookie("session").http_only
    client.delete_cookie("session")
    assert client.get("/user").text == "nobody"


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_cookies_may_be_left_alone(app, gateway):
    client = app.test_client(use_cookies=False, gateway=gateway)
    client.post("/login", data={"user": "Ada"})
    assert client.get("/user").text == "nobody"
    with (
        pytest.raises(TypeError, match="use_cookies=True"),
        client.session_transaction(),
    ):
        pass


def test_a_session_may_be_prepared_and_read(client):
    with client.session_transaction() as prepared:
        prepared["user"] = "Grace"
    assert client.get("/user").text == "Grace"
    client.post("/login", data={"user": "Ada"})
    with client.session_transaction() as left:
        assert left["user"] == "Ada"


def test_a_session_needs_a_secret_key(app, client):
    app.secret_key = None
    with (
        pytest.raises(RuntimeError, match="secret_key"),
        client.session_transaction(),
    ):
        pass


def test_a_null_session_can_be_read_but_is_not_saved(app, client):
    class Interface(SecureCookieSessionInterface):
        def open_session(self, app, request):
            return self.make_null_session(app)

    app.session_interface = Interface()
    with client.session_transaction() as nothing:
        assert nothing.get("user") is None
    assert client.get_cookie("session") is None


# -- contexts that stay -------------------------------------------------------------------


def test_in_a_with_block_the_last_request_stays(client):
    with client:
        client.post("/login?next=1", data={"user": "Ada"})
        assert request.path == "/login"
        assert request.args["next"] == "1"
        assert session["user"] == "Ada"
        assert g.seen == "login"
        client.get("/user")
        assert (request.path, g.seen) == ("/user", "user")
    assert not has_request_context()
    assert not has_app_context()


def test_without_a_with_block_nothing_stays(client):
    client.get("/user")
    assert not has_request_context()


def test_after_redirects_the_last_request_stays(client):
    with client:
        client.post("/login", data={"user": "Ada"}, follow_redirects=True)
        assert request.path == "/user"


def test_a_failed_request_stays_as_well(app, client):
    app.testing = False
    with client:
        assert client.get("/fail").status_code == 500
        assert g.seen == "fail"
    assert not has_app_context()


def test_teardown_runs_once_for_each_request(app, client):
    seen = []
    app.teardown_appcontext(lambda error: seen.append(g.seen))
    with client:
        client.get("/user")
        client.post("/login", data={"user": "Ada"})
    assert seen == ["user", "login"]


def test_teardown_is_told_of_the_error_of_a_kept_request(app, client):
    seen = []
    app.teardown_request(lambda error: seen.append(type(error)))
    app.testing = False
    with client:
        client.get("/fail")
        assert seen == []
    assert seen == [ArithmeticError]


def test_a_stream_in_a_with_block_is_kept_when_it_was_read(app, client):
    @app.get("/stream")
    def stream():
        def generate():
            yield request.path

        return generate()

    with client:
        response = client.get("/stream")
        assert response.text == "/stream"
        response.close()
    assert not has_app_context()


def test_with_blocks_do_not_nest(client):
    with client:
        assert client.preserve_context
        with pytest.raises(RuntimeError, match="cannot be nested"):
            client.__enter__()
    with client:
        pass
    assert not client.preserve_context


def test_a_context_of_the_test_stays_current_around_requests(app, client):
    with app.app_context():
        g.mine = True
        client.get("/user")
        assert g.mine
        with client:
            client.get("/user")
            assert g.seen == "user"
        assert g.mine


def test_a_namespace_of_ones_own_is_used(app, client):
    class Mine(Globals):
        pass

    app.app_ctx_globals_class = Mine
    with client:
        client.get("/user")
        assert isinstance(g._get_current_object(), Mine)


# -- the client itself --------------------------------------------------------------------


def test_the_application_chooses_the_class_of_its_clients(app):
    class Mine(CruseClient):
        def __init__(self, *args, token=None, **kwargs):
            super().__init__(*args, **kwargs)
            self.token = token

    app.test_client_class = Mine
    client = app.test_client(token="t", gateway="asgi")
    assert (client.token, client.gateway, client.application) == ("t", "asgi", app)
    assert client.get("/user").text == "nobody"


def test_the_tools_for_tests_have_no_other_names():
    with pytest.raises(ImportError, match="CruseServer"):
        from cruse.testing import CruseServer  # noqa: F401


def test_another_gateway_is_refused(app):
    with pytest.raises(ValueError, match="'wsgi' or 'asgi', not 'cgi'"):
        app.test_client(gateway="cgi")


def test_the_loop_of_a_client_is_closed_with_it(app):
    client = app.test_client(gateway="asgi")
    client.get("/async")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del client
        gc.collect()


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_the_threads_of_an_application_end_with_it(gateway):
    before = set(threading.enumerate())
    app = Cruse("threaded")
    app.add_url_rule("/sync", "sync", lambda: "")
    app.add_url_rule("/async", "async", asynchronous)
    client = app.test_client(gateway=gateway)
    client.get("/sync")
    client.get("/async")
    threads = set(threading.enumerate()) - before
    assert threads
    del app, client
    for thread in threads:
        while thread.is_alive():
            gc.collect()  # a worker lets go of its last request a moment after the answer
            thread.join(0.01)


async def asynchronous():
    return ""


def test_a_client_may_be_collected_while_another_loop_runs(app):
    client = app.test_client(gateway="asgi")
    client.get("/async")

    async def run():
        nonlocal client
        client = None
        gc.collect()
        return (await app.async_test_client().get("/user")).text

    assert asyncio.run(run()) == "nobody"


def test_closing_a_client_that_did_nothing_is_fine(app):
    app.test_client(gateway="asgi").close()
    app.test_client().close()


def test_closing_stops_the_application_on_the_loop_that_started_it(app):
    loops = []

    @app.lifespan
    @contextlib.asynccontextmanager
    async def pool(app):
        loops.append(asyncio.get_running_loop())
        yield
        loops.append(asyncio.get_running_loop())

    client = app.test_client(gateway="asgi")
    client.get("/async")
    client.close()
    assert len(loops) == 2
    assert loops[0] is loops[1]
    assert loops[0].is_closed()


def test_closing_leaves_an_application_alone_that_was_started_before(app):
    steps = []
    app.startup(lambda: steps.append("startup"))
    app.shutdown(lambda: steps.append("shutdown"))
    app.start()
    client = app.test_client(gateway="asgi")
    client.get("/async")
    client.close()
    assert steps == ["startup"]
    app.stop()


def test_a_closed_client_starts_anew(app):
    client = app.test_client(gateway="asgi")
    client.get("/async")
    client.close()
    assert client.get("/async").status_code == 200
    client.close()


def test_tasks_of_the_application_go_on_with_the_next_request(app):
    done = []

    @app.get("/start")
    async def start():
        async def work():
            await asyncio.sleep(0)
            done.append(True)

        app.extensions["task"] = asyncio.create_task(work())
        return ""

    @app.get("/wait")
    async def wait():
        await app.extensions["task"]
        return str(done)

    client = app.test_client(gateway="asgi")
    client.get("/start")
    assert client.get("/wait").text == "[True]"


def test_in_async_code_a_synchronous_asgi_client_names_the_other_one(app):
    client = app.test_client(gateway="asgi")

    async def run():
        client.get("/async")

    with pytest.raises(RuntimeError, match=r"app.async_test_client\(\)"):
        asyncio.run(run())


def test_middleware_around_a_gateway_is_called(app):
    calls = []
    wsgi, asgi = app.wsgi_app, app.asgi_app

    def around_wsgi(environ, start_response):
        calls.append("wsgi")
        return wsgi(environ, start_response)

    async def around_asgi(scope, receive, send):
        calls.append("asgi")
        await asgi(scope, receive, send)

    app.wsgi_app, app.asgi_app = around_wsgi, around_asgi
    app.test_client().get("/user")
    app.test_client(gateway="asgi").get("/user")
    assert calls == ["wsgi", "asgi"]


# -- the asynchronous client --------------------------------------------------------------


def test_the_async_client_awaits_its_verbs(app):
    async def run():
        client = app.async_test_client()
        assert isinstance(client, AsyncCruseClient)
        for method in ("get", "post", "put", "patch", "delete"):
            response = await getattr(client, method)("/echo", headers={"X-Test": "yes"})
            assert response.json["method"] == method.upper()
            assert response.json["header"] == "yes"
        assert (await client.head("/echo")).data == b""
        assert "POST" in (await client.options("/echo")).headers["Allow"]
        assert (await client.get("/async")).json == {"method": "GET"}

    asyncio.run(run())


def test_the_async_client_sends_forms_files_and_json(app):
    async def run():
        client = app.async_test_client()
        form = {"text": "ä", "file": (io.BytesIO(b"content"), "name.txt")}
        answer = (await client.post("/echo", data=form)).json
        assert (answer["form"], answer["files"]) == ({"text": "ä"}, {"file": "content"})
        answer = (await client.post("/echo", json=[1])).json
        assert answer["json"] == [1]

    asyncio.run(run())


def test_the_async_client_keeps_cookies_and_follows_redirects(app):
    async def run():
        client = app.async_test_client()
        response = await client.post("/login", data={"user": "Ada"}, follow_redirects=True)
        assert response.text == "Ada"
        assert [redirect.status_code for redirect in response.history] == [302]
        client.delete_cookie("session")
        assert client.get_cookie("session") is None
        assert (await client.get("/user")).text == "nobody"
        with client.session_transaction() as prepared:
            prepared["user"] = "Grace"
        assert (await client.get("/user")).text == "Grace"
        client.set_cookie("other", "1")
        assert client.get_cookie("other").value == "1"

    asyncio.run(run())


def test_the_async_client_notices_a_circle(app):
    app.add_url_rule("/round", view_func=lambda: app.redirect("/round"), endpoint="round")
    with pytest.raises(ClientRedirectError, match="Loop detected"):
        asyncio.run(app.async_test_client().get("/round", follow_redirects=True))


def test_the_async_client_passes_errors_on(app):
    with pytest.raises(ArithmeticError, match="as asked for"):
        asyncio.run(app.async_test_client().get("/fail"))


def test_the_async_client_uses_the_running_loop(app):
    @app.get("/loop")
    async def loop():
        return {"same": asyncio.get_running_loop() is expected}

    async def run():
        nonlocal expected
        expected = asyncio.get_running_loop()
        return (await app.async_test_client().get("/loop")).json

    expected = None
    assert asyncio.run(run()) == {"same": True}


def test_the_async_client_makes_requests_side_by_side(app):
    meeting = asyncio.Barrier(3)

    @app.get("/meet")
    async def meet():
        await meeting.wait()
        return request.args["who"]

    async def run():
        client = app.async_test_client()
        answers = await asyncio.gather(*(client.get(f"/meet?who={who}") for who in "abc"))
        return [answer.text for answer in answers]

    assert asyncio.run(run()) == ["a", "b", "c"]


def test_the_async_client_runs_startup_and_shutdown(app):
    steps = []

    @app.startup
    async def startup():
        steps.append(("startup", asyncio.get_running_loop()))

    @app.shutdown
    def shutdown():
        steps.append(("shutdown", None))

    async def run():
        async with app.async_test_client() as client:
            assert [step for step, _ in steps] == ["startup"]
            await client.get("/user")
        return asyncio.get_running_loop()

    loop = asyncio.run(run())
    assert steps == [("startup", loop), ("shutdown", None)]


def test_a_failing_startup_fails_the_test(app):
    @app.startup
    def startup():
        raise ArithmeticError("no database")

    async def run():
        async with app.async_test_client():
            pass

    with pytest.raises(RuntimeError, match=r"startup failed: .*no database"):
        asyncio.run(run())


def test_the_async_client_reads_a_stream_as_it_comes(app):
    left = []

    @app.get("/events")
    async def events():
        async def generate():
            try:
                for number in range(1_000_000):
                    yield f"data: {number}\n\n"
            finally:
                left.append(True)

        return Response(generate(), mimetype="text/event-stream")

    async def run():
        seen = []
        async with app.async_test_client().stream("/events") as response:
            assert response.status_code == 200
            assert response.status == "200 OK"
            assert response.headers["Content-Type"].startswith("text/event-stream")
            async for piece in response:
                seen.append(piece)
                if len(seen) == 2:
                    break
        return seen

    assert asyncio.run(run()) == [b"data: 0\n\n", b"data: 1\n\n"]
    assert left == [True]


def test_the_async_client_has_a_base_for_its_requests(app):
    async def run():
        client = app.async_test_client()
        client.environ_base["HTTP_X_TEST"] = "base"
        return (await client.get("/echo")).json["header"]

    assert asyncio.run(run()) == "base"


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_an_empty_field_and_an_empty_file_are_sent_as_a_browser_sends_them(gateway):
    app = Cruse(__name__, static_folder=None)

    @app.post("/")
    def index():
        file = request.files["f"]
        return {"a": request.form["a"], "name": file.filename, "size": len(file.read())}

    client = app.test_client(gateway=gateway)
    data = {"a": "", "f": (io.BytesIO(b""), 'o"dd.txt')}
    assert client.post("/", data=data).json == {"a": "", "name": 'o"dd.txt', "size": 0}
    data = {"a": "x", "f": (io.BytesIO(b"y" * 1_000_000), "big")}
    assert client.post("/", data=data).json["size"] == 1_000_000
