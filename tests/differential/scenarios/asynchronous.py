"""Coroutine functions wherever Flask takes them, and what they see."""

import asyncio
from contextvars import ContextVar

from tests.differential.harness import scenario

VARIABLE = ContextVar("variable", default="unset")


def ask(fw, app, *paths):
    client = fw.client(app)
    for path in paths or ("/",):
        client.get(path)


@scenario
def views_of_all_kinds(fw):
    app = fw.App(__name__)

    @app.get("/function")
    async def function():
        await asyncio.sleep(0)
        return fw.request.path

    class Page(fw.views.View):
        async def dispatch_request(self, name):
            await asyncio.sleep(0)
            return f"{name} {fw.request.method}"

    class Resource(fw.views.MethodView):
        async def get(self):
            await asyncio.sleep(0)
            return "get"

        def post(self):
            return "post"

    app.add_url_rule("/page/<name>", view_func=Page.as_view("page"))
    app.add_url_rule("/resource", view_func=Resource.as_view("resource"))
    ask(fw, app, "/function", "/page/x", "/resource")
    fw.client(app).post("/resource")


@scenario
def proxies_in_a_coroutine(fw):
    app = fw.App("shop")
    app.secret_key = "key"

    @app.get("/")
    async def index():
        fw.g.before = 1
        fw.session["a"] = 1
        await asyncio.sleep(0)
        return [fw.request.endpoint, fw.g.before, fw.session["a"], fw.current_app.name]

    ask(fw, app)


@scenario
def errors_in_coroutines(fw):
    app = fw.App(__name__)

    @app.get("/abort")
    async def abort():
        fw.abort(418)

    @app.get("/key")
    async def key():
        raise KeyError("x")

    @app.get("/unhandled")
    async def unhandled():
        raise RuntimeError("x")

    @app.errorhandler(KeyError)
    async def handle(error):
        await asyncio.sleep(0)
        return type(error).__name__, 400

    ask(fw, app, "/abort", "/key", "/unhandled")


@scenario
def the_body_in_a_coroutine(fw):
    app = fw.App(__name__)

    @app.post("/")
    async def index():
        await asyncio.sleep(0)
        return [dict(fw.request.form), fw.request.get_json(silent=True), len(fw.request.data)]

    client = fw.client(app)
    client.post("/", data={"a": "b"})
    client.post("/", json={"a": 1})
    client.post("/", data=b"xyz")


@scenario
def decorators_that_hand_on_a_coroutine(fw):
    app = fw.App(__name__)

    async def view():
        return "view"

    def decorated():
        return app.ensure_sync(view)()

    app.add_url_rule("/", "index", decorated)
    ask(fw, app)


@scenario
def ensure_sync_outside_of_a_request(fw):
    app = fw.App(__name__)

    async def add(a, b=1):
        await asyncio.sleep(0)
        return a + b

    fw.observe(
        result=app.ensure_sync(add)(1, b=2),
        twice=app.ensure_sync(app.ensure_sync(add))(1),
        plain=app.ensure_sync(len) is len,
    )


@scenario
def context_variables_from_hook_to_view(fw):
    app, seen = fw.App(__name__), []

    @app.before_request
    def plain():
        VARIABLE.set("plain")

    @app.get("/plain")
    def plain_view():
        return VARIABLE.get()

    @app.get("/async")
    async def async_view():
        return VARIABLE.get()

    @app.after_request
    def after(response):
        seen.append(VARIABLE.get())
        return response

    ask(fw, app, "/plain", "/async")
    fw.observe(seen=seen)


@scenario
def tasks_within_a_view(fw):
    app = fw.App(__name__)

    @app.get("/here")
    async def index():
        async def look(number):
            await asyncio.sleep(0)
            return f"{number} {fw.request.path}"

        return list(await asyncio.gather(*map(look, range(3))))

    ask(fw, app, "/here")


@scenario
def after_this_request_with_a_coroutine(fw):
    app = fw.App(__name__)

    @app.get("/")
    async def index():
        @fw.after_this_request
        async def mark(response):
            await asyncio.sleep(0)
            response.headers["X-Mark"] = "yes"
            return response

        return "view"

    ask(fw, app)


@scenario
def a_generator_made_by_a_coroutine(fw):
    app = fw.App(__name__)

    @app.get("/here")
    async def index():
        await asyncio.sleep(0)

        @fw.stream_with_context
        def pieces():
            yield "path "
            yield fw.request.path

        return pieces()

    ask(fw, app, "/here")


@scenario
def teardown_with_coroutines(fw):
    app, log = fw.App(__name__), []

    @app.teardown_request
    async def first(error):
        await asyncio.sleep(0)
        log.append(("request", type(error).__name__, fw.request.path))

    @app.teardown_appcontext
    async def second(error):
        await asyncio.sleep(0)
        log.append(("app", type(error).__name__, fw.current_app.name))

    app.add_url_rule("/error", "error", lambda: 1 / 0)
    ask(fw, app, "/error", "/nowhere")
    with app.app_context():
        log.append("pushed by hand")
    fw.observe(log=log)


@scenario
def blueprints_with_coroutines(fw):
    app, log = fw.App("shop"), []
    blueprint = fw.Blueprint("bp", __name__, url_prefix="/bp")

    @blueprint.before_app_request
    async def before():
        log.append("before app")

    @blueprint.before_request
    async def before_own():
        log.append("before own")

    @blueprint.errorhandler(ZeroDivisionError)
    async def handle(error):
        return "handled", 500

    @blueprint.get("/")
    async def index():
        return str(1 / 0)

    app.register_blueprint(blueprint)
    ask(fw, app, "/bp/", "/nowhere")
    fw.observe(log=log)


@scenario
def a_plain_hook_beside_an_async_view(fw):
    app, log = fw.App(__name__), []

    @app.before_request
    def before():
        fw.g.who = "hook"
        log.append("before")

    @app.get("/")
    async def index():
        log.append("view")
        return fw.g.who

    @app.after_request
    def after(response):
        log.append("after")
        response.headers["X-Who"] = fw.g.who
        return response

    ask(fw, app)
    fw.observe(log=log)


@scenario
def the_test_context_and_coroutines(fw):
    app = fw.App(__name__)

    async def view():
        return fw.request.path

    with app.test_request_context("/here"):
        fw.observe(path=app.ensure_sync(view)())
