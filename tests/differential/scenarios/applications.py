"""The application object: its constructor, its classes and attributes, and the setup guard."""

import gc
import os
import sys
import weakref

from tests.differential.harness import scenario


@scenario(
    each={
        "relative instance path": {"instance_path": "instance"},
        "static host without host matching": {"static_host": "example.com"},
        "host matching without static host": {"host_matching": True},
        "host matching without static files": {"host_matching": True, "static_folder": None},
        "both": {"host_matching": True, "static_host": "example.com"},
    }
)
def arguments_that_must_fit(fw, options):
    fw.observe(outcome=fw.outcome(lambda: type(fw.App(__name__, **options)) is fw.App))


@scenario(
    each={
        "nothing": {},
        "folder": {"static_folder": "assets"},
        "nested folder": {"static_folder": "a/assets/"},
        "url": {"static_url_path": "/files/"},
        "root url": {"static_url_path": "/"},
        "empty url": {"static_url_path": ""},
        "both": {"static_folder": "assets", "static_url_path": "/files"},
        "none": {"static_folder": None},
        "none but url": {"static_folder": None, "static_url_path": "/files"},
    }
)
def static_folder_and_url(fw, options):
    app = fw.App("shop", root_path=str(fw.folder), **options)
    fw.observe(
        folder=app.static_folder,
        url=app.static_url_path,
        has=app.has_static_folder,
        rules=[str(rule) for rule in app.url_map.iter_rules()],
    )


@scenario(each={"str": str, "path": lambda path: path})
def static_files_are_served(fw, kind):
    (fw.folder / "assets").mkdir()
    (fw.folder / "assets" / "a.txt").write_text("text")
    app = fw.App("shop", static_folder=kind(fw.folder / "assets"), static_url_path="/f")
    response = fw.client(app, record=False).get("/f/a.txt")
    fw.observe(text=response.text, type=response.content_type, cache=response.cache_control)
    with app.test_request_context():
        fw.observe(url=fw.url_for("static", filename="a.txt").partition("?")[0])
    client = fw.client(app)
    client.get("/f/missing.txt")
    client.get("/f/../shop.py")
    client.post("/f/a.txt")


@scenario
def the_static_folder_may_change_later(fw):
    app = fw.App("shop", root_path=str(fw.folder), static_folder=None)
    app.static_folder = "assets"
    app.static_url_path = "/f/"
    fw.observe(folder=app.static_folder, url=app.static_url_path, has=app.has_static_folder)


@scenario
def names(fw):
    fw.observe(
        own=fw.App("shop").name,
        dotted=fw.App("shop.web").name,
        repr=repr(fw.App("shop")),
        import_name=fw.App("shop").import_name,
    )


@scenario
def the_name_of_a_program_is_its_file(fw):
    main = sys.modules["__main__"]
    file = getattr(main, "__file__", None)
    try:
        main.__file__ = str(fw.folder / "program.py")
        app = fw.App("__main__")
        fw.observe(name=app.name, root=app.root_path)
    finally:
        main.__file__ = file


@scenario
def the_module_is_not_imported(fw):
    (fw.folder / "shopmodule.py").write_text("raise RuntimeError('imported')")
    sys.path.insert(0, str(fw.folder))
    app = fw.App("shopmodule")
    fw.observe(root=app.root_path, imported="shopmodule" in sys.modules)


@scenario
def root_path_of_a_package(fw):
    (fw.folder / "shoppackage").mkdir()
    (fw.folder / "shoppackage" / "__init__.py").write_text("")
    sys.path.insert(0, str(fw.folder))
    app = fw.App("shoppackage")
    fw.observe(root=app.root_path, instance=app.instance_path)


@scenario
def a_namespace_package_needs_a_root_path(fw):
    (fw.folder / "shopspace").mkdir()
    sys.path.insert(0, str(fw.folder))
    fw.observe(
        without=fw.outcome(lambda: fw.App("shopspace")),
        given=fw.App("shopspace", root_path=str(fw.folder)).root_path,
    )


@scenario
def instance_path_and_resources(fw):
    (fw.folder / "note.txt").write_text("noted")
    app = fw.App("shop", root_path=str(fw.folder), instance_path=str(fw.folder))
    with app.open_instance_resource("made.txt", "w") as file:
        file.write("made")
    with app.open_resource("note.txt", "r") as as_text, app.open_resource("note.txt") as as_bytes:
        text, data = as_text.read(), as_bytes.read()
    fw.observe(
        path=app.instance_path,
        made=(fw.folder / "made.txt").read_text(),
        text=text,
        data=data,
        writing=fw.outcome(lambda: app.open_resource("note.txt", "w")),
        appending=fw.outcome(lambda: app.open_resource("note.txt", "r+")),
        missing=fw.outcome(lambda: app.open_resource("missing.txt")),
    )


