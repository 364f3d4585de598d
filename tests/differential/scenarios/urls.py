"""``url_for`` in all its forms."""

from werkzeug.routing import BuildError

from tests.differential.harness import scenario


def application(fw, **config):
    app = fw.App(__name__)
    app.config.update(config)
    app.add_url_rule("/", "index", lambda: "")
    app.add_url_rule("/user/<name>", "user", lambda name: "")
    app.add_url_rule("/file/<path:name>", "file", lambda name: "")
    app.add_url_rule("/item/<int:number>", "item", lambda number: "")
    app.add_url_rule("/both", "read", lambda: "", methods=["GET"])
    app.add_url_rule("/self/<self>/<endpoint_>", "self", lambda **values: "")
    app.add_url_rule("/get", "verb", lambda: "", methods=["GET"])
    app.add_url_rule("/post", "verb", methods=["POST"])
    blueprint = fw.Blueprint("shop", __name__, url_prefix="/shop")
    blueprint.add_url_rule("/", "index", lambda: "")
    inner = fw.Blueprint("cart", __name__, url_prefix="/cart")
    inner.add_url_rule("/", "index", lambda: "")
    blueprint.register_blueprint(inner)
    app.register_blueprint(blueprint)
    return app


FORMS = {
    "plain": lambda url: url("index"),
    "variable": lambda url: url("user", name="Ada L\xe9"),
    "slash in a variable": lambda url: url("user", name="a/b"),
    "path": lambda url: url("file", name="a/b c/d"),
    "number": lambda url: url("item", number=7),
    "not a number": lambda url: url("item", number="x"),
    "query": lambda url: url("index", b=2, a="x y", c="\xe9&="),
    "list": lambda url: url("index", a=[1, 2, 3], b=()),
    "none": lambda url: url("index", a=None),
    "bool": lambda url: url("index", a=True),
    "missing variable": lambda url: url("user"),
    "none for a variable": lambda url: url("user", name=None),
    "empty variable": lambda url: url("user", name=""),
    "unknown": lambda url: url("nothing", a=1),
    "anchor": lambda url: url("index", _anchor="x y"),
    "odd anchor": lambda url: url("index", _anchor="a%!#$&'()*+,/:;=?@\"<>\\^`{|}~\xe9"),
    "anchor and query": lambda url: url("index", _anchor="x", a=1),
    "empty anchor": lambda url: url("index", _anchor=""),
    "external": lambda url: url("index", _external=True),
    "internal": lambda url: url("index", _external=False),
    "scheme": lambda url: url("index", _scheme="https"),
    "scheme and external": lambda url: url("index", _scheme="https", _external=True),
    "scheme and internal": lambda url: url("index", _scheme="https", _external=False),
    "empty scheme": lambda url: url("index", _scheme=""),
    "empty scheme external": lambda url: url("index", _scheme="", _external=True),
    "websocket": lambda url: url("index", _scheme="wss"),
    "method": lambda url: url("verb", _method="POST"),
    "method in lower case": lambda url: url("verb", _method="post"),
    "other method": lambda url: url("verb", _method="DELETE"),
    "static": lambda url: url("static", filename="a/b.css").partition("?")[0],
    "blueprint": lambda url: url("shop.index"),
    "nested": lambda url: url("shop.cart.index"),
    "leading dot": lambda url: url(".index"),
    "self and endpoint": lambda url: url("self", **{"self": "a", "endpoint_": "b"}),
    "all": lambda url: url("user", name="x", q=1, _anchor="y", _external=True, _scheme="https"),
    "none for external": lambda url: url("index", _external=None),
}


@scenario(each=FORMS)
def in_a_request(fw, form):
    app = application(fw)
    with app.test_request_context(base_url="http://example.com:8080/root/"):
        fw.observe(helper=fw.outcome(lambda: form(fw.url_for)))
        fw.observe(method=fw.outcome(lambda: form(app.url_for)))


@scenario(each=FORMS)
def in_a_request_of_a_blueprint(fw, form):
    app = application(fw)
    with app.test_request_context("/shop/cart/"):
        fw.observe(url=fw.outcome(lambda: form(fw.url_for)))


@scenario(each=FORMS)
def outside_of_a_request(fw, form):
    app = application(
        fw, SERVER_NAME="example.org:81", APPLICATION_ROOT="/app/", PREFERRED_URL_SCHEME="https"
    )
    with app.app_context():
        fw.observe(url=fw.outcome(lambda: form(fw.url_for)))


