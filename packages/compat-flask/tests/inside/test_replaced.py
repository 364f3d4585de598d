"""Methods and applications that extensions replace or wrap, with the signatures of Flask 3.1."""

import pytest
import werkzeug.serving
from flask import Flask, Response, request
from werkzeug.test import create_environ


@pytest.fixture
def app():
    app = Flask("app")
    app.calls = []

    @app.get("/")
    def index():
        return "here"

    @app.get("/async")
    async def slow():
        return "here"

    @app.get("/broken")
    def broken():
        raise LookupError("broken")

    @app.get("/stream")
    def stream():
        return (f"{request.path} {number} " for number in range(3))

    return app


def test_dispatching_is_replaced_on_the_instance(app, client_of):
    original = app.dispatch_request

    def dispatch():
        app.calls.append(request.endpoint)
        return original()

    app.dispatch_request = dispatch
    client = client_of(app)
    assert client.get("/").text == "here"
    assert client.get("/async").text == "here"
    assert app.calls == ["index", "slow"]


def test_dispatching_is_replaced_while_the_application_serves(app, client_of):
    client = client_of(app)
    client.get("/")
    app.dispatch_request = lambda: "replaced"
    assert client.get("/").text == "replaced"


def test_error_handling_is_replaced_on_the_instance(app, client_of):
    app.handle_user_exception = lambda error: (f"user: {type(error).__name__}", 409)
    client = client_of(app)
    assert client.get("/broken").status_code == 409
    assert client.get("/nowhere").text == "user: NotFound"

    def failing(error):
        raise error

    app.handle_user_exception = failing
    app.handle_exception = lambda error: Response(f"all: {error}", 500)
    assert client.get("/broken").text == "all: broken"


def test_steps_are_called_from_outside_as_in_flask(app):
    with app.test_request_context("/"):
        assert app.preprocess_request() is None
        assert app.make_default_options_response().allow
        assert app.full_dispatch_request().data == b"here"
        assert app.process_response(Response("text")).data == b"text"
        assert app.create_url_adapter(request).build("index") == "/"
        app.log_exception((None, None, None))
    with app.test_request_context("/nowhere"), pytest.raises(Exception, match="404"):
        app.raise_routing_exception(request)


class Middleware:
    """Looks at both ends of a request, as those for WSGI do."""

    def __init__(self, application):
        self.application = application
        self.seen = []

    def __call__(self, environ, start_response):
        def start(status, headers, exc_info=None):
            self.seen.append((environ["PATH_INFO"], status, request.endpoint))
            return start_response(status, [*headers, ("X-Wrapped", "yes")], exc_info)

        environ["middleware"] = self
        return self.application(environ, start)


@pytest.mark.parametrize("path", ["/", "/async", "/stream"])
def test_middleware_around_wsgi_app_has_its_say(app, client_of, path):
    app.wsgi_app = middleware = Middleware(app.wsgi_app)
    ended = []
    app.teardown_request(lambda error: ended.append(len(middleware.seen)))

    answer = client_of(app).get(path)

    assert answer.headers["X-Wrapped"] == "yes"
    assert answer.text in ("here", "/stream 0 /stream 1 /stream 2 ")
    assert [each[:2] for each in middleware.seen] == [(path, "200 OK")]
    assert middleware.seen[0][2] is not None
    assert ended == [1], "the request ends when the middleware has been told of the answer"


def test_when_the_end_fails_middleware_is_told_again(app):
    app.wsgi_app = middleware = Middleware(app.wsgi_app)

    @app.teardown_request
    def failing(error):
        raise ValueError("at the end")

    answers = []
    body = app(create_environ("/"), lambda status, headers, exc_info: answers.append(exc_info))
    assert b"Internal Server Error" in b"".join(body)
    assert answers[0] is None
    assert issubclass(answers[1][0], BaseExceptionGroup)
    assert [status for _, status, _ in middleware.seen] == ["200 OK", "500 INTERNAL SERVER ERROR"]


def test_a_body_goes_through_middleware(app, client_of):
    app.wsgi_app = Middleware(app.wsgi_app)

    @app.post("/body")
    async def body():
        return request.get_json()

    assert client_of(app).post("/body", json={"a": 1}).json == {"a": 1}


def test_async_code_behind_middleware_has_the_loop_of_the_application(app, client_of):
    import asyncio

    app.wsgi_app = Middleware(app.wsgi_app)
    loops = []

    @app.startup
    async def start():
        loops.append(asyncio.get_running_loop())

    @app.get("/loop")
    async def loop():
        loops.append(asyncio.get_running_loop())
        return "here"

    client_of(app).get("/loop")
    assert loops[0] is loops[1]


def test_calling_is_patched_on_the_class(client_of):
    class Mine(Flask):
        pass

    original = Mine.__call__
    seen = []

    def patched(self, environ, start_response):
        seen.append(environ["PATH_INFO"])
        return original(self, environ, start_response)

    Mine.__call__ = patched
    app = Mine("app")
    app.add_url_rule("/", "index", lambda: "here")

    assert client_of(app).get("/").text == "here"
    assert seen == ["/"]


def test_calling_is_overridden_in_a_subclass(client_of):
    class Mine(Flask):
        def __call__(self, environ, start_response):
            environ["HTTP_X_JAR"] = "full"
            return super().__call__(environ, start_response)

    app = Mine("app")
    app.add_url_rule("/", "index", lambda: request.headers["X-Jar"])
    assert client_of(app).get("/").text == "full"


def test_with_middleware_a_look_at_the_last_request_is_possible(app, client_of):
    app.wsgi_app = Middleware(app.wsgi_app)
    with client_of(app) as client:
        client.get("/?a=1")
        assert request.args["a"] == "1"


def test_the_server_is_looked_up_when_it_is_called(app, monkeypatch):
    called = []
    monkeypatch.setattr(
        werkzeug.serving,
        "run_simple",
        lambda host, port, application, **options: called.append((host, port, application)),
    )
    monkeypatch.delenv("CRUSE_RUN_FROM_CLI", raising=False)
    app.run("127.0.0.1", 5001, load_dotenv=False)
    assert called == [("127.0.0.1", 5001, app)]
