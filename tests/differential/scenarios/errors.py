"""Error handlers and their lookup, the way of an unhandled error, traps, and ``abort``."""

from werkzeug.exceptions import (
    BadRequest,
    Conflict,
    Forbidden,
    HTTPException,
    InternalServerError,
    NotFound,
    default_exceptions,
)
from werkzeug.routing import RequestRedirect

from tests.differential.harness import scenario


class ShopError(Exception):
    pass


class CartError(ShopError):
    pass


class Teapot(HTTPException):
    code = 418


class NoCode(HTTPException):
    pass


class Quiet(NotFound):
    description = "quiet"


RAISED = {
    "child": lambda: CartError("x"),
    "base": lambda: ShopError("x"),
    "lookup": lambda: KeyError("x"),
    "forbidden": Forbidden,
    "missing": NotFound,
    "quiet": Quiet,
    "teapot": Teapot,
    "no code": NoCode,
    "500": InternalServerError,
    "redirect": lambda: RequestRedirect("/elsewhere"),
    "with response": lambda: NotFound(response=None),
}


def error_application(fw, raised):
    """Return an application and a blueprint (not registered) whose views raise."""
    app, blueprint = fw.App(__name__), fw.Blueprint("shop", __name__)

    def view():
        raise raised()

    app.add_url_rule("/", "index", fw.colour(view))
    blueprint.add_url_rule("/shop", "index", fw.colour(view))
    return app, blueprint


def handler(fw, name, status=500):
    return fw.colour(lambda error: (f"{name} got {type(error).__name__}", status))


def visit(fw, app, *paths):
    client = fw.client(app)
    for path in paths or ("/", "/shop"):
        client.get(path)


#: Registered handlers: where, and for what.
LOOKUPS = {
    "nothing": [],
    "exception": [("app", Exception)],
    "http": [("app", HTTPException)],
    "code": [("app", 404), ("app", 403)],
    "code and class": [("app", 404), ("app", HTTPException)],
    "base and child": [("app", ShopError), ("app", CartError)],
    "child in app, base in blueprint": [("app", CartError), ("shop", ShopError)],
    "code in app, http in blueprint": [("app", 404), ("shop", HTTPException)],
    "exception in blueprint": [("shop", Exception), ("app", 500)],
    "both codes": [("app", 404), ("shop", 404)],
    "subclass and code": [("app", Quiet), ("app", 404)],
    "500": [("app", 500)],
    "500 class": [("app", InternalServerError), ("shop", ShopError)],
    "teapot and http": [("shop", Teapot), ("app", HTTPException)],
    "lookup error": [("app", LookupError), ("shop", KeyError)],
}


@scenario(
    async_too=True,
    each={
        f"{handlers}, {raised}": (LOOKUPS[handlers], RAISED[raised])
        for handlers in LOOKUPS
        for raised in ("child", "lookup", "missing", "quiet", "teapot", "500")
    },
)
def lookup(fw, case):
    handlers, raised = case
    app, blueprint = error_application(fw, raised)
    for where, key in handlers:
        scaffold = app if where == "app" else blueprint
        scaffold.register_error_handler(key, handler(fw, f"{where} {key}"))
    app.register_blueprint(blueprint)
    visit(fw, app)


@scenario(async_too=True, each=RAISED)
def errors_without_a_handler(fw, raised):
    app, blueprint = error_application(fw, raised)
    app.register_blueprint(blueprint)
    visit(fw, app)


@scenario(each={"no code": NoCode, "redirect": RAISED["redirect"]})
def errors_that_are_answers(fw, raised):
    app, blueprint = error_application(fw, raised)
    app.register_blueprint(blueprint)
    for key in (HTTPException, Exception, NoCode):
        app.register_error_handler(key, handler(fw, key.__name__))
    visit(fw, app)


@scenario(async_too=True)
def handlers_of_nested_blueprints(fw):
    app = fw.App(__name__)
    outer, inner = fw.Blueprint("outer", __name__), fw.Blueprint("inner", __name__)

    def view(code):
        if code == 1:
            raise CartError
        fw.abort(code)

    inner.add_url_rule("/<int:code>", "index", fw.colour(view))
    inner.register_error_handler(404, handler(fw, "inner 404", 404))
    outer.register_error_handler(403, handler(fw, "outer 403", 403))
    outer.register_error_handler(404, handler(fw, "outer 404", 404))
    outer.register_error_handler(ShopError, handler(fw, "outer ShopError"))
    app.register_error_handler(HTTPException, handler(fw, "app HTTP"))
    app.register_error_handler(CartError, handler(fw, "app CartError"))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    visit(fw, app, "/404", "/403", "/409", "/1", "/nowhere")


