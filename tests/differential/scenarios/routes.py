"""Rules: registration, methods, automatic OPTIONS, converters, slashes and redirects."""

from werkzeug.routing import BaseConverter, Rule, Submount

from tests.differential.harness import scenario

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


def ask(fw, app, *requests):
    """Make requests given as "METHOD /path", or "/path" for GET."""
    client = fw.client(app)
    for request in requests:
        method, _, path = request.rpartition(" ")
        client.open(path, method=method or "GET")


@scenario(
    async_too=True,
    each={name: name for name in ("route", "get", "post", "put", "patch", "delete")},
)
def decorators_and_their_methods(fw, name):
    app = fw.App(__name__)
    view = getattr(app, name)("/")(fw.colour(lambda: fw.request.method))
    fw.observe(same=callable(view), methods=next(iter(app.url_map.iter_rules("<lambda>"))).methods)
    ask(fw, app, *(f"{method} /" for method in METHODS))


@scenario(
    each={
        "methods of get": lambda app: app.get("/", methods=["POST"]),
        "methods as text": lambda app: app.add_url_rule("/", "a", str, methods="GET"),
        "no endpoint": lambda app: app.add_url_rule("/"),
        "no slash": lambda app: app.add_url_rule("a", "a", str),
        "unknown converter": lambda app: app.add_url_rule("/<nothing:a>", "a", str),
        "twice in a rule": lambda app: app.add_url_rule("/<a>/<a>", "a", str),
        "unclosed": lambda app: app.add_url_rule("/<a", "a", str),
        "bad option": lambda app: app.add_url_rule("/", "a", str, nonsense=1),
    }
)
def registration_errors(fw, register):
    app = fw.App(__name__)
    fw.observe(outcome=fw.outcome(lambda: type(register(app)).__name__))


@scenario
def the_same_endpoint_for_another_function(fw):
    app = fw.App(__name__)

    def index():
        return "one"

    app.add_url_rule("/", view_func=index)
    app.add_url_rule("/again", view_func=index)

    def other():
        return "two"

    fw.observe(
        other=fw.outcome(lambda: app.add_url_rule("/other", "index", other)),
        views=sorted(app.view_functions),
    )
    ask(fw, app, "/", "/again", "/other")


@scenario
def an_endpoint_without_a_view(fw):
    app = fw.App(__name__)
    app.add_url_rule("/", "late")
    ask(fw, app, "/", "OPTIONS /")


@scenario
def the_view_of_an_endpoint_comes_later(fw):
    app = fw.App(__name__)
    app.add_url_rule("/", endpoint="bar")
    app.url_map.add(Submount("/foo", [Rule("/bar", endpoint="bar"), Rule("/", endpoint="index")]))

    @app.endpoint("bar")
    def bar():
        return fw.request.endpoint

    app.view_functions["index"] = lambda: "index"
    ask(fw, app, "/", "/foo/bar", "/foo/", "OPTIONS /foo/bar", "POST /foo/bar")


@scenario
def rules_added_while_serving(fw):
    app = fw.App(__name__)
    client = fw.client(app)
    client.get("/late")
    app.url_map.add(Rule("/late", endpoint="late"))
    app.view_functions["late"] = lambda: "late"
    client.get("/late")
    app.view_functions["late"] = lambda: "later"
    client.get("/late")


@scenario(async_too=True)
def attributes_of_a_view(fw):
    app = fw.App(__name__)

    def view():
        return fw.request.method

    view = fw.colour(view)
    view.methods = ["post"]
    view.required_methods = ["PUT"]
    view.provide_automatic_options = False
    app.add_url_rule("/", "view", view)
    ask(fw, app, "/", "POST /", "PUT /", "OPTIONS /")


