"""Methods of the application that a subclass overrides or that are replaced on the instance.

Each is tried both ways, with the signatures of Flask 3.1, and both its own behaviour and what
``super()`` does are seen.
"""

from functools import partial

from werkzeug.exceptions import NotFound

from tests.differential.harness import scenario

WAYS = {"subclass": True, "instance": False}


def application(fw, way, **methods):
    """Return an application with methods of its own, each called with ``original`` first."""
    if way:

        def bound(name, method):
            def own(self, *args, **kwargs):
                def original(*args, **kwargs):
                    return getattr(super(own_class, self), name)(*args, **kwargs)

                return method(original, *args, **kwargs)

            return own

        own_class = type("Own", (fw.App,), {n: bound(n, m) for n, m in methods.items()})
        app = own_class(__name__)
    else:
        app = fw.App(__name__)
        for name, method in methods.items():
            setattr(app, name, partial(method, getattr(app, name)))
    app.add_url_rule("/", "index", lambda: "view")
    app.add_url_rule("/error", "error", lambda: 1 / 0)
    app.add_url_rule("/missing", "missing", lambda: fw.abort(404))
    app.add_url_rule("/slash/", "slash", lambda: "slash")
    return app


def visit(fw, app, *paths):
    client = fw.client(app)
    for path in paths or ("/", "/error", "/missing", "/nowhere", "/slash"):
        client.get(path)


def step(log, name):
    """Return a method that writes its name and arguments down and goes on as usual."""

    def logged(original, *args, **kwargs):
        seen = [type(arg).__name__ for arg in args] + sorted(kwargs)
        log.append(f"{name}({', '.join(seen)})")
        return original(*args, **kwargs)

    return logged


STEPS = (
    "full_dispatch_request",
    "preprocess_request",
    "dispatch_request",
    "process_response",
    "handle_http_exception",
    "handle_user_exception",
    "handle_exception",
    "raise_routing_exception",
    "log_exception",
    "make_response",
    "do_teardown_request",
    "do_teardown_appcontext",
)


@scenario(each={f"{name}, {way}": (name, WAYS[way]) for name in STEPS for way in WAYS})
def a_step_is_called_and_goes_on(fw, case):
    name, way = case
    log = []
    visit(fw, application(fw, way, **{name: step(log, name)}))
    if name.startswith("do_teardown"):
        log = [entry.partition("(")[0] for entry in log]  # Flask passes a sentinel of its own
    fw.observe(log=log)


@scenario(each=WAYS)
def finalize_request(fw, way):
    log = []
    app = application(fw, way, finalize_request=step(log, "finalize"))
    visit(fw, app, "/", "/missing", "/nowhere")
    fw.observe(log=[entry.partition(",")[0].strip(")") for entry in log])


@scenario(each=WAYS)
def dispatch_request_answers_by_itself(fw, way):
    app = application(fw, way, dispatch_request=lambda original: ("own", 201))
    app.after_request(lambda response: response)
    visit(fw, app, "/", "/nowhere")


@scenario(each=WAYS)
def preprocess_request_answers_by_itself(fw, way):
    app = application(fw, way, preprocess_request=lambda original: "own")
    visit(fw, app, "/", "/nowhere")


@scenario(each=WAYS)
def full_dispatch_request_answers_by_itself(fw, way):
    app = application(fw, way, full_dispatch_request=lambda original: fw.make_response("own"))
    app.before_request(lambda: "never")
    visit(fw, app, "/", "/nowhere")


@scenario(each=WAYS)
def handle_exception_answers_by_itself(fw, way):
    app = application(
        fw, way, handle_exception=lambda original, e: fw.make_response(type(e).__name__, 500)
    )
    visit(fw, app, "/error", "/missing")


@scenario(each=WAYS)
def handle_user_exception_answers_by_itself(fw, way):
    app = application(
        fw, way, handle_user_exception=lambda original, e: fw.make_response(type(e).__name__, 400)
    )
    visit(fw, app, "/error", "/missing", "/nowhere", "/slash")