@scenario(async_too=True)
def routing_errors_are_the_applications(fw):
    app = fw.App(__name__)
    blueprint = fw.Blueprint("shop", __name__, url_prefix="/shop")
    blueprint.add_url_rule("/", "index", lambda: "")
    for code in (404, 405):
        blueprint.register_error_handler(code, handler(fw, f"blueprint {code}", code))
        app.register_error_handler(code, handler(fw, f"app {code}", code))
    app.register_blueprint(blueprint)
    client = fw.client(app)
    client.get("/shop/nowhere")
    client.post("/shop/")
    client.get("/shop")


@scenario
def app_errorhandler_of_a_blueprint(fw):
    app, blueprint = fw.App(__name__), fw.Blueprint("shop", __name__)

    @blueprint.app_errorhandler(404)
    def missing(error):
        return f"missing {error.code}", 404

    @blueprint.app_errorhandler(KeyError)
    def key_error(error):
        return repr(error), 500

    app.register_blueprint(blueprint)
    app.add_url_rule("/", "index", lambda: {}["x"])
    visit(fw, app, "/nowhere", "/")


@scenario(
    each={
        "unknown code": 999,
        "success": 200,
        "redirect": 302,
        "instance": NotFound(),
        "error instance": KeyError("x"),
        "text": "404",
        "no exception": int,
        "base exception": BaseException,
        "keyboard": KeyboardInterrupt,
        "code": 404,
        "class": KeyError,
    }
)
def what_a_handler_can_be_registered_for(fw, key):
    app, blueprint = fw.App(__name__), fw.Blueprint("shop", __name__)
    fw.observe(
        app=fw.outcome(lambda: app.register_error_handler(key, str)),
        decorator=fw.outcome(lambda: app.errorhandler(key)(str)),
        blueprint=fw.outcome(lambda: blueprint.register_error_handler(key, str)),
        spec=[
            (scope, code, list(handlers))
            for scope, by_code in app.error_handler_spec.items()
            for code, handlers in by_code.items()
        ],
    )


@scenario(async_too=True, each={"error": KeyError, "abort": None})
def a_handler_that_fails(fw, kind):
    app = fw.App(__name__)

    @app.errorhandler(404)
    @fw.colour
    def missing(error):
        if kind is None:
            fw.abort(403)
        raise kind("in the handler")

    app.register_error_handler(403, handler(fw, "403", 403))
    app.register_error_handler(KeyError, handler(fw, "KeyError"))
    app.register_error_handler(500, handler(fw, "500"))
    visit(fw, app, "/nowhere")


@scenario(
    async_too=True,
    each={
        "text": "text",
        "tuple": ("text", 410, {"X-A": "b"}),
        "json": {"error": True},
        "none": None,
    },
)
def what_a_handler_returns(fw, value):
    app = fw.App(__name__)
    app.register_error_handler(404, fw.colour(lambda error: value))
    visit(fw, app, "/nowhere")


@scenario(async_too=True)
def a_handler_returns_the_error_or_its_response(fw):
    app = fw.App(__name__)
    app.register_error_handler(404, fw.colour(lambda error: error))
    app.register_error_handler(409, fw.colour(lambda error: error.get_response()))
    app.register_error_handler(410, fw.colour(lambda error: (error, 418)))
    for code in (409, 410):
        app.add_url_rule(f"/{code}", str(code), lambda code=code: fw.abort(code))
    visit(fw, app, "/nowhere", "/409", "/410")


@scenario(each={str(code): code for code in sorted(default_exceptions)})
def abort_with_each_status(fw, code):
    app = fw.App(__name__)
    app.add_url_rule("/", "plain", lambda: fw.abort(code))
    app.add_url_rule("/said", "said", lambda: fw.abort(code, description="in <own> words"))
    visit(fw, app, "/", "/said")


@scenario
def abort_in_other_ways(fw):
    app = fw.App(__name__)
    app.add_url_rule("/positional", "positional", lambda: fw.abort(404, "own words"))
    app.add_url_rule("/response", "response", lambda: fw.abort(fw.Response("own", 402)))
    app.add_url_rule(
        "/passed", "passed", lambda: fw.abort(404, response=fw.make_response("passed", 299))
    )
    app.add_url_rule("/unknown", "unknown", lambda: fw.abort(999))
    app.add_url_rule("/allow", "allow", lambda: fw.abort(405, valid_methods=["PUT"]))
    app.add_url_rule("/retry", "retry", lambda: fw.abort(429, retry_after=60))
    visit(fw, app, "/positional", "/response", "/passed", "/unknown", "/allow", "/retry")
    fw.observe(
        outside=fw.outcome(lambda: fw.abort(404)),
        unknown=fw.outcome(lambda: fw.abort(999)),
        redirect=fw.redirect("/x", 301).location,
    )


@scenario
def an_http_error_from_outside_of_werkzeugs_list(fw):
    app = fw.App(__name__)

    class Custom(HTTPException):
        code = 499
        description = "custom <b>words</b>"
        name = "Custom Name"

        def get_headers(self, *args, **kwargs):
            return [*super().get_headers(*args, **kwargs), ("X-Custom", "yes")]

    def view():
        raise Custom

    app.add_url_rule("/", "index", view)
    visit(fw, app, "/")


