"""Registries that are public and notice changes, templates, and functions of both colours."""

import threading
from functools import wraps

import pytest
from flask import Blueprint, Flask, after_this_request, current_app, g, request, signals
from flask.views import MethodView


@pytest.fixture
def app():
    app = Flask("app")

    @app.get("/")
    def index():
        return "here"

    return app


def test_hooks_are_appended_to_while_a_request_is_answered(app, client_of):
    @app.get("/mark")
    def mark():
        app.after_request_funcs.setdefault(None, []).append(marked)
        return "marked"

    def marked(response):
        response.headers["X-Mark"] = "yes"
        return response

    client = client_of(app)
    assert "X-Mark" not in client.get("/").headers
    assert client.get("/mark").headers["X-Mark"] == "yes"
    assert client.get("/").headers["X-Mark"] == "yes"
    app.after_request_funcs[None].remove(marked)
    assert "X-Mark" not in client.get("/").headers


def test_every_registry_notices_a_change(app, client_of):
    client = client_of(app)
    client.get("/")
    app.before_request_funcs.setdefault(None, []).append(lambda: setattr(g, "word", "changed"))
    app.view_functions["index"] = lambda: g.word
    assert client.get("/").text == "changed"
    ended = []
    app.teardown_request_funcs.setdefault(None, []).append(ended.append)
    client.get("/")
    assert ended == [None]
    app.error_handler_spec[None][404][LookupError] = None
    app.error_handler_spec[None][404] = {Exception: lambda error: ("nothing", 404)}
    assert client.get("/nowhere").text == "nothing"
    app.url_map.add(app.url_rule_class("/more", endpoint="index", methods=["GET"]))
    assert client.get("/more").text == "changed"
    assert app.extensions == {}


def test_a_view_is_found_by_its_endpoint_and_carries_its_marks(app, client_of):
    class Memo(MethodView):
        def get(self):
            view = current_app.view_functions[request.endpoint]
            return {"class": view.view_class.__name__, "methods": sorted(view.methods)}

    blueprint = Blueprint("shop", "shop", url_prefix="/shop")
    blueprint.add_url_rule("/memo", view_func=Memo.as_view("memo"))
    app.register_blueprint(blueprint)
    assert client_of(app).get("/shop/memo").json == {"class": "Memo", "methods": ["GET"]}
    assert app.blueprints["shop"] is blueprint


def test_templates_take_filters_globals_and_overlays(app, client_of):
    from flask import render_template_string

    app.jinja_env.filters["shout"] = lambda text: f"{text.upper()}!"
    app.jinja_env.tests["jar"] = lambda text: text == "jar"
    app.jinja_env.globals["word"] = "jar"
    overlay = app.jinja_env.overlay(line_statement_prefix="%")
    assert overlay.from_string("{{ word | shout }}").render() == "JAR!"

    @app.get("/page")
    def page():
        return render_template_string("{{ word | shout }} {{ word is jar }} {{ request.path }}")

    assert client_of(app).get("/page").text == "JAR! True /page"


def plain(view):
    """A decorator that knows nothing of coroutine functions."""

    @wraps(view)
    def wrapper(*args, **kwargs):
        g.decorated = True
        return view(*args, **kwargs)

    return wrapper


def ensuring(view):
    """A decorator that follows the advice to extensions."""

    @wraps(view)
    def wrapper(*args, **kwargs):
        return current_app.ensure_sync(view)(*args, **kwargs)

    return wrapper


@pytest.mark.parametrize("decorator", [plain, ensuring])
def test_a_plain_decorator_around_an_async_view(app, client_of, decorator):
    @app.get("/async/<int:number>")
    @decorator
    async def slow(number):
        return {"number": number, "body": request.get_json(silent=True)}

    assert client_of(app).get("/async/3").json == {"number": 3, "body": None}


def test_a_request_with_plain_hooks_runs_in_one_thread(app, client_of):
    threads = []
    app.before_request(lambda: threads.append(threading.get_ident()))
    app.teardown_request(lambda error: threads.append(threading.get_ident()))

    @app.get("/thread")
    def thread():
        @after_this_request
        def after(response):
            threads.append(threading.get_ident())
            return response

        threads.append(threading.get_ident())
        return "here"

    client_of(app).get("/thread")
    assert len(threads) == 4
    assert len(set(threads)) == 1


def test_signals_come_from_the_application_and_reach_both_colours(app, client_of):
    told = []

    def started(sender, **extra):
        told.append(("started", sender))

    async def finished(sender, response, **extra):
        told.append((response.status_code, sender))

    with (
        signals.request_started.connected_to(started, app),
        signals.request_finished.connected_to(finished, app),
    ):
        client_of(app).get("/")
    assert told == [("started", app), (200, app)]


def test_a_signal_of_an_extension_is_sent_to_coroutine_functions(app, client_of):
    mine = signals.Namespace().signal("mine")
    told = []

    @mine.connect
    async def receive(sender, word):
        told.append((sender, word))

    @app.get("/send")
    def send():
        mine.send(
            current_app._get_current_object(), word="jar", _async_wrapper=current_app.ensure_sync
        )
        return "sent"

    client_of(app).get("/send")
    assert told == [(app, "jar")]


def test_setup_is_over_when_the_first_request_has_come(app, client_of):
    client_of(app).get("/")
    with pytest.raises(AssertionError, match="can no longer be called"):
        app.before_request(lambda: None)
