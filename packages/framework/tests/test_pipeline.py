"""The way of a request: hooks and their order, errors, teardown, in any mix of colours."""

import sys
import threading
from functools import partial, wraps

import pytest
from werkzeug.exceptions import Forbidden, HTTPException, NotFound

from cruse import (
    Blueprint,
    Cruse,
    after_this_request,
    appcontext_popped,
    appcontext_pushed,
    g,
    got_request_exception,
    inline,
    request,
    request_finished,
    request_started,
    request_tearing_down,
    session,
)


@pytest.fixture
def app():
    return Cruse(__name__, static_folder=None)


@pytest.fixture(params=["wsgi", "asgi"])
def make_client(app, request):
    clients = []

    def make():
        client = app.test_client(gateway=request.param)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


COLORS = ["sync", "async", "inline"]


def colored(color, function):
    """Return ``function`` as a plain, an async, or a quick plain function."""
    if color == "async":

        async def awaited(*args, **kwargs):
            return function(*args, **kwargs)

        return awaited
    if color == "inline":
        return inline(lambda *args, **kwargs: function(*args, **kwargs))
    return function


@pytest.mark.parametrize("view_color", COLORS)
@pytest.mark.parametrize("hook_color", COLORS)
def test_everything_runs_in_flask_s_order(app, make_client, hook_color, view_color):
    log = []
    outer = Blueprint("outer", __name__)
    inner = Blueprint("inner", __name__)

    def note(name, result=None):
        return colored(hook_color, lambda *args: (log.append(name), result)[1])

    def passing(name):
        return colored(hook_color, lambda response: (log.append(name), response)[1])

    for name, scaffold in (("app", app), ("outer", outer), ("inner", inner)):
        scaffold.url_value_preprocessor(lambda e, v, name=name: log.append(f"{name} values"))
        scaffold.before_request(note(f"{name} before"))
        scaffold.after_request(passing(f"{name} after"))
        scaffold.teardown_request(note(f"{name} teardown"))
    app.teardown_appcontext(note("context teardown"))

    def view():
        after_this_request(passing("this after"))
        log.append("view")
        return "ok"

    inner.add_url_rule("/", "view", colored(view_color, view))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    assert make_client().get("/").text == "ok"
    assert log == [
        "app values", "outer values", "inner values",
        "app before", "outer before", "inner before",
        "view",
        "this after", "inner after", "outer after", "app after",
        "inner teardown", "outer teardown", "app teardown",
        "context teardown",
    ]  # fmt: skip


@pytest.mark.parametrize("color", COLORS)
def test_a_before_hook_may_answer(app, make_client, color):
    app.before_request(colored(color, lambda: ("stop", 403)))
    app.add_url_rule("/", "index", lambda: "never")
    response = make_client().get("/")
    assert (response.status_code, response.text) == (403, "stop")


def test_before_hooks_run_for_a_404_and_its_handler_sees_g(app, make_client):
    @app.before_request
    def before():
        g.who = "ada"

    @app.errorhandler(404)
    async def missing(error):
        return f"{g.who} lost at {request.path}", 404

    assert make_client().get("/nowhere").text == "ada lost at /nowhere"


def test_context_variables_set_in_a_hook_are_seen_by_a_view_of_the_other_color(app, make_client):
    from contextvars import ContextVar

    variable = ContextVar("variable", default="unset")

    @app.before_request
    def before():
        variable.set("sync")

    @app.get("/")
    async def index():
        return variable.get()

    client = make_client()
    assert client.get("/").text == "sync"
    assert variable.get() == "unset"


def test_the_handler_for_a_status_goes_before_one_for_its_class(app, make_client):
    blueprint = Blueprint("bp", __name__)

    @blueprint.errorhandler(HTTPException)
    def any_http(error):
        return "blueprint's", error.code

    @app.errorhandler(403)
    def forbidden(error):
        return "app's", 403

    @blueprint.get("/<int:code>")
    def fail(code):
        raise {403: Forbidden, 404: NotFound}[code]

    app.register_blueprint(blueprint)
    client = make_client()
    assert client.get("/403").text == "app's"
    assert client.get("/404").text == "blueprint's"