@scenario(each=WAYS)
def handle_http_exception_answers_by_itself(fw, way):
    app = application(
        fw, way, handle_http_exception=lambda original, e: (f"own {e.code}", e.code or 500)
    )
    visit(fw, app, "/error", "/missing", "/nowhere", "/slash")


@scenario(each=WAYS)
def process_response_changes_the_response(fw, way):
    def own(original, response):
        response.headers["X-Own"] = "yes"
        return original(response)

    visit(fw, application(fw, way, process_response=own))


@scenario(each=WAYS)
def make_response_takes_what_nobody_else_does(fw, way):
    def own(original, value):
        return original(str(value) if isinstance(value, int) else value)

    app = application(fw, way, make_response=own)
    app.add_url_rule("/number", "number", lambda: 42)
    app.add_url_rule("/helper", "helper", lambda: fw.make_response(43))
    visit(fw, app, "/number", "/helper", "/")


@scenario(each=WAYS)
def make_default_options_response(fw, way):
    def own(original):
        response = original()
        response.headers["X-Own"] = "yes"
        return response

    app = application(fw, way, make_default_options_response=own)
    fw.client(app).options("/")


@scenario(each=WAYS)
def raise_routing_exception(fw, way):
    def own(original, request):
        raise NotFound(f"own: {type(request.routing_exception).__name__}")

    visit(fw, application(fw, way, raise_routing_exception=own), "/nowhere", "/slash")


@scenario(each=WAYS)
def log_exception(fw, way):
    log = []

    def own(original, exc_info):
        log.append(exc_info[0].__name__)

    visit(fw, application(fw, way, log_exception=own), "/error")
    fw.observe(log=log)


@scenario(each=WAYS)
def create_url_adapter(fw, way):
    log = []

    def own(original, request):
        log.append(None if request is None else type(request).__name__)
        return original(request)

    app = application(fw, way, create_url_adapter=own)
    app.config["SERVER_NAME"] = "example.com"
    app.add_url_rule("/url", "url", lambda: fw.url_for("index", _external=True))
    visit(fw, app, "/url")
    with app.app_context():
        fw.observe(outside=fw.url_for("index"))
    fw.observe(log=sorted({str(kind) for kind in log}))


@scenario(each=WAYS)
def create_url_adapter_binds_elsewhere(fw, way):
    def own(original, request):
        return app.url_map.bind("elsewhere.example", path_info="/slash/")

    app = application(fw, way, create_url_adapter=own)
    app.add_url_rule("/url", "url", lambda: "url")
    with app.app_context():
        fw.observe(url=fw.url_for("url", _external=True))


@scenario(each=WAYS)
def url_for_and_redirect(fw, way):
    app = application(
        fw,
        way,
        url_for=lambda original, *args, **kwargs: original(*args, **kwargs) + "?own",
        redirect=lambda original, location, code=307: original(location + "&own", 307),
    )
    app.add_url_rule("/go", "go", lambda: fw.redirect(fw.url_for("index")))
    visit(fw, app, "/go")


@scenario(each=WAYS)
def inject_url_defaults(fw, way):
    def own(original, endpoint, values):
        values["lang"] = "en"
        return original(endpoint, values)

    app = application(fw, way, inject_url_defaults=own)
    with app.test_request_context():
        fw.observe(url=fw.url_for("index"))


@scenario(each=WAYS)
def handle_url_build_error(fw, way):
    def own(original, error, endpoint, values):
        return f"/built/{endpoint}/{sorted(values)}"

    app = application(fw, way, handle_url_build_error=own)
    with app.test_request_context():
        fw.observe(url=fw.url_for("unknown", a=1))


@scenario(each=WAYS)
def ensure_sync(fw, way):
    log = []

    def own(original, function):
        log.append(function.__name__)
        return original(function)

    app = application(fw, way, ensure_sync=own)

    async def coroutine():
        return "done"

    fw.observe(result=app.ensure_sync(coroutine)(), plain=app.ensure_sync(str) is str, log=log)