@scenario
def an_http_error_with_a_body_of_its_own(fw):
    class Custom(Conflict):
        def get_body(self, environ=None, scope=None):
            return "own body"

    app = fw.App(__name__)

    def view():
        raise Custom

    app.add_url_rule("/", "index", view)
    visit(fw, app, "/")


# -- the way of an unhandled error --


@scenario(
    async_too=True,
    each={
        "plain": {},
        "testing": {"TESTING": True},
        "debug": {"DEBUG": True},
        "propagated": {"PROPAGATE_EXCEPTIONS": True},
        "testing, not propagated": {"TESTING": True, "PROPAGATE_EXCEPTIONS": False},
    },
)
def propagation(fw, config):
    app, log = fw.App(__name__), []
    app.config.update(config)

    def view():
        raise CartError("x")

    app.add_url_rule("/", "index", fw.colour(view))
    app.teardown_request(lambda error: log.append(f"teardown {type(error).__name__}"))
    app.after_request(lambda response: log.append("after") or response)
    fw.observe(outcome=fw.outcome(lambda: fw.client(app, record=False).get("/").status), log=log)


@scenario(async_too=True, each={"code": 500, "class": InternalServerError, "http": HTTPException})
def the_handler_of_500_gets_the_original(fw, key):
    app = fw.App(__name__)

    @app.errorhandler(key)
    @fw.colour
    def failed(error):
        original = getattr(error, "original_exception", None)
        return f"{type(error).__name__} {type(original).__name__} {error.code}", 500

    def view():
        raise CartError("x")

    app.add_url_rule("/", "index", fw.colour(view))
    app.add_url_rule("/abort", "abort", lambda: fw.abort(500))
    app.add_url_rule("/other", "other", lambda: fw.abort(502))
    visit(fw, app, "/", "/abort", "/other")


@scenario(async_too=True)
def an_after_hook_fails_for_a_500(fw):
    app, log = fw.App(__name__), []

    @app.after_request
    @fw.colour
    def fail(response):
        log.append(response.status_code)
        raise CartError("after")

    def view():
        raise KeyError("view")

    app.add_url_rule("/", "index", fw.colour(view))
    app.teardown_request(lambda error: log.append(type(error).__name__))
    visit(fw, app, "/")
    fw.observe(log=log)


@scenario
def the_log_line_of_an_error(fw):
    app = fw.App("shop")

    def view():
        raise CartError("x")

    app.add_url_rule("/a/<b>", "index", lambda b: view(), methods=["GET", "POST"])
    client = fw.client(app)
    client.get("/a/b?c=d")
    client.post("/a/%C3%A9")


@scenario(
    async_too=True,
    each={
        "plain": {},
        "http": {"TRAP_HTTP_EXCEPTIONS": True},
        "bad requests": {"TRAP_BAD_REQUEST_ERRORS": True},
        "no bad requests": {"TRAP_BAD_REQUEST_ERRORS": False},
        "debug": {"DEBUG": True, "PROPAGATE_EXCEPTIONS": False},
        "debug, off": {
            "DEBUG": True,
            "PROPAGATE_EXCEPTIONS": False,
            "TRAP_BAD_REQUEST_ERRORS": False,
        },
    },
)
def traps(fw, config):
    app = fw.App(__name__)
    app.config.update(config)
    app.add_url_rule("/key", "key", fw.colour(lambda: fw.request.args["<missing>"]))
    app.add_url_rule("/bad", "bad", fw.colour(lambda: fw.abort(400)))
    app.add_url_rule("/gone", "gone", fw.colour(lambda: fw.abort(410)))
    app.register_error_handler(KeyError, handler(fw, "KeyError"))
    visit(fw, app, "/key", "/bad", "/gone")


@scenario
def a_trapped_error_and_its_handlers(fw):
    app = fw.App(__name__)
    app.config["TRAP_HTTP_EXCEPTIONS"] = True
    app.register_error_handler(404, handler(fw, "404", 404))
    app.register_error_handler(HTTPException, handler(fw, "http"))
    app.add_url_rule("/403", "403", lambda: fw.abort(403))
    visit(fw, app, "/nowhere", "/403")


@scenario(each={"debug": True, "plain": False})
def a_missing_key_of_a_form(fw, debug):
    app = fw.App(__name__)
    app.debug = debug
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.config["TRAP_BAD_REQUEST_ERRORS"] = False

    @app.post("/")
    def index():
        return fw.request.form["wanted"]

    fw.client(app).post("/", data={"other": "1"})


@scenario
def a_bad_request_can_be_handled_as_key_error(fw):
    app = fw.App(__name__)
    app.register_error_handler(BadRequest, handler(fw, "bad request", 400))
    app.add_url_rule("/", "index", lambda: fw.request.args["x"])
    visit(fw, app, "/")
