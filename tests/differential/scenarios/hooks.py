"""Hooks: which run, in what order, and what they are given; also when something fails."""

from werkzeug.exceptions import NotFound

from tests.differential.harness import scenario


def logged_hooks(fw, scaffold, name, log):
    """Register one hook of each kind that writes its name down."""

    @scaffold.url_value_preprocessor
    def preprocess(endpoint, values):
        log.append(f"{name} preprocessor {endpoint}")

    @scaffold.before_request
    @fw.colour
    def before():
        log.append(f"{name} before")

    @scaffold.after_request
    @fw.colour
    def after(response):
        log.append(f"{name} after {response.status_code}")
        return response

    @scaffold.teardown_request
    @fw.colour
    def teardown(error):
        log.append(f"{name} teardown {type(error).__name__}")


def nested(fw, view, log):
    """Return an application with hooks at three levels, and a view in the innermost."""
    app = fw.App(__name__)
    outer, inner = fw.Blueprint("outer", __name__), fw.Blueprint("inner", __name__)
    for name, scaffold in (("app", app), ("outer", outer), ("inner", inner)):
        logged_hooks(fw, scaffold, name, log)
        logged_hooks(fw, scaffold, f"second {name}", log)
    inner.add_url_rule("/", "index", fw.colour(view))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    app.teardown_appcontext(fw.colour(lambda error: log.append(f"ended {type(error).__name__}")))
    app.teardown_appcontext(fw.colour(lambda error: log.append("second ended")))
    return app


def divide():
    return 1 / 0


VIEWS = {
    "answers": lambda fw: "ok",
    "fails": lambda fw: divide(),
    "aborts": lambda fw: fw.abort(403),
    "returns an error": lambda fw: NotFound(),
    "returns none": lambda fw: None,
    "streams": lambda fw: iter(["a", "b"]),
}


@scenario(async_too=True, each=VIEWS)
def order_of_all_hooks(fw, view):
    log = []
    app = nested(fw, lambda: log.append("view") or view(fw), log)
    fw.client(app).get("/")
    fw.observe(log=log)


@scenario(async_too=True, each={name: VIEWS[name] for name in ("fails", "aborts")})
def order_of_all_hooks_with_an_error_handler(fw, view):
    log = []
    app = nested(fw, lambda: view(fw), log)
    app.register_error_handler(Exception, fw.colour(lambda error: log.append("handler") or "ok"))
    fw.client(app).get("/")
    fw.observe(log=log)


@scenario(async_too=True)
def before_request_stops_at_the_first_answer(fw):
    app, log = fw.App(__name__), []

    @app.before_request
    @fw.colour
    def first():
        log.append("first")
        return "stopped", 202

    app.before_request(fw.colour(lambda: log.append("second")))
    app.add_url_rule("/", "index", fw.colour(lambda: log.append("view") or "view"))
    logged_hooks(fw, app, "app", log)
    fw.client(app).get("/")
    fw.observe(log=log)


@scenario(
    async_too=True,
    each={"empty": "", "zero": {}, "list": [], "false": False, "none": None},
)
def falsy_answers_of_before_request(fw, value):
    app = fw.App(__name__)
    app.before_request(fw.colour(lambda: value))
    app.add_url_rule("/", "index", lambda: "view")
    fw.client(app).get("/")


@scenario(
    async_too=True,
    each={"404": ("GET", "/nowhere"), "405": ("POST", "/"), "redirect": ("GET", "/slash")},
)
def before_request_runs_for_routing_errors(fw, request):
    app, log = fw.App(__name__), []
    app.add_url_rule("/", "index", lambda: "")
    app.add_url_rule("/slash/", "slash", lambda: "")
    logged_hooks(fw, app, "app", log)

    @app.before_request
    def remember():
        fw.g.seen = type(fw.request.routing_exception).__name__

    @app.errorhandler(404)
    @fw.colour
    def missing(error):
        return f"{fw.g.seen} {fw.request.endpoint} {fw.request.view_args}", 404

    method, path = request
    fw.client(app).open(path, method=method)
    fw.observe(log=log)