@scenario
def instance_relative_config(fw):
    (fw.folder / "settings.py").write_text("COLOUR = 'green'")
    app = fw.App("shop", instance_path=str(fw.folder), instance_relative_config=True)
    app.config.from_pyfile("settings.py")
    fw.observe(colour=app.config["COLOUR"])


@scenario
def the_last_reference_frees_the_application(fw):
    app = fw.App(__name__)
    alive = weakref.ref(app)
    gc.disable()
    try:
        del app
        fw.observe(freed=alive() is None)
    finally:
        gc.enable()


@scenario
def two_arguments_call_wsgi_app(fw):
    app = fw.App(__name__)
    app.add_url_rule("/", "index", lambda: "hello")
    inner = app.wsgi_app
    seen = []

    def middleware(environ, start_response):
        seen.append(environ["PATH_INFO"])
        return inner(environ, start_response)

    app.wsgi_app = middleware
    started = []
    environ = fw.module("testing").EnvironBuilder(app, "/").get_environ()
    body = app(environ, lambda status, headers, exc_info=None: started.append(status))
    fw.observe(body=b"".join(body), status=started, seen=seen)


@scenario
def live_registries_exist(fw):
    app = fw.App(__name__)
    app.add_url_rule("/", "index", lambda: "")
    names = {
        name for name, value in vars(fw.App(__name__)).items() if isinstance(value, dict | list)
    }
    names &= {
        *("view_functions", "error_handler_spec", "blueprints", "extensions"),
        *("before_request_funcs", "after_request_funcs", "teardown_request_funcs"),
        *("teardown_appcontext_funcs", "shell_context_processors", "url_build_error_handlers"),
        *("template_context_processors", "url_value_preprocessors", "url_default_functions"),
    }
    fw.observe(**{name: len(getattr(app, name)) for name in names})
    fw.observe(views=list(app.view_functions))


@scenario
def attributes_that_are_settings(fw):
    app = fw.App(__name__)
    app.testing = True
    app.secret_key = "key"
    app.permanent_session_lifetime = 60
    app.debug = True
    fw.observe(
        settings=[app.config[key] for key in ("TESTING", "SECRET_KEY", "DEBUG")],
        lifetime=str(app.permanent_session_lifetime),
        defaults=[fw.App(__name__).testing, fw.App(__name__).secret_key, fw.App(__name__).debug],
    )


@scenario(each={"1": "1", "0": "0", "false": "false", "no": "no", "yes": "yes", "empty": ""})
def debug_from_the_environment(fw, value):
    os.environ[fw.env("DEBUG")] = value
    fw.observe(debug=fw.App(__name__).debug)


# -- classes --


@scenario(each={"subclass": True, "instance": False})
def request_class(fw, on_class):
    class Own(fw.Request):
        @property
        def shout(self):
            return self.path.upper()

    base = type("Own", (fw.App,), {"request_class": Own}) if on_class else fw.App
    app = base(__name__)
    app.request_class = Own
    app.add_url_rule("/here", "index", lambda: fw.request.shout)
    fw.client(app).get("/here")


@scenario(each={"subclass": True, "instance": False})
def response_class(fw, on_class):
    class Own(fw.Response):
        default_mimetype = "text/plain"
        default_status = 203

    base = type("Own", (fw.App,), {"response_class": Own}) if on_class else fw.App
    app = base(__name__)
    app.response_class = Own
    app.add_url_rule("/text", "text", lambda: "text")
    app.add_url_rule("/json", "json", lambda: {"a": 1})
    app.add_url_rule("/made", "made", lambda: fw.make_response("made", 201))
    app.add_url_rule("/other", "other", lambda: fw.Response("other"))
    client = fw.client(app)
    for path in ("/text", "/json", "/made", "/other", "/missing"):
        client.get(path)


@scenario
def aborter_class(fw):
    from werkzeug.exceptions import Aborter, HTTPException

    class Teapot(HTTPException):
        code = 418
        description = "short and stout"

    class Own(Aborter):
        def __init__(self):
            super().__init__(extra={999: Teapot})

    app = type("Own", (fw.App,), {"aborter_class": Own})(__name__)
    app.add_url_rule("/", "index", lambda: fw.abort(999))
    fw.client(app).get("/")


@scenario
def make_aborter(fw):
    class Own(fw.App):
        def make_aborter(self):
            made = super().make_aborter()
            made.mapping = {**made.mapping, 777: made.mapping[403]}
            return made

    app = Own(__name__)
    app.add_url_rule("/", "index", lambda: fw.abort(777))
    fw.client(app).get("/")


@scenario
def app_ctx_globals_class(fw):
    class Own:
        def __init__(self):
            self.value = "own"

    app = fw.App(__name__)
    app.app_ctx_globals_class = Own
    app.add_url_rule("/", "index", lambda: fw.g.value)
    fw.client(app).get("/")
    with app.app_context():
        template = fw.render_template_string("{{ g.value }}")
        fw.observe(has_get=hasattr(fw.g, "get"), template=template)