@pytest.mark.parametrize("color", ["sync", "async"])
def test_the_nearest_class_s_handler_answers(app, make_client, color):
    app.register_error_handler(LookupError, colored(color, lambda e: ("lookup", 400)))
    app.register_error_handler(KeyError, colored(color, lambda e: ("key", 400)))

    @app.get("/<which>")
    def fail(which):
        raise {"key": KeyError, "index": IndexError}[which]

    client = make_client()
    assert client.get("/key").text == "key"
    assert client.get("/index").text == "lookup"


def test_an_unhandled_error_is_a_500_that_tells_the_client_nothing(app, make_client, caplog):
    seen = []
    got_request_exception.connect(
        lambda sender, exception: seen.append(exception), app, weak=False
    )

    @app.get("/")
    def fail():
        raise ValueError("secret words")

    response = make_client().get("/")
    assert response.status_code == 500
    assert "secret" not in response.text
    assert "Exception on / [GET]" in caplog.text
    assert [type(error) for error in seen] == [ValueError]


def test_a_handler_for_500_gets_the_original_error_inside(app, make_client):
    @app.errorhandler(500)
    def failed(error):
        return f"sorry, {type(error.original_exception).__name__}", 500

    @app.get("/")
    def fail():
        raise ValueError

    assert make_client().get("/").text == "sorry, ValueError"


def test_when_testing_errors_reach_the_test(app, make_client):
    app.testing = True

    @app.get("/")
    async def fail():
        raise ValueError("here")

    with pytest.raises(ValueError, match="here"):
        make_client().get("/")


def test_a_teardown_function_gets_the_error_that_nothing_handled(app, make_client):
    seen = []
    app.teardown_request(seen.append)
    app.register_error_handler(KeyError, lambda error: "handled")

    @app.get("/handled")
    def handled():
        raise KeyError

    app.get("/fine")(lambda: "fine")
    client = make_client()
    client.get("/handled")
    client.get("/fine")
    assert seen == [None, None]


def test_all_teardown_functions_run_and_their_errors_come_together(app, make_client):
    app.testing = True
    ran = []

    def failing(name):
        def teardown(error):
            ran.append(name)
            raise RuntimeError(name)

        return teardown

    app.teardown_request(failing("request 1"))
    app.teardown_request(failing("request 2"))
    app.teardown_appcontext(failing("context"))
    app.get("/")(lambda: "ok")
    with pytest.raises(BaseExceptionGroup) as caught:
        make_client().get("/")
    assert ran == ["request 2", "request 1", "context"]
    of_request, of_app = caught.value.exceptions
    assert [str(error) for error in of_request.exceptions] == ["request 2", "request 1"]
    assert [str(error) for error in of_app.exceptions] == ["context"]


def test_an_error_in_teardown_is_a_500_in_production_and_logged(app, make_client, caplog):
    @app.teardown_request
    def teardown(error):
        raise RuntimeError("broken end")

    app.get("/")(lambda: "ok")
    response = make_client().get("/")
    assert response.status_code == 500
    assert "broken end" not in response.text
    assert "broken end" in caplog.text


def test_an_error_in_an_after_hook_is_a_500(app, make_client):
    @app.after_request
    def after(response):
        raise RuntimeError

    app.get("/")(lambda: "ok")
    assert make_client().get("/").status_code == 500


def test_a_hook_appended_to_the_registry_while_serving_takes_effect(app, make_client):
    app.get("/")(lambda: "ok")
    client = make_client()
    assert "X-Late" not in client.get("/").headers

    def late(response):
        response.headers["X-Late"] = "yes"
        return response

    app.after_request_funcs.setdefault(None, []).append(late)
    assert client.get("/").headers["X-Late"] == "yes"


def test_a_view_replaced_in_the_registry_takes_effect(app, make_client):
    app.add_url_rule("/", "index", lambda: "old")
    client = make_client()
    assert client.get("/").text == "old"
    app.view_functions["index"] = lambda: "new"
    assert client.get("/").text == "new"