@scenario(each=WAYS)
def update_template_context(fw, way):
    def own(original, context):
        original(context)
        context["added"] = "own"

    app = application(fw, way, update_template_context=own)
    app.add_url_rule("/page", "page", lambda: fw.render_template_string("{{ added }}"))
    visit(fw, app, "/page")


@scenario(each=WAYS)
def make_shell_context(fw, way):
    app = application(fw, way, make_shell_context=lambda original: {**original(), "own": 1})
    app.shell_context_processor(lambda: {"more": 2})
    with app.app_context():
        fw.observe(names=sorted(app.make_shell_context()))


@scenario(each=WAYS)
def select_jinja_autoescape(fw, way):
    app = application(fw, way, select_jinja_autoescape=lambda original, filename: False)
    with app.app_context():
        fw.observe(text=fw.render_template_string("{{ '<' }}"))


@scenario(each=WAYS)
def create_jinja_environment(fw, way):
    def own(original):
        environment = original()
        environment.globals["own"] = "made"
        return environment

    app = application(fw, way, create_jinja_environment=own)
    with app.app_context():
        fw.observe(text=fw.render_template_string("{{ own }}"))


@scenario(each=WAYS)
def create_global_jinja_loader(fw, way):
    from jinja2 import DictLoader

    app = application(
        fw, way, create_global_jinja_loader=lambda original: DictLoader({"a.html": "own"})
    )
    with app.app_context():
        fw.observe(text=fw.render_template("a.html"))


@scenario(each=WAYS)
def get_send_file_max_age(fw, way):
    (fw.folder / "a.txt").write_text("text")
    app = application(fw, way, get_send_file_max_age=lambda original, filename: len(filename))
    app.add_url_rule("/file", "file", lambda: fw.send_file(fw.folder / "a.txt"))
    response = fw.client(app, record=False).get("/file")
    fw.observe(cache=response.cache_control)


@scenario
def trap_http_exception(fw):
    class Own(fw.App):
        def trap_http_exception(self, e):
            return e.code == 404

    app = Own(__name__)
    app.add_url_rule("/missing", "missing", lambda: fw.abort(404))
    app.add_url_rule("/bad", "bad", lambda: fw.abort(400))
    visit(fw, app, "/missing", "/bad")


@scenario
def auto_find_instance_path(fw):
    class Own(fw.App):
        def auto_find_instance_path(self):
            return str(fw.folder / "own")

    fw.observe(path=Own(__name__).instance_path)


@scenario
def async_to_sync(fw):
    log = []

    class Own(fw.App):
        def async_to_sync(self, func):
            log.append(func.__name__)
            return super().async_to_sync(func)

    app = Own(__name__)

    async def index():
        return "view"

    fw.observe(result=app.ensure_sync(index)(), log=log)


@scenario
def methods_called_from_outside(fw):
    """What extensions do with a request context that they pushed themselves."""
    app = application(fw, False)
    app.before_request(lambda: setattr(fw.g, "before", True))
    app.add_url_rule("/g", "g", lambda: f"{fw.g.before} {fw.request.path}")
    with app.test_request_context("/g"):
        fw.observe(
            preprocessed=app.preprocess_request(),
            dispatched=app.dispatch_request(),
            whole=app.full_dispatch_request().get_data(),
            processed=app.process_response(fw.Response("x")).get_data(),
            finalized=app.finalize_request("y").get_data(),
        )
    with app.test_request_context("/nowhere"):
        fw.observe(
            raised=fw.outcome(app.dispatch_request),
            handled=type(app.handle_user_exception(NotFound())).__name__,
            options=app.make_default_options_response().status,
        )
        try:
            raise KeyError("x")
        except KeyError as error:
            caught = error  # unlike "error", it is still there in the functions below
            fw.observe(
                unhandled=fw.outcome(lambda: app.handle_user_exception(caught)),
                answered=app.handle_exception(caught).status,
            )
