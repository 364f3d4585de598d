"""Hooks: which run, in what order, and what they are given."""

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
        log.append(f"{name} after")
        return response

    @scaffold.teardown_request
    @fw.colour
    def teardown(error):
        log.append(f"{name} teardown {type(error).__name__}")


@scenario(async_too=True)
def order_of_all_hooks(fw):
    app, log = fw.App(__name__), []
    logged_hooks(fw, app, "app", log)
    outer, inner = fw.Blueprint("outer", __name__), fw.Blueprint("inner", __name__)
    logged_hooks(fw, outer, "outer", log)
    logged_hooks(fw, inner, "inner", log)
    logged_hooks(fw, app, "second", log)

    @inner.get("/")
    @fw.colour
    def index():
        @fw.after_this_request
        def late(response):
            log.append("this")
            return response

        log.append("view")
        return "ok"

    outer.register_blueprint(inner)
    app.register_blueprint(outer)

    @app.teardown_appcontext
    @fw.colour
    def ended(error):
        log.append("appcontext")

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

    @app.before_request
    @fw.colour
    def second():
        log.append("second")

    @app.get("/")
    @fw.colour
    def index():
        log.append("view")
        return "view"

    logged_hooks(fw, app, "app", log)
    fw.client(app).get("/")
    fw.observe(log=log)


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
def an_unhandled_error_in_the_view(fw):
    app, log = fw.App(__name__), []
    logged_hooks(fw, app, "app", log)

    @app.get("/")
    @fw.colour
    def index():
        raise KeyError("nothing")

    fw.client(app).get("/")
    fw.observe(log=log)