@scenario(
    each={"plain": {}, "external": {"_external": True}, "internal": {"_external": False}},
)
def outside_of_a_request_without_a_server_name(fw, arguments):
    app = application(fw)
    fw.observe(no_context=fw.outcome(lambda: fw.url_for("index", **arguments)))
    fw.observe(method=fw.outcome(lambda: app.url_for("index", **arguments)))
    with app.app_context():
        fw.observe(context=fw.outcome(lambda: fw.url_for("index", **arguments)))


@scenario
def the_method_needs_no_context(fw):
    app = application(fw, SERVER_NAME="example.org")
    fw.observe(
        plain=app.url_for("index"),
        internal=app.url_for("index", _external=False),
        dotted=fw.outcome(lambda: app.url_for(".index")),
    )


@scenario
def the_server_name_does_not_matter_in_a_request(fw):
    app = application(fw, SERVER_NAME="example.org", PREFERRED_URL_SCHEME="https")
    app.add_url_rule("/url", "url", lambda: fw.url_for("index", _external=True))
    client = fw.client(app)
    client.get("/url", base_url="http://other.example/")
    client.get("/url")


@scenario
def defaults_from_functions(fw):
    app = application(fw)
    log = []

    @app.url_defaults
    def language(endpoint, values):
        log.append(endpoint)
        if app.url_map.is_endpoint_expecting(endpoint, "name"):
            values.setdefault("name", "Ada")

    with app.test_request_context():
        fw.observe(
            filled=fw.url_for("user"),
            given=fw.url_for("user", name="Bob"),
            other=fw.url_for("index"),
            log=log,
        )


@scenario
def order_of_defaults_and_preprocessors(fw):
    app, log = fw.App(__name__), []
    outer = fw.Blueprint("outer", __name__)
    inner = fw.Blueprint("inner", __name__)
    inner.add_url_rule("/<lang>/", "index", lambda: fw.url_for(".index", lang=None))
    for name, scaffold in (("app", app), ("outer", outer), ("inner", inner)):
        scaffold.url_defaults(lambda endpoint, values, n=name: log.append(f"defaults {n}"))
        scaffold.url_value_preprocessor(lambda endpoint, values, n=name: log.append(f"values {n}"))
    inner.app_url_defaults(lambda endpoint, values: log.append("defaults app-wide"))
    inner.app_url_value_preprocessor(lambda endpoint, values: log.append("values app-wide"))
    inner.url_value_preprocessor(lambda endpoint, values: values.pop("lang"))
    inner.url_defaults(lambda endpoint, values: values.update(lang="en"))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    fw.client(app).get("/de/")
    fw.observe(log=log)


@scenario
def preprocessors_of_a_request_without_a_match(fw):
    app, log = fw.App(__name__), []
    app.url_value_preprocessor(lambda endpoint, values: log.append((endpoint, values)))
    fw.client(app).get("/nowhere")
    fw.observe(log=log)


def build_errors(fw):
    def refuses(error, endpoint, values):
        raise error

    def other(error, endpoint, values):
        raise BuildError("other", {}, None)

    def passes(error, endpoint, values):
        return None

    def answers(error, endpoint, values):
        return f"/{endpoint}/{sorted(values.items())}"

    def breaks(error, endpoint, values):
        raise KeyError(endpoint)

    return {f.__name__: f for f in (refuses, other, passes, answers, breaks)}


@scenario(
    each={
        order: order.split()
        for order in (
            "answers",
            "refuses answers",
            "passes answers",
            "other answers",
            "refuses passes",
            "other",
            "breaks answers",
            "passes",
        )
    }
)
def handlers_of_build_errors(fw, names):
    app = application(fw)
    handlers = build_errors(fw)
    app.url_build_error_handlers.extend(handlers[name] for name in names)
    with app.test_request_context():
        fw.observe(
            plain=fw.outcome(lambda: fw.url_for("nothing", a=1)),
            options=fw.outcome(
                lambda: fw.url_for("user", _external=True, _anchor="x", _method="GET")
            ),
            method=fw.outcome(lambda: app.url_for("item", number=[])),
        )


@scenario
def urls_in_templates(fw):
    app = application(fw)
    app.add_url_rule(
        "/page",
        "page",
        lambda: fw.render_template_string(
            "{{ url_for('user', name='<>', a='&') }} {{ url_for('.index', _external=true) }}"
        ),
    )
    fw.client(app).get("/page")


@scenario
def an_app_context_pushed_in_a_request(fw):
    """What url_for makes there is as in no request at all."""
    app = application(fw, SERVER_NAME="example.org")
    other = application(fw, SERVER_NAME="other.example")
    with app.test_request_context(base_url="http://here.example/"):
        fw.observe(other=other.url_for("index"), own=app.url_for("index"))
        with other.app_context():
            fw.observe(inner=fw.url_for("index"), app=app.url_for("index"))