@scenario(
    each={
        "default": ({}, None, True),
        "argument off": ({"provide_automatic_options": False}, None, True),
        "argument on": ({"provide_automatic_options": True}, None, True),
        "attribute off": ({}, False, True),
        "argument before attribute": ({"provide_automatic_options": True}, False, True),
        "setting off": ({}, None, False),
        "own options": ({"methods": ["GET", "OPTIONS"]}, None, True),
        "lower case": ({"methods": ["get", "options"]}, None, True),
        "attribute on": ({}, True, True),
    }
)
def automatic_options(fw, case):
    arguments, attribute, setting = case
    app = fw.App(__name__)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = setting

    def view():
        return f"view {fw.request.method}"

    if attribute is not None:
        view.provide_automatic_options = attribute
    app.add_url_rule("/", view_func=view, **arguments)
    ask(fw, app, "OPTIONS /", "/", "HEAD /")


@scenario(each={"argument": True, "attribute": False})
def automatic_options_on_although_the_setting_is_off(fw, argument):
    app = fw.App(__name__)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False

    def view():
        return f"view {fw.request.method}"

    if not argument:
        view.provide_automatic_options = True
    app.add_url_rule("/", "view", view, provide_automatic_options=True if argument else None)
    ask(fw, app, "OPTIONS /", "POST /")


@scenario(async_too=True)
def options_lists_the_methods_of_all_rules_of_the_url(fw):
    app = fw.App(__name__)
    app.get("/a")(fw.colour(lambda: "get"))
    app.add_url_rule("/a", "post", lambda: "post", methods=["POST", "PUT"])
    app.add_url_rule("/<name>", "named", lambda name: name, methods=["DELETE"])
    ask(fw, app, "OPTIONS /a", "PATCH /a", "OPTIONS /b", "POST /b", "DELETE /a")


@scenario(async_too=True)
def before_request_runs_for_options(fw):
    app = fw.App(__name__)
    log = []
    app.before_request(fw.colour(lambda: log.append(fw.request.method)))
    app.add_url_rule("/", "index", lambda: "")
    ask(fw, app, "OPTIONS /")
    fw.observe(log=log)


@scenario
def methods_are_sent_as_they_are_written(fw):
    app = fw.App(__name__)
    app.add_url_rule("/", "index", lambda: fw.request.method, methods=["get", "Patch"])
    ask(fw, app, "/", "patch /", "PATCH /", "Head /", "POST /")


# -- converters --

PATHS = {
    "string": ("/<a>", ["/x", "/x%20y", "/%C3%A9", "/x%2Fy", "/", "/x/"]),
    "string length": ("/<string(length=2):a>", ["/xy", "/x", "/xyz"]),
    "string bounds": ("/<string(minlength=2, maxlength=3):a>", ["/x", "/xy", "/xyzw"]),
    "int": ("/<int:a>", ["/1", "/007", "/-1", "/1.0", "/x", "/99999999999999999999"]),
    "signed int": ("/<int(signed=True):a>", ["/-1", "/1", "/--1"]),
    "bounded int": ("/<int(min=2, max=5):a>", ["/1", "/2", "/5", "/6"]),
    "digits": ("/<int(fixed_digits=3):a>", ["/001", "/1", "/1000"]),
    "float": ("/<float:a>", ["/1.5", "/1", "/-1.5", "/1.", "/x"]),
    "signed float": ("/<float(signed=True):a>", ["/-1.5", "/1.5"]),
    "path": ("/<path:a>", ["/x", "/x/y", "/x/", "/x//y", "/"]),
    "path and more": ("/<path:a>/edit", ["/x/edit", "/x/y/edit", "/edit", "/x/edit/edit"]),
    "any": ("/<any(one, two):a>", ["/one", "/two", "/three"]),
    "uuid": (
        "/<uuid:a>",
        ["/12345678-1234-5678-1234-567812345678", "/12345678123456781234567812345678", "/x"],
    ),
    "mixed": ("/v<int:a>.<b>", ["/v1.txt", "/v1", "/v.txt", "/v1.2.3"]),
    "two": ("/<a>/<int:b>/", ["/x/1/", "/x/1", "/x/y/"]),
    "defaults": ("/<a>", ["/x"]),
}


