"""What a request knows: its match, its blueprint, and all that werkzeug's has."""

from tests.differential.harness import scenario


@scenario(async_too=True)
def what_routing_found(fw):
    app = fw.App(__name__)
    outer = fw.Blueprint("outer", __name__, url_prefix="/outer")
    inner = fw.Blueprint("inner", __name__, url_prefix="/inner")

    def view(**values):
        request = fw.request
        return {
            "endpoint": request.endpoint,
            "blueprint": request.blueprint,
            "blueprints": request.blueprints,
            "rule": request.url_rule.rule,
            "view_args": request.view_args,
            "error": request.routing_exception,
        }

    app.add_url_rule("/<int:a>", "plain", fw.colour(view))
    outer.add_url_rule("/", "index", fw.colour(view))
    inner.add_url_rule("/<b>", "index", fw.colour(view), defaults={"c": 1})
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    client = fw.client(app)
    for path in ("/5", "/outer/", "/outer/inner/x"):
        client.get(path)


@scenario(each={"404": ("GET", "/nowhere"), "405": ("DELETE", "/"), "slash": ("GET", "/branch")})
def what_routing_did_not_find(fw, case):
    app, seen = fw.App(__name__), []
    app.add_url_rule("/", "index", lambda: "")
    app.add_url_rule("/branch/", "branch", lambda: "")

    @app.before_request
    def look():
        request = fw.request
        seen.append([request.endpoint, request.blueprint, request.blueprints, request.url_rule])
        seen.append([request.view_args, type(request.routing_exception).__name__])

    method, path = case
    fw.client(app).open(path, method=method)
    fw.observe(seen=seen)


@scenario
def view_args_can_be_changed(fw):
    app = fw.App(__name__)

    @app.before_request
    def change():
        fw.request.view_args["a"] = "changed"

    app.add_url_rule("/<a>", "view", lambda a: a)
    fw.client(app).get("/x")


@scenario(
    each={
        "get": {"path": "/a/b?x=1&x=2&y=%C3%A9&z"},
        "post": {"path": "/", "method": "POST", "data": {"a": "1", "b": ["2", "3"]}},
        "json": {"path": "/", "method": "POST", "json": {"a": [1]}},
        "bytes": {"path": "/", "method": "PUT", "data": b"\x00\xff", "content_type": "x/y"},
        "root": {"path": "/a", "base_url": "https://example.com:8443/root"},
        "headers": {
            "path": "/",
            "headers": {
                "Accept": "text/html;q=0.5, application/json",
                "Accept-Language": "de, en;q=0.5",
                "Authorization": "Basic YTpi",
                "Cookie": "a=1; b=2",
                "If-None-Match": '"x"',
                "Range": "bytes=0-1",
                "Referer": "http://example.com/from",
                "User-Agent": "tester/1",
                "X-Forwarded-For": "1.2.3.4",
                "X-Requested-With": "XMLHttpRequest",
            },
        },
        "encoded": {"path": "/%C3%A9%20x/%2F?a=%20+b"},
    }
)
def attributes(fw, request):
    app = fw.App(__name__)

    @app.route("/", defaults={"rest": ""}, methods=["GET", "POST", "PUT"])
    @app.route("/<path:rest>")
    def view(rest):
        request = fw.request
        names = (
            "method path full_path url base_url url_root host_url host root_path script_root "
            "scheme query_string is_secure is_json mimetype content_type content_length "
            "remote_addr access_route referrer remote_user"
        )
        fw.observe(
            **{name: getattr(request, name) for name in names.split()},
            args=request.args.to_dict(flat=False),
            form=request.form.to_dict(flat=False),
            values=sorted(request.values.items(multi=True)),
            json=request.get_json(silent=True),
            data=request.get_data(),
            cookies=dict(request.cookies),
            accept=[str(request.accept_mimetypes), str(request.accept_languages)],
            authorization=[request.authorization and request.authorization.username],
            user_agent=str(request.user_agent),
            header=request.headers.get("x-requested-with"),
            range=str(request.range),
            match=str(request.if_none_match),
            environ=[request.environ["PATH_INFO"], request.environ["SERVER_PROTOCOL"]],
            repr=repr(request),
        )
        return rest

    fw.client(app).open(**request)