class Shop:
    def shown(self, number):
        return f"{number}"


def _passed_on(function):
    @wraps(function)
    def wrapper(*args, **kwargs):
        assert (args, kwargs) == ((), {"number": 7})
        return function(*args, **kwargs)

    return wrapper


@pytest.mark.parametrize("color", COLORS)
@pytest.mark.parametrize(
    ("view", "answer"),
    [
        (lambda number: f"{number}", "7"),
        (lambda number, page=1: f"{number} {page}", "7 1"),
        (lambda page=1, number=2: f"{number} {page}", "7 1"),
        (lambda *, number: f"{number}", "7"),
        (lambda *args, **kwargs: f"{args} {kwargs}", "() {'number': 7}"),
        (lambda number, **kwargs: f"{number} {kwargs}", "7 {}"),
        (partial(lambda page, number: f"{number} {page}", 3), "7 3"),
        (Shop().shown, "7"),
        (_passed_on(lambda number: f"{number}"), "7"),
    ],
)
def test_a_view_gets_the_part_of_the_path_by_its_name(app, make_client, color, view, answer):
    app.add_url_rule(
        "/items/<int:number>", "item", view if color == "sync" else colored(color, view)
    )
    client = make_client()
    assert [client.get("/items/7").text for _ in range(2)] == [answer] * 2


def test_a_preprocessor_may_give_the_view_another_argument(app, make_client):
    @app.url_value_preprocessor
    def rename(endpoint, values):
        values["item"] = values.pop("number") + 1

    app.add_url_rule("/items/<int:number>", "item", lambda item=0: f"{item}")
    client = make_client()
    assert client.get("/items/7").text == client.get("/items/7").text == "8"


def test_a_step_replaced_on_the_instance_is_called_and_may_call_the_original(app, make_client):
    app.get("/")(lambda: "ok")
    client = make_client()
    assert client.get("/").text == "ok"
    original = app.dispatch_request
    app.dispatch_request = lambda: f"[{original()}]"
    assert client.get("/").text == "[ok]"


def test_a_step_overridden_in_a_subclass_is_called_with_flask_s_signature(request):
    class Own(Cruse):
        def handle_user_exception(self, e):
            if isinstance(e, KeyError):
                return "key", 418
            return super().handle_user_exception(e)

        def preprocess_request(self):
            g.own = True
            return super().preprocess_request()

    app = Own(__name__, static_folder=None)

    @app.get("/")
    async def index():
        if g.own:
            raise KeyError

    for gateway in ("wsgi", "asgi"):
        with app.test_client(gateway=gateway) as client:
            assert client.get("/").status_code == 418
            assert client.get("/nowhere").status_code == 404


def test_a_plain_decorator_around_an_async_view_still_awaits_it(app, make_client):
    def decorator(view):
        def wrapper(*args, **kwargs):
            return view(*args, **kwargs)

        return wrapper

    async def index():
        return "awaited"

    app.add_url_rule("/", "index", decorator(index))
    assert make_client().get("/").text == "awaited"


@pytest.mark.parametrize("color", ["sync", "async"])
def test_signals_are_sent_with_the_application_as_sender(app, make_client, color):
    log = []
    signals = {
        "pushed": appcontext_pushed,
        "started": request_started,
        "finished": request_finished,
        "tearing down": request_tearing_down,
        "popped": appcontext_popped,
    }
    receivers = []  # blinker keeps weak references
    for name, signal in signals.items():
        receiver = colored(
            color if name in ("started", "finished", "tearing down") else "sync",
            lambda sender, name=name, **extra: log.append((name, sender is app)),
        )
        receivers.append(receiver)
        signal.connect(receiver, app)
    app.get("/")(lambda: "ok")
    make_client().get("/")
    assert log == [(name, True) for name in signals]


def test_the_session_is_saved_after_the_hooks(app, make_client):
    app.secret_key = "k"

    @app.after_request
    async def after(response):
        session["n"] = session.get("n", 0) + 1
        return response

    @app.get("/")
    async def index():
        return str(session.get("n"))

    client = make_client()
    client.get("/")
    assert client.get("/").text == "1"
    assert client.get("/").text == "2"


