"""Hosts, subdomains, trusted hosts and where an application is mounted."""

from tests.differential.harness import scenario


def ask(fw, app, *urls):
    client = fw.client(app)
    for url in urls:
        scheme, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        client.get(f"/{path}", base_url=f"{scheme}://{host}")


def subdomains(fw, **options):
    app = fw.App(__name__, static_folder=None, **options)
    app.add_url_rule("/", "index", lambda: "index")
    app.add_url_rule("/", "shop", lambda: "shop", subdomain="shop")
    app.add_url_rule("/", "user", lambda user: f"user {user}", subdomain="<user>")
    app.add_url_rule("/b/", "branch", lambda: fw.request.url, subdomain="shop")
    return app


HOSTS = (
    "http://example.com/",
    "http://shop.example.com/",
    "http://ada.example.com/",
    "http://a.b.example.com/",
    "http://other.example/",
    "http://shop.example.com/b",
)


@scenario(each={"on": True, "off": False})
def subdomain_matching(fw, on):
    app = subdomains(fw, subdomain_matching=on)
    app.config["SERVER_NAME"] = "example.com"
    ask(fw, app, *HOSTS[:4], HOSTS[5])


@scenario
def subdomain_matching_without_a_server_name(fw):
    app = subdomains(fw, subdomain_matching=True)
    ask(fw, app, *HOSTS[:3])


@scenario
def subdomain_matching_with_a_port(fw):
    app = subdomains(fw, subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.com:8080"
    ask(fw, app, "http://shop.example.com:8080/", "http://example.com:8080/")


@scenario
def subdomains_in_urls(fw):
    app = subdomains(fw, subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.com"
    with app.test_request_context("/", subdomain="shop"):
        fw.observe(
            own=fw.url_for("shop"),
            none=fw.url_for("index"),
            user=fw.url_for("user", user="ada"),
            external=fw.url_for("shop", _external=True),
        )
    with app.app_context():
        fw.observe(outside=[fw.url_for("shop"), fw.url_for("index"), fw.url_for("user", user="x")])


@scenario
def a_blueprint_with_a_subdomain(fw):
    app = fw.App(__name__, static_folder=None, subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.com"
    outer = fw.Blueprint("outer", __name__, subdomain="outer")
    inner = fw.Blueprint("inner", __name__, subdomain="inner")
    plain = fw.Blueprint("plain", __name__)
    for blueprint in (outer, inner, plain):
        blueprint.add_url_rule(
            f"/{blueprint.name}", "index", lambda: f"{fw.request.endpoint} {fw.request.host}"
        )
    outer.register_blueprint(inner)
    outer.register_blueprint(plain)
    app.register_blueprint(outer)
    app.register_blueprint(plain, name="moved", subdomain="moved")
    fw.observe(rules=[(r.subdomain, r.rule) for r in app.url_map.iter_rules()])
    ask(
        fw,
        app,
        "http://outer.example.com/outer",
        "http://inner.outer.example.com/inner",
        "http://outer.example.com/plain",
        "http://moved.example.com/plain",
        "http://example.com/outer",
    )


@scenario
def the_default_subdomain(fw):
    app = fw.App(__name__, static_folder=None, subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.com"
    app.url_map.default_subdomain = "www"
    app.add_url_rule("/", "index", lambda: "www")
    app.add_url_rule("/", "bare", lambda: "bare", subdomain="")
    ask(fw, app, "http://www.example.com/", "http://example.com/")


@scenario
def host_matching(fw):
    app = fw.App(__name__, host_matching=True, static_host="static.example")
    app.add_url_rule("/", "one", lambda: "one", host="one.example")
    app.add_url_rule("/", "two", lambda: "two", host="two.example:8080")
    app.add_url_rule("/", "any", lambda name: f"any {name}", host="<name>.any.example")
    ask(
        fw,
        app,
        "http://one.example/",
        "http://two.example:8080/",
        "http://two.example/",
        "http://x.any.example/",
        "http://other.example/",
    )
    with app.test_request_context(base_url="http://one.example/"):
        fw.observe(
            own=fw.url_for("one"),
            other=fw.url_for("two"),
            any=fw.url_for("any", name="y"),
            static=fw.url_for("static", filename="a.css").partition("?")[0],
        )


@scenario
def host_matching_ignores_the_server_name(fw):
    app = fw.App(__name__, host_matching=True, static_folder=None)
    app.config["SERVER_NAME"] = "example.com"
    app.add_url_rule("/", "one", lambda: "one", host="one.example")
    ask(fw, app, "http://one.example/", "http://example.com/")


@scenario
def the_server_name_restricts_nothing(fw):
    app = fw.App(__name__, static_folder=None)
    app.config["SERVER_NAME"] = "example.com"
    app.add_url_rule("/", "index", lambda: fw.url_for("index", _external=True))
    ask(fw, app, "http://example.com/", "http://other.example/", "http://sub.example.com:81/")


@scenario(
    each={
        "one": ["example.com"],
        "below": [".example.com"],
        "port": ["example.com:8080"],
        "none": None,
        "empty": [],
    }
)
def trusted_hosts(fw, trusted):
    app = fw.App(__name__, static_folder=None)
    app.config["TRUSTED_HOSTS"] = trusted
    app.add_url_rule("/", "index", lambda: fw.request.host)
    app.register_error_handler(400, lambda error: (type(error).__name__, 400))
    ask(
        fw,
        app,
        "http://example.com/",
        "http://sub.example.com/",
        "http://example.com:8080/",
        "http://evil.example/",
        "http://example.com.evil.example/",
        "http://evilexample.com/",
    )


@scenario
def trusted_hosts_of_one_request(fw):
    app = fw.App(__name__, static_folder=None)

    class Own(fw.Request):
        trusted_hosts = ("example.com",)

    app.request_class = Own
    app.config["TRUSTED_HOSTS"] = ["other.example"]
    app.add_url_rule("/", "index", lambda: fw.request.host)
    ask(fw, app, "http://example.com/", "http://other.example/")


@scenario
def before_hooks_see_an_untrusted_host(fw):
    app, log = fw.App(__name__, static_folder=None), []
    app.config["TRUSTED_HOSTS"] = ["example.com"]
    app.before_request(lambda: log.append(type(fw.request.routing_exception).__name__))
    app.add_url_rule("/", "index", lambda: log.append("view") or "")
    ask(fw, app, "http://evil.example/")
    fw.observe(log=log)


@scenario
def mounted_below_a_path(fw):
    app = fw.App(__name__, static_folder=None)

    def index():
        request = fw.request
        return [request.script_root, request.root_path, request.path, request.full_path]

    app.add_url_rule("/a/", "index", index)
    app.add_url_rule("/url", "url", lambda: [fw.url_for("index"), fw.request.url_root])
    client = fw.client(app)
    client.get("/a/", base_url="http://example.com/root")
    client.get("/a", base_url="http://example.com/root/")
    client.get("/url", base_url="http://example.com/root")
    client.get("/root/a/")


@scenario(
    each={
        "root": {"APPLICATION_ROOT": "/app"},
        "root and name": {"APPLICATION_ROOT": "/app/", "SERVER_NAME": "example.com"},
        "scheme": {"PREFERRED_URL_SCHEME": "https"},
    }
)
def where_a_test_client_asks(fw, config):
    app = fw.App(__name__, static_folder=None)
    app.config.update(config)
    app.add_url_rule("/a", "index", lambda: [fw.request.url, fw.url_for("index")])
    fw.client(app).get("/a")