@scenario(async_too=True)
def the_request_in_the_environ(fw):
    app = fw.App(__name__)

    def view():
        environ = fw.request.environ
        same = environ["werkzeug.request"] is fw.request._get_current_object()
        return [same, environ["REQUEST_METHOD"], "wsgi.errors" in environ]

    app.add_url_rule("/", "index", fw.colour(view))
    fw.client(app).get("/")


@scenario(
    async_too=True,
    each={
        "content": ("max_content_length", 10, 20),
        "form memory": ("max_form_memory_size", 5, 20),
        "form parts": ("max_form_parts", 1, 3),
    },
)
def limits_of_a_request_before_those_of_the_application(fw, case):
    name, small, large = case
    app = fw.App(__name__)
    app.config[name.upper()] = small

    def view():
        if "own" in fw.request.args:
            setattr(fw.request, name, large)
        return [getattr(fw.request, name), len(fw.request.form)]

    app.add_url_rule("/", "index", view, methods=["POST"])
    client = fw.client(app)
    client.post("/", data={"a": "12"})
    client.post("/", data="a=1234567890")
    client.post("/?own=1", data="a=1234567890")


@scenario
def a_body_that_nobody_reads(fw):
    app = fw.App(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 10
    app.add_url_rule("/", "index", lambda: "fine", methods=["POST"])
    app.add_url_rule("/read", "read", lambda: fw.request.data, methods=["POST"])
    client = fw.client(app)
    client.post("/", data=b"x" * 20)
    client.post("/read", data=b"x" * 20)
    client.post("/read", data=b"x" * 10)


@scenario(async_too=True)
def uploads(fw):
    from io import BytesIO

    app = fw.App(__name__)

    def view():
        file = fw.request.files["file"]
        return [file.filename, file.mimetype, file.read().decode(), dict(fw.request.form)]

    app.add_url_rule("/", "index", fw.colour(view), methods=["POST"])
    client = fw.client(app)
    client.post("/", data={"file": (BytesIO(b"text"), "a.txt"), "note": "x"})
    client.post("/", data={"note": "x"}, content_type="multipart/form-data")


@scenario(async_too=True, each={"data": 0, "form": 1, "json": 2, "stream": 3, "values": 4})
def the_body_read_twice(fw, number):
    app = fw.App(__name__)

    def view():
        request = fw.request
        read = (
            lambda: request.get_data().decode(),
            lambda: dict(request.form),
            lambda: request.get_json(silent=True, force=True),
            lambda: request.stream.read().decode(),
            lambda: dict(request.values),
        )
        return [read[number](), read[number]()]

    app.add_url_rule("/", "index", view, methods=["POST"])
    client = fw.client(app)
    client.post("/", data={"a": "b"})
    client.post("/", data=b'{"a": 1}', content_type="application/json")


@scenario
def a_request_class_with_its_own_rules(fw):
    app = fw.App(__name__)

    class Own(fw.Request):
        def on_json_loading_failed(self, e):
            return {"failed": e is not None}

    app.request_class = Own
    app.add_url_rule("/", "index", lambda: fw.request.get_json(), methods=["POST"])
    client = fw.client(app)
    client.post("/", data="{", content_type="application/json")
    client.post("/", data="x", content_type="text/plain")


@scenario
def a_request_outside_of_an_application(fw):
    request = fw.Request.from_values("/a?b=1")
    fw.observe(
        endpoint=request.endpoint,
        blueprint=request.blueprint,
        blueprints=request.blueprints,
        args=dict(request.args),
        limits=[
            request.max_content_length,
            request.max_form_memory_size,
            request.max_form_parts,
        ],
    )