@scenario(async_too=True)
def a_before_hook_may_answer_a_404(fw):
    app = fw.App(__name__)
    app.before_request(fw.colour(lambda: "answered" if fw.request.path == "/x" else None))
    client = fw.client(app)
    client.get("/x")
    client.get("/y")


#: Where something goes wrong, and how.
FAILURES = {
    f"{what} in {where}": (where, what)
    for where in ("preprocessor", "before", "after", "this request", "outer after")
    for what in ("error", "abort")
}


@scenario(async_too=True, each=FAILURES)
def a_hook_fails(fw, failure):
    where, what = failure
    app, log = fw.App(__name__), []

    def fail(response=None):
        log.append("failing")
        if what == "abort":
            fw.abort(418)
        raise KeyError(where)

    logged_hooks(fw, app, "app", log)
    blueprint = fw.Blueprint("shop", __name__)
    logged_hooks(fw, blueprint, "shop", log)
    if where == "preprocessor":
        app.url_value_preprocessor(lambda endpoint, values: fail())
    elif where == "before":
        app.before_request(fw.colour(fail))
    elif where == "after":
        blueprint.after_request(fw.colour(fail))
    elif where == "outer after":
        app.after_request(fw.colour(fail))
    logged_hooks(fw, app, "late", log)

    def index():
        log.append("view")
        if where == "this request":
            fw.after_this_request(fw.colour(fail))
        return "view"

    blueprint.add_url_rule("/", "index", fw.colour(index))
    app.register_blueprint(blueprint)
    fw.client(app).get("/")
    fw.observe(log=log)


@scenario(async_too=True, each={"KeyError": KeyError, "500": 500, "404": 404})
def an_after_hook_fails_and_there_is_a_handler(fw, key):
    app, log = fw.App(__name__), []
    app.register_error_handler(
        key, fw.colour(lambda error: (log.append(type(error).__name__) or "handled", 500))
    )

    @app.after_request
    @fw.colour
    def fail(response):
        log.append(f"after {response.status_code}")
        if len(log) == 1:
            raise KeyError("after")
        return response

    app.add_url_rule("/", "index", lambda: "view")
    fw.client(app).get("/")
    fw.observe(log=log)


@scenario(async_too=True)
def an_after_hook_that_returns_nothing(fw):
    app = fw.App(__name__)
    app.after_request(fw.colour(lambda response: None))
    app.add_url_rule("/", "index", lambda: "view")
    fw.observe(outcome=fw.outcome(lambda: fw.client(app, record=False).get("/").status_code))


@scenario(async_too=True)
def an_after_hook_puts_another_response_in_place(fw):
    app = fw.App(__name__)
    app.secret_key = "key"
    app.after_request(fw.colour(lambda response: fw.Response("other", 201)))

    def index():
        fw.session["a"] = 1
        return "view"

    app.add_url_rule("/", "index", index)
    fw.client(app).get("/")


@scenario(async_too=True)
def after_this_request_in_order_of_registration(fw):
    app, log = fw.App(__name__), []
    app.after_request(fw.colour(lambda response: log.append("after") or response))

    def register(name):
        fw.after_this_request(fw.colour(lambda response: log.append(name) or response))

    app.before_request(lambda: register("before"))

    def index():
        register("one")
        register("two")
        return ""

    app.add_url_rule("/", "index", index)
    client = fw.client(app)
    client.get("/")
    client.get("/nowhere")
    fw.observe(log=log)


@scenario
def after_this_request_without_a_request(fw):
    app = fw.App(__name__)
    fw.observe(nothing=fw.outcome(lambda: fw.after_this_request(str)))
    with app.app_context():
        fw.observe(app_context=fw.outcome(lambda: fw.after_this_request(str)))


@scenario
def lists_that_extensions_append_to(fw):
    app, log = fw.App(__name__), []
    app.add_url_rule("/", "index", lambda: log.append("view") or "")
    client = fw.client(app)
    client.get("/")
    app.before_request_funcs.setdefault(None, []).append(lambda: log.append("before"))
    app.after_request_funcs.setdefault(None, []).append(lambda r: log.append("after") or r)
    app.teardown_request_funcs.setdefault(None, []).append(lambda e: log.append("teardown"))
    app.teardown_appcontext_funcs.append(lambda e: log.append("ended"))
    client.get("/")
    app.before_request_funcs[None].pop()
    app.after_request_funcs[None].clear()
    client.get("/")
    fw.observe(log=log)