@scenario(each=PATHS)
def converters(fw, case):
    rule, paths = case
    app = fw.App(__name__, static_folder=None)
    app.add_url_rule(rule, "view", lambda **values: repr(sorted(values.items())))
    ask(fw, app, *paths)


@scenario
def a_converter_of_ones_own(fw):
    class List(BaseConverter):
        def to_python(self, value):
            return value.split(",")

        def to_url(self, value):
            return ",".join(super(List, self).to_url(part) for part in value)

    app = fw.App(__name__)
    app.url_map.converters["list"] = List
    app.add_url_rule("/<list:parts>", "view", lambda parts: "|".join(parts))
    ask(fw, app, "/1,2,3", "/a")
    with app.test_request_context():
        fw.observe(url=fw.url_for("view", parts=["x y", "z"]))


@scenario
def a_converter_sees_request_and_session(fw):
    class Own(BaseConverter):
        def to_python(self, value):
            return f"{value} {fw.request.method} {fw.session.get('who')} {fw.current_app.name}"

    app = fw.App("shop")
    app.secret_key = "key"
    app.url_map.converters["own"] = Own

    @app.get("/login")
    def login():
        fw.session["who"] = "Ada"
        return ""

    app.add_url_rule("/<own:value>/", "view", lambda value: value)
    ask(fw, app, "/login", "/x/")


@scenario
def a_converter_that_fails(fw):
    class Own(BaseConverter):
        def to_python(self, value):
            if value == "missing":
                fw.abort(404, "own words")
            raise KeyError(value)

    app = fw.App(__name__)
    app.url_map.converters["own"] = Own
    app.add_url_rule("/<own:value>", "view", lambda value: value)
    app.register_error_handler(404, lambda error: (error.description, 404))
    ask(fw, app, "/missing", "/other")


# -- defaults, weights, slashes --


@scenario
def defaults_of_a_rule(fw):
    app = fw.App(__name__)
    app.add_url_rule("/", "view", lambda page: repr(page), defaults={"page": 1})
    app.add_url_rule("/page/<int:page>", "view")
    ask(fw, app, "/", "/page/2", "/page/1", "/page/1?a=b", "POST /page/1")
    with app.test_request_context():
        fw.observe(one=fw.url_for("view", page=1), two=fw.url_for("view", page=2))


@scenario
def defaults_that_are_in_no_rule(fw):
    app = fw.App(__name__)

    def view(name, colour):
        return f"{name} {colour}"

    app.add_url_rule("/<name>", "view", view, defaults={"colour": "red"})
    app.add_url_rule("/<name>/blue", "view", view, defaults={"colour": "blue"})
    ask(fw, app, "/x", "/x/blue", "/x/red")


@scenario(
    each={
        "default": {},
        "strict off": {"strict_slashes": False},
        "merge off": {"merge_slashes": False},
    }
)
def slashes(fw, options):
    app = fw.App(__name__, static_folder=None)
    app.add_url_rule("/leaf", "leaf", lambda: fw.request.path, **options)
    app.add_url_rule("/branch/", "branch", lambda: fw.request.path, **options)
    app.add_url_rule("/a/<b>/c/", "deep", lambda b: b, methods=["GET", "POST"], **options)
    ask(
        fw,
        app,
        *["/leaf", "/leaf/", "/branch", "/branch/", "/branch?x=1&y=%20", "/branch//"],
        *["//leaf", "/a//b//c", "/a/b/c", "POST /a/b/c", "/a/%C3%A9/c", "//branch"],
        *["///", "/leaf//", "OPTIONS /branch", "PUT /branch", "HEAD /branch"],
    )


@scenario
def slashes_of_the_whole_map(fw):
    app = fw.App(__name__, static_folder=None)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.add_url_rule("/leaf", "leaf", lambda: "leaf")
    app.add_url_rule("/branch/", "branch", lambda: "branch")
    ask(fw, app, "/leaf", "/leaf/", "/branch", "/branch/", "//leaf")


