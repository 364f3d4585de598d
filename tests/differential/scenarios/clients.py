"""The test client and the runner for commands."""

import click
from werkzeug.test import EnvironBuilder as PlainBuilder

from tests.differential.harness import scenario


def application(fw, **config):
    app = fw.App(__name__, **config.pop("options", {}))
    app.config.update(SECRET_KEY="k", **config)

    @app.route("/", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    @app.route("/<path:path>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def index(path=""):
        request = fw.request
        return {
            "method": request.method,
            "url": request.url,
            "root": request.root_path,
            "args": request.args.to_dict(flat=False),
            "form": request.form.to_dict(flat=False),
            "type": request.content_type,
            "json": request.get_json(silent=True),
            "x": request.headers.get("X-Test"),
            "cookies": dict(request.cookies),
            "auth": request.authorization and request.authorization.username,
        }

    return app


@scenario(
    each={
        "path": (("/a",), {}),
        "path with query": (("/a?b=1&b=2",), {}),
        "query dict": (("/a",), {"query_string": {"b": ["1", "2"]}}),
        "query text": (("/a",), {"query_string": "b=1"}),
        "absolute": (("https://example.com/a",), {}),
        "absolute with port": (("http://example.com:8080/a?b=1",), {}),
        "base url": (("/a",), {"base_url": "https://example.com/root"}),
        "scheme": (("/a",), {"url_scheme": "https"}),
        "subdomain": (("/a",), {"subdomain": "shop"}),
        "form": (("/",), {"method": "POST", "data": {"a": "1", "b": ["2", "3"]}}),
        "json": (("/",), {"method": "POST", "json": {"a": [1]}}),
        "json null": (("/",), {"method": "POST", "json": 0}),
        "text": (("/",), {"method": "PUT", "data": "ä", "content_type": "text/plain"}),
        "headers": (("/",), {"headers": {"X-Test": "1"}}),
        "header pairs": (("/",), {"headers": [("X-Test", "2")]}),
        "auth": (("/",), {"auth": ("ada", "pw")}),
        "environ base": (("/",), {"environ_base": {"HTTP_X_TEST": "3"}}),
        "overrides": (("/",), {"environ_overrides": {"HTTP_X_TEST": "4"}}),
        "odd path": (("/a b/%20ä",), {}),
        "no slash": (("a",), {}),
        "json and data": (("/",), {"method": "POST", "json": 1, "data": "x"}),
        "scheme and base": (("/",), {"url_scheme": "https", "base_url": "http://x/"}),
        "subdomain and base": (("/",), {"subdomain": "s", "base_url": "http://x/"}),
    }
)
def ways_to_say_a_request(fw, arguments):
    args, kwargs = arguments
    client = fw.client(application(fw))
    fw.observe(outcome=fw.outcome(lambda: client.open(*args, **kwargs).status_code))


@scenario(
    each={
        "server name": {"SERVER_NAME": "example.com"},
        "with port": {"SERVER_NAME": "example.com:8080"},
        "root": {"APPLICATION_ROOT": "/shop"},
        "scheme": {"PREFERRED_URL_SCHEME": "https"},
        "all": {
            "SERVER_NAME": "example.com",
            "APPLICATION_ROOT": "/shop",
            "PREFERRED_URL_SCHEME": "https",
        },
    }
)
def the_base_from_the_configuration(fw, config):
    client = fw.client(application(fw, **config))
    client.get("/a")
    client.get("/a", subdomain="sub")
    client.get("/a", url_scheme="http")


@scenario(each={"get": 0, "post": 1, "put": 2, "patch": 3, "delete": 4})
def methods(fw, number):
    client = fw.client(application(fw))
    name = ("get", "post", "put", "patch", "delete")[number]
    getattr(client, name)("/", headers={"X-Test": name})


@scenario
def a_builder_an_environ_and_a_request(fw):
    app = application(fw)
    client = fw.client(app)
    builder = PlainBuilder(path="/a", method="PUT", data={"b": "1"})
    client.open(builder)
    client.open(builder.get_environ())
    client.open(builder.get_request())
    own = fw.module("testing").EnvironBuilder(app, "/own", json={"a": 1})
    client.open(own)
    fw.observe(app=own.app is app, dumped=own.json_dumps({"b": 1}))


@scenario
def cookies(fw):
    app = application(fw)

    @app.get("/set/<name>")
    def set_(name):
        response = fw.make_response("")
        response.set_cookie(name, "1")
        response.delete_cookie("b")
        return response

    client = fw.client(app)
    client.set_cookie("b", "2")
    client.get("/")
    client.get("/set/a")
    client.get("/")
    client.delete_cookie("a")
    client.get("/")
    without = fw.client(app, use_cookies=False)
    without.get("/set/a")
    without.get("/")
    fw.observe(a=client.get_cookie("a"), refused=fw.outcome(lambda: without.set_cookie("x", "1")))


@scenario
def following_redirects(fw):
    app = application(fw)

    @app.route("/go", methods=["GET", "POST"])
    def go():
        return fw.redirect("/there?x=1", 302)

    @app.post("/keep")
    def keep():
        return fw.redirect("/there", 307)

    client = fw.client(app)
    client.get("/go")
    response = client.get("/go", follow_redirects=True)
    fw.observe(history=[each.status_code for each in response.history], path=response.request.path)
    client.post("/go", data={"a": "1"}, follow_redirects=True)
    client.post("/keep", data={"a": "1"}, follow_redirects=True)


@scenario
def what_a_response_offers(fw):
    app = application(fw)
    response = fw.client(app).get("/a?b=1")
    fw.observe(
        json=response.json["method"],
        text=response.text.startswith("{"),
        request=response.request.path,
        kind=isinstance(response, fw.Response),
        history=response.history,
        mimetype=response.mimetype,
    )


@scenario
def json_by_the_applications_provider(fw):
    app = application(fw)

    class Own(fw.module("json.provider").DefaultJSONProvider):
        def loads(self, s, **kwargs):
            return {"own": super().loads(s, **kwargs)}

        def dumps(self, obj, **kwargs):
            return super().dumps([obj], **kwargs)

    app.json = Own(app)
    fw.observe(json=fw.client(app, record=False).post("/", json=1).json)


@scenario
def defaults_of_the_environ(fw):
    app = application(fw)
    client = fw.client(app)
    client.environ_base["HTTP_X_TEST"] = "kept"
    client.environ_base["REMOTE_ADDR"] = "10.0.0.1"
    app.add_url_rule("/who", "who", lambda: f"{fw.request.remote_addr} {fw.request.user_agent}")
    client.get("/")
    response = client.get("/who")
    fw.observe(agent=response.text.partition("/")[0])


# -- contexts that stay --


@scenario
def a_context_stays_in_a_with_block(fw):
    app = application(fw)
    log = []
    app.teardown_request(lambda error: log.append("teardown"))
    app.teardown_appcontext(lambda error: log.append("app"))
    with fw.client(app) as client:
        client.get("/a?b=1")
        log.append(f"first {fw.request.path} {fw.request.args['b']}")
        client.get("/b")
        log.append(f"second {fw.request.path}")
        fw.observe(has=[fw.has_request_context(), fw.has_app_context()])
    fw.observe(log=log, after=[fw.has_request_context(), fw.has_app_context()])


@scenario
def a_context_does_not_stay_outside(fw):
    app = application(fw)
    fw.client(app).get("/a")
    fw.observe(after=fw.has_request_context(), path=fw.outcome(lambda: fw.request.path))


@scenario
def the_session_and_g_stay(fw):
    app = application(fw)

    @app.before_request
    def before():
        fw.g.x = fw.session["y"] = "set"

    with fw.client(app) as client:
        client.get("/")
        fw.observe(g=fw.g.x, session=dict(fw.session))


@scenario
def blocks_in_blocks(fw):
    app = application(fw)

    def nested():
        client = fw.client(app)
        with client, client:
            pass

    fw.observe(outcome=fw.outcome(nested))


@scenario
def two_clients_in_blocks(fw):
    one, two = application(fw), application(fw)
    with fw.client(one) as first:
        first.get("/first")
        with fw.client(two) as second:
            second.get("/second")
            fw.observe(inner=fw.request.path, app=fw.current_app._get_current_object() is two)
        fw.observe(outer=fw.outcome(lambda: fw.request.path))


@scenario
def an_error_in_a_block(fw):
    app = application(fw)
    app.testing = True
    log = []
    app.teardown_request(lambda error: log.append(type(error).__name__))
    app.add_url_rule("/fail", "fail", lambda: 1 / 0)

    def request():
        with fw.client(app) as client:
            client.get("/fail")

    fw.observe(outcome=fw.outcome(request), log=log, after=fw.has_request_context())


@scenario
def a_redirect_in_a_block(fw):
    app = application(fw)
    app.add_url_rule("/go", "go", lambda: fw.redirect("/there", 302))
    with fw.client(app) as client:
        client.get("/go", follow_redirects=True)
        fw.observe(path=fw.request.path)


@scenario
def a_client_class_of_ones_own(fw):
    testing = fw.module("testing")
    base = testing.FlaskClient if fw.name == "flask" else testing.CruseClient

    class Own(base):
        def __init__(self, *args, user=None, **kwargs):
            super().__init__(*args, **kwargs)
            self.user = user

        def open(self, *args, **kwargs):
            kwargs.setdefault("headers", {})["X-Test"] = self.user
            return super().open(*args, **kwargs)

    app = application(fw)
    app.test_client_class = Own
    client = fw.client(app, user="ada")
    client.get("/")
    fw.observe(kind=isinstance(client, Own), app=client.application is app)


@scenario
def a_request_context_for_a_test(fw):
    app = application(fw)
    seen = []
    app.before_request(lambda: seen.append("before"))
    with app.test_request_context(
        "/a?b=1", method="POST", data={"c": "2"}, headers={"X-Test": "1"}
    ):
        request = fw.request
        fw.observe(
            endpoint=request.endpoint,
            view_args=request.view_args,
            values=[request.method, request.args["b"], request.form["c"]],
            before=list(seen),
        )
        app.preprocess_request()
        fw.observe(after=list(seen))
    with app.test_request_context("/nowhere/", json={"a": 1}, base_url="http://x/y"):
        fw.observe(json=fw.request.json, url=fw.request.url)


@scenario
def a_request_context_that_nothing_matches(fw):
    app = fw.App(__name__)
    with app.test_request_context("/nowhere"):
        fw.observe(
            error=type(fw.request.routing_exception),
            endpoint=fw.request.endpoint,
            rule=fw.request.url_rule,
            args=fw.request.view_args,
        )


# -- commands --


@scenario
def a_runner(fw):
    app = fw.App(__name__)

    @app.cli.command("hello")
    @click.argument("name", default="world")
    def hello(name):
        click.echo(f"Hello {name} of {fw.current_app.name == __name__}")

    @app.cli.command("fail")
    def fail():
        raise ZeroDivisionError

    runner = app.test_cli_runner()
    seen = {}
    for arguments in (["hello"], ["hello", "Ada"], ["fail"], ["missing"], ["hello", "--bad"]):
        result = runner.invoke(args=arguments)
        output = result.output if result.exit_code == 0 else ""
        seen[" ".join(arguments)] = [result.exit_code, output, result.exception]
    fw.observe(seen=seen)
    fw.observe(command=runner.invoke(hello, ["Bob"]).output)
    fw.observe(catch=fw.outcome(lambda: runner.invoke(fail, catch_exceptions=False)))


@scenario
def a_runner_class_of_ones_own(fw):
    testing = fw.module("testing")
    base = testing.FlaskCliRunner if fw.name == "flask" else testing.CruseCliRunner

    class Own(base):
        def invoke(self, *args, **kwargs):
            return "invoked"

    app = fw.App(__name__)
    app.test_cli_runner_class = Own
    fw.observe(result=app.test_cli_runner().invoke(), kind=type(app.test_cli_runner()))


@scenario
def an_object_for_the_runner(fw):
    app, other = fw.App("one"), fw.App("two")
    info = fw.module("cli").ScriptInfo(create_app=lambda: other)

    @click.command()
    @fw.module("cli").pass_script_info
    def which(info):
        click.echo(info.load_app().name)

    runner = app.test_cli_runner()
    fw.observe(own=runner.invoke(which).output, given=runner.invoke(which, obj=info).output)