@scenario
def an_after_hook_appended_while_answering(fw):
    app, log = fw.App(__name__), []

    def index():
        app.after_request_funcs[None].append(lambda response: log.append("late") or response)
        return ""

    app.add_url_rule("/", "index", index)
    client = fw.client(app)
    client.get("/")
    client.get("/")
    fw.observe(log=log)


# -- the end --


@scenario(async_too=True, each={"kept": True, "dropped": False})
def teardown_comes_when_a_client_drops_the_context(fw, kept):
    app, log = fw.App(__name__), []
    app.teardown_request(fw.colour(lambda error: log.append("request")))
    app.teardown_appcontext(fw.colour(lambda error: log.append("app")))
    app.add_url_rule("/", "index", lambda: "")
    client = fw.client(app)
    if kept:
        with client:
            client.get("/")
            log.append(f"in the block: {fw.request.path}")
            client.get("/")
            log.append("second")
        log.append(f"behind: {fw.has_request_context()}")
    else:
        client.get("/")
        log.append("behind")
    fw.observe(log=log)


@scenario(async_too=True)
def what_teardown_can_use(fw):
    app, log = fw.App("shop"), []
    app.secret_key = "key"

    @app.teardown_request
    @fw.colour
    def request_ends(error):
        log.append((fw.request.path, fw.g.value, fw.session.get("a"), fw.current_app.name))

    @app.teardown_appcontext
    @fw.colour
    def context_ends(error):
        log.append((fw.g.value, fw.has_request_context(), fw.current_app.name))

    def index():
        fw.g.value = 1
        fw.session["a"] = 2
        return "x"

    app.add_url_rule("/", "index", index)
    fw.client(app).get("/")
    fw.observe(log=log)


@scenario(
    async_too=True,
    each={
        "request": ("request",),
        "app": ("app",),
        "both": ("request", "app"),
        "two requests": ("request", "request"),
    },
)
def teardown_functions_that_fail(fw, where):
    app, log = fw.App(__name__), []

    def register(kind, function):
        getattr(app, {"request": "teardown_request", "app": "teardown_appcontext"}[kind])(function)

    for kind in ("request", "app"):
        register(kind, fw.colour(lambda error, kind=kind: log.append(f"first {kind}")))
    for number, kind in enumerate(where):

        def fail(error, number=number, kind=kind):
            log.append(f"fails {kind} {number}")
            raise KeyError(number)

        register(kind, fw.colour(fail))
    app.add_url_rule("/", "index", lambda: "")
    app.testing = True
    fw.observe(outcome=fw.outcome(lambda: fw.client(app, record=False).get("/").text), log=log)


@scenario
def teardown_functions_of_contexts_pushed_by_hand(fw):
    app, log = fw.App(__name__), []
    app.teardown_request(lambda error: log.append(f"request {type(error).__name__}"))
    app.teardown_appcontext(lambda error: log.append(f"app {type(error).__name__}"))
    with app.app_context():
        log.append("in app")
    with app.test_request_context():
        log.append("in request")
    for make in (app.app_context, app.test_request_context):
        try:
            with make():
                raise KeyError("x")
        except KeyError:
            log.append("raised")
    fw.observe(log=log)


@scenario(async_too=True, each={"return": "value", "generator": iter(())})
def what_teardown_returns_is_ignored(fw, value):
    app = fw.App(__name__)
    app.teardown_request(fw.colour(lambda error: value))
    app.teardown_appcontext(fw.colour(lambda error: value))
    app.add_url_rule("/", "index", lambda: "")
    fw.client(app).get("/")


@scenario(async_too=True)
def base_exceptions_reach_teardown_alone(fw):
    app, log = fw.App(__name__), []

    class Stop(BaseException):
        pass

    def index():
        raise Stop

    app.add_url_rule("/", "index", fw.colour(index))
    app.after_request(lambda response: log.append("after") or response)
    app.teardown_request(lambda error: log.append(type(error).__name__))
    app.register_error_handler(500, lambda error: log.append("handler") or "")
    fw.observe(outcome=fw.outcome(lambda: fw.client(app).get("/")), log=log)