@scenario
def merged_slashes_with_a_path(fw):
    app = fw.App(__name__, static_folder=None)
    app.add_url_rule("/x/<path:rest>/y", "rest", lambda rest: rest)
    app.add_url_rule("/x/<int:number>/<path:rest>", "number", lambda **values: repr(values))
    ask(fw, app, "/x//a//y", "/x/a//b/y", "/x/1//b", "/x/1/b//c", "/x//1/b")


@scenario
def a_redirect_keeps_root_and_query(fw):
    app = fw.App(__name__, static_folder=None)
    app.add_url_rule("/branch/", "branch", lambda: fw.request.url)
    client = fw.client(app)
    client.get("/branch?x=1", base_url="https://example.com/root/")
    client.get("/branch", base_url="https://example.com/root", follow_redirects=True)


@scenario
def static_before_dynamic_and_other_weights(fw):
    app = fw.App(__name__, static_folder=None)
    for rule in ("/<path:a>", "/<a>", "/<int:a>", "/one", "/<a>/x", "/one/<b>", "/<int:a>/x"):
        app.add_url_rule(rule, rule, lambda rule=rule, **values: f"{rule} {values}")
    ask(fw, app, "/one", "/1", "/two", "/one/x", "/1/x", "/two/x", "/a/b/c", "/one/two/three")


@scenario
def the_method_chooses_among_rules_of_one_path(fw):
    app = fw.App(__name__, static_folder=None)
    app.add_url_rule("/<a>", "get", lambda a: f"get {a}", methods=["GET"])
    app.add_url_rule("/<a>", "post", lambda a: f"post {a}", methods=["POST"])
    app.add_url_rule("/fixed", "put", lambda: "put", methods=["PUT"])
    ask(fw, app, "/x", "POST /x", "PUT /x", "/fixed", "POST /fixed", "PUT /fixed", "DELETE /fixed")


@scenario
def redirect_to_and_alias(fw):
    app = fw.App(__name__, static_folder=None)
    app.add_url_rule("/new/<int:a>", "new", lambda a: str(a))
    app.add_url_rule("/old/<int:a>", "old", redirect_to="new/<a>")
    app.add_url_rule("/new/<int:a>.html", "new", alias=True)
    app.add_url_rule("/call/<a>", "call", redirect_to=lambda adapter, a: f"/new/{a}")
    app.add_url_rule("/build", "build", lambda: "", build_only=True)
    ask(fw, app, "/old/1", "/new/1.html", "/call/2", "/build")
    with app.test_request_context():
        fw.observe(url=fw.url_for("build"))


@scenario
def paths_with_odd_characters(fw):
    app = fw.App(__name__, static_folder=None)
    app.add_url_rule("/\N{SNOWMAN}", "snowman", lambda: "snowman")
    app.add_url_rule("/a b", "space", lambda: "space")
    app.add_url_rule("/<a>", "any", lambda a: ascii(a))
    ask(fw, app, "/%E2%98%83", "/a%20b", "/a+b", "/%25", "/a;b=c", "/a%3Fb", "/%0A", "/%00")


@scenario
def a_websocket_rule_is_not_for_http(fw):
    app = fw.App(__name__, static_folder=None)
    app.add_url_rule("/ws", "ws", lambda: "never", websocket=True)
    ask(fw, app, "/ws")


@scenario(each={"debug": True, "plain": False})
def a_redirect_that_would_lose_a_form(fw, debug):
    app = fw.App(__name__, static_folder=None)
    app.debug = debug
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/page/", "page", lambda: "", methods=["GET", "POST"])
    app.add_url_rule("/old", "old", redirect_to="page/", methods=["GET", "POST"])
    client = fw.client(app)
    client.post("/page", data={"a": "b"})
    client.get("/page")
    client.post("/old")


@scenario
def the_rules_can_be_listed(fw):
    app = fw.App(__name__)
    app.add_url_rule("/<int:a>", "number", str, methods=["GET", "POST"], defaults={"b": 1})
    fw.observe(
        rules=[
            (str(rule), rule.endpoint, sorted(rule.methods), sorted(rule.arguments), rule.defaults)
            for rule in app.url_map.iter_rules()
        ]
    )