def test_setup_after_the_first_request_is_refused(app, make_client):
    app.get("/")(lambda: "ok")
    make_client().get("/")
    with pytest.raises(AssertionError, match="'route' can no longer be called"):
        app.route("/late")


def test_a_coroutine_that_an_async_view_forgot_to_await_is_awaited(app, make_client):
    async def deep():
        return "deep"

    @app.get("/")
    async def index():
        return deep()

    assert make_client().get("/").text == "deep"


def test_a_step_may_be_replaced_by_an_async_method():
    class Own(Cruse):
        async def dispatch_request(self):
            return f"own {request.path}"

    app = Own(__name__, static_folder=None)
    app.get("/")(lambda: "never")
    for gateway in ("wsgi", "asgi"):
        assert app.test_client(gateway=gateway).get("/").text == "own /"


@pytest.mark.parametrize("view_color", COLORS)
def test_a_route_without_hooks_is_left_alone_by_those_of_application_and_blueprint(
    app, make_client, view_color
):
    called = []
    blueprint = Blueprint("shop", __name__, url_prefix="/<lang>")
    for scope in (app, blueprint):
        scope.before_request(lambda: called.append("before"))
        scope.after_request(lambda response: called.append("after") or response)
        scope.teardown_request(lambda error: called.append("teardown"))
        scope.url_value_preprocessor(lambda endpoint, values: called.append("values"))
    app.teardown_appcontext(lambda error: called.append("context ends"))

    def fail(lang):
        raise ValueError(lang)

    blueprint.add_url_rule("/", "view", colored(view_color, fail), hooks=False)
    blueprint.register_error_handler(ValueError, lambda error: f"handled {error}")
    app.register_blueprint(blueprint)
    assert make_client().get("/de/").text == "handled de"
    assert called == ["context ends"]


def test_an_after_hook_that_returns_nothing_is_an_error_with_an_answer(app, make_client, caplog):
    torn_down = []
    app.teardown_request(torn_down.append)
    app.after_request(lambda response: None)
    app.add_url_rule("/nothing", "nothing", lambda: "hello")
    assert make_client().get("/nothing").status_code == 500
    assert "has to return the response" in caplog.text
    assert [type(error) for error in torn_down] == [TypeError]


def test_an_after_hook_may_return_whatever_a_view_may(app, make_client):
    app.after_request(lambda response: {"was": response.status_code})
    app.add_url_rule("/other", "other", lambda: "hello")
    assert make_client().get("/other").json == {"was": 200}


def test_an_after_hook_that_a_view_appends_runs_for_its_own_response(app, make_client):
    def mark(response):
        response.headers["X-Mark"] = "yes"
        return response

    def index():
        app.after_request_funcs[None].append(mark)
        return "hello"

    app.add_url_rule("/appends", "appends", index)
    assert make_client().get("/appends").headers["X-Mark"] == "yes"


def test_a_teardown_function_that_a_view_appends_runs_for_its_own_request(app, make_client):
    torn_down = []

    def index():
        app.teardown_request_funcs[None].append(torn_down.append)
        return "hello"

    app.add_url_rule("/appends", "appends", index)
    make_client().get("/appends")
    assert torn_down == [None]


def test_the_last_signal_is_sent_although_teardown_fails(app, make_client):
    def fail(error):
        raise KeyError("teardown")

    popped = []
    app.teardown_request(fail)
    app.add_url_rule("/fails", "fails", lambda: "hello")
    with appcontext_popped.connected_to(lambda sender: popped.append(sender), app):
        make_client().get("/fails")
    assert popped == [app]


def test_a_signal_is_connected_while_other_threads_make_blueprints():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    made = []

    def make():
        made.extend(Blueprint("shop", __name__) for _ in range(1_000))

    try:
        thread = threading.Thread(target=make)
        thread.start()
        while thread.is_alive():
            with request_started.connected_to(lambda sender: None):
                pass
        thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(made) == 1_000