@scenario
def config_class_and_make_config(fw):
    class Settings(fw.Config):
        def __getitem__(self, key):
            return "teal" if key == "COLOUR" else super().__getitem__(key)

    class Own(fw.App):
        config_class = Settings

        def make_config(self, instance_relative=False):
            config = super().make_config(instance_relative)
            config["MADE"] = instance_relative
            return config

    app = Own(__name__)
    fw.observe(colour=app.config["COLOUR"], made=app.config["MADE"])


@scenario
def default_config_of_a_subclass(fw):
    class Own(fw.App):
        default_config = {**fw.App.default_config, "COLOUR": "red", "TESTING": True}

    app = Own(__name__)
    fw.observe(colour=app.config["COLOUR"], testing=app.testing)


@scenario
def url_rule_class_and_url_map_class(fw):
    class OwnRule(fw.App.url_rule_class):
        pass

    class OwnMap(fw.App.url_map_class):
        pass

    app = type("Own", (fw.App,), {"url_rule_class": OwnRule, "url_map_class": OwnMap})(__name__)
    app.add_url_rule("/", "index", lambda: type(fw.request.url_rule).__name__)
    fw.client(app).get("/")
    fw.observe(map=type(app.url_map).__name__)


@scenario
def json_provider_class(fw):
    class Own(fw.module("json.provider").DefaultJSONProvider):
        sort_keys = False
        mimetype = "application/vnd.own+json"

    app = type("Own", (fw.App,), {"json_provider_class": Own})(__name__)
    app.add_url_rule("/", "index", lambda: {"b": 1, "a": 2})
    fw.client(app).get("/")


@scenario
def test_client_class(fw):
    client = type(fw.App(__name__).test_client())

    class Own(client):
        def open(self, *args, **kwargs):
            kwargs.setdefault("headers", {})["X-Own"] = "yes"
            return super().open(*args, **kwargs)

    app = fw.App(__name__)
    app.test_client_class = Own
    app.add_url_rule("/", "index", lambda: fw.request.headers["X-Own"])
    fw.client(app).get("/")


@scenario
def jinja_environment_and_options(fw):
    from jinja2 import Environment

    made = fw.App(__name__).jinja_env

    class Own(type(made)):
        own = True

    assert issubclass(Own, Environment)
    options = {**fw.App.jinja_options, "variable_start_string": "%%", "variable_end_string": "%%"}
    app = type("Own", (fw.App,), {"jinja_environment": Own, "jinja_options": options})(__name__)
    with app.app_context():
        fw.observe(text=fw.render_template_string("%%1 + 1%% {{x}}"), own=app.jinja_env.own)


# -- the setup guard --

LATE = {
    "route": lambda fw, app: app.route("/late"),
    "get": lambda fw, app: app.get("/late"),
    "post": lambda fw, app: app.post("/late"),
    "add_url_rule": lambda fw, app: app.add_url_rule("/late", "late", str),
    "endpoint": lambda fw, app: app.endpoint("late"),
    "before_request": lambda fw, app: app.before_request(str),
    "after_request": lambda fw, app: app.after_request(str),
    "teardown_request": lambda fw, app: app.teardown_request(str),
    "teardown_appcontext": lambda fw, app: app.teardown_appcontext(str),
    "context_processor": lambda fw, app: app.context_processor(dict),
    "shell_context_processor": lambda fw, app: app.shell_context_processor(dict),
    "url_value_preprocessor": lambda fw, app: app.url_value_preprocessor(str),
    "url_defaults": lambda fw, app: app.url_defaults(str),
    "errorhandler": lambda fw, app: app.errorhandler(404),
    "register_error_handler": lambda fw, app: app.register_error_handler(404, str),
    "register_blueprint": lambda fw, app: app.register_blueprint(fw.Blueprint("b", "b")),
    "template_filter": lambda fw, app: app.template_filter("late"),
    "add_template_test": lambda fw, app: app.add_template_test(str, "late"),
    "template_global": lambda fw, app: app.template_global("late"),
}


@scenario(each=LATE)
def setup_is_over_with_the_first_request(fw, register):
    app = fw.App(__name__)
    app.add_url_rule("/", "index", lambda: "hello")
    fw.observe(early=fw.outcome(lambda: register(fw, fw.App(__name__)) and None))
    fw.client(app).get("/")
    fw.observe(late=fw.outcome(lambda: register(fw, app) and None))


@scenario
def a_context_is_not_a_request_for_the_guard(fw):
    app = fw.App(__name__)
    with app.test_request_context(), app.app_context():
        pass
    app.add_url_rule("/", "index", lambda: "added")
    fw.client(app).get("/")


@scenario(
    each={
        name: LATE[name]
        for name in ("route", "add_url_rule", "before_request", "errorhandler", "endpoint")
    }
)
def a_blueprints_setup_is_over_with_its_registration(fw, register):
    app, blueprint = fw.App(__name__), fw.Blueprint("shop", __name__)
    app.register_blueprint(blueprint)
    fw.observe(late=fw.outcome(lambda: register(fw, blueprint) and None))
