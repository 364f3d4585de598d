"""One context object per request, which extensions mark and keep."""

import weakref

import pytest
from flask import Flask, current_app, g, request, session
from flask.globals import app_ctx, request_ctx


@pytest.fixture
def app():
    app = Flask("app")
    app.secret_key = "key"
    app.seen = []

    @app.before_request
    def before():
        app.seen.append(request_ctx._get_current_object())
        request_ctx.mark = "of the extension"

    @app.teardown_request
    def teardown(error):
        app.seen.append(app_ctx._get_current_object())

    @app.get("/")
    def index():
        ctx = request_ctx._get_current_object()
        app.seen.append(ctx)
        app.reference = weakref.ref(ctx)
        assert ctx is app_ctx._get_current_object()
        assert ctx.request is request._get_current_object()
        assert ctx.session is session._get_current_object()
        assert ctx.app is current_app._get_current_object()
        assert ctx.g is g._get_current_object()
        assert ctx.url_adapter.build("index") == "/"
        assert ctx.copy() is not ctx
        return request_ctx.mark

    return app


def test_it_is_the_same_from_the_first_hook_to_the_last(app, client_of):
    assert client_of(app).get("/").text == "of the extension"
    assert len(app.seen) == 3
    assert len(set(map(id, app.seen))) == 1
    assert app.reference() is app.seen[0]


def test_each_request_has_its_own(app, client_of):
    client = client_of(app)
    client.get("/")
    client.get("/")
    assert len(set(map(id, app.seen))) == 2


def test_outside_of_requests_it_is_said_what_is_missing(app):
    assert not request_ctx
    with pytest.raises(RuntimeError, match="outside of request context"):
        request_ctx.request  # noqa: B018
    with app.app_context(), pytest.raises(RuntimeError, match="outside of request context"):
        request_ctx.request  # noqa: B018
    with app.test_request_context("/path") as ctx:
        assert request_ctx
        assert request_ctx._get_current_object() is ctx
        ctx.session = {"set": "by an extension"}
        assert session["set"] == "by an extension"


def test_a_context_is_made_of_an_environ_and_entered_by_hand(app):
    environ = app.test_request_context("/path?a=1").request.environ
    ctx = app.request_context(environ)
    ctx.push()
    assert request.args["a"] == "1"
    ctx.pop()
    assert not request_ctx


def test_the_environ_is_there_and_knows_the_request(app, client_of):
    @app.get("/environ/<name>")
    def environ(name):
        assert request.environ["werkzeug.request"] is request._get_current_object()
        assert request.environ["wsgi.errors"]
        return {key: request.environ[key] for key in ("PATH_INFO", "QUERY_STRING", "HTTP_X_JAR")}

    answer = client_of(app).get("/environ/jar?a=1", headers={"X-Jar": "full"})
    assert answer.json == {
        "PATH_INFO": "/environ/jar",
        "QUERY_STRING": "a=1",
        "HTTP_X_JAR": "full",
    }
