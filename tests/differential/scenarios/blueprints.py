"""Blueprints: names, prefixes, nesting, registration, and what they register for all."""

import warnings

from tests.differential.harness import scenario


def rules(app):
    return sorted((rule.rule, rule.endpoint) for rule in app.url_map.iter_rules())


@scenario(
    each={
        "empty name": lambda fw: fw.Blueprint("", "x"),
        "dotted name": lambda fw: fw.Blueprint("a.b", "x"),
        "no import name": lambda fw: fw.Blueprint("a"),
        "dotted endpoint": lambda fw: fw.Blueprint("a", "x").add_url_rule("/", "b.c", str),
        "dotted route": lambda fw: fw.Blueprint("a", "x").route("/", endpoint="b.c")(lambda: ""),
        "on itself": lambda fw: (lambda bp: bp.register_blueprint(bp))(fw.Blueprint("a", "x")),
        "methods of get": lambda fw: fw.Blueprint("a", "x").get("/", methods=["PUT"]),
        "unknown option": lambda fw: fw.Blueprint("a", "x", nonsense=1),
    }
)
def what_is_refused(fw, make):
    fw.observe(outcome=fw.outcome(lambda: type(make(fw)).__name__))


@scenario
def a_view_with_a_dot_in_its_name(fw):
    def view():
        return ""

    view.__name__ = "a.b"
    blueprint = fw.Blueprint("shop", __name__)
    fw.observe(
        implied=fw.outcome(lambda: blueprint.add_url_rule("/", view_func=view)),
        given=fw.outcome(lambda: blueprint.add_url_rule("/", "fine", view)),
        none=fw.outcome(lambda: blueprint.add_url_rule("/", "later")),
    )


@scenario
def the_same_name_twice(fw):
    app = fw.App(__name__)
    one, two = fw.Blueprint("shop", __name__), fw.Blueprint("shop", __name__)
    app.register_blueprint(one)
    fw.observe(
        other=fw.outcome(lambda: app.register_blueprint(two)),
        same=fw.outcome(lambda: app.register_blueprint(one)),
        renamed=fw.outcome(lambda: app.register_blueprint(two, name="other")),
        empty=fw.outcome(lambda: app.register_blueprint(one, name="")),
        dotted=fw.outcome(lambda: app.register_blueprint(one, name="x.y", url_prefix="/xy")),
        names=list(app.blueprints),
    )


PREFIXES = {
    "none": (None, None),
    "own": ("/own", None),
    "given": (None, "/given"),
    "both": ("/own", "/given"),
    "slash behind": ("/own/", None),
    "no slash": ("own", None),
    "root": ("/", None),
    "empty": ("", None),
    "empty given": ("/own", ""),
    "root given": ("/own", "/"),
    "variable": ("/<int:shop>", None),
}


@scenario(each=PREFIXES)
def prefixes(fw, case):
    own, given = case
    app = fw.App(__name__, static_folder=None)
    blueprint = fw.Blueprint("shop", __name__, url_prefix=own)
    for rule in ("", "/", "/a", "a", "//b", "/a/"):
        blueprint.add_url_rule(rule, f"rule {rule!r}", lambda **values: fw.request.endpoint)

    def register():
        options = {} if given is None else {"url_prefix": given}
        app.register_blueprint(blueprint, **options)
        return rules(app)

    fw.observe(rules=fw.outcome(register))


@scenario(
    each={
        f"{outer!r} {inner!r} {given!r}": (outer, inner, given)
        for outer in (None, "/outer", "/outer/")
        for inner in (None, "/inner", "inner/")
        for given in (None, "/given", "")
    }
)
def prefixes_of_nested_ones(fw, case):
    outer_prefix, inner_prefix, given = case
    app = fw.App(__name__, static_folder=None)
    outer = fw.Blueprint("outer", __name__, url_prefix=outer_prefix)
    inner = fw.Blueprint("inner", __name__, url_prefix=inner_prefix)
    inner.add_url_rule("/a", "a", str)

    def register():
        outer.register_blueprint(inner, **({} if given is None else {"url_prefix": given}))
        app.register_blueprint(outer)
        app.register_blueprint(outer, name="again", url_prefix="/again")
        return rules(app)

    fw.observe(rules=fw.outcome(register))


@scenario
def names_and_order_of_nested_ones(fw):
    app = fw.App(__name__, static_folder=None)
    family = [fw.Blueprint(name, __name__) for name in ("a", "b", "c")]
    for blueprint in family:
        blueprint.add_url_rule(
            f"/{blueprint.name}",
            "index",
            lambda: [fw.request.endpoint, fw.request.blueprint, fw.request.blueprints],
        )
    family[1].register_blueprint(family[2], name="renamed")
    family[0].register_blueprint(family[1])
    app.register_blueprint(family[0], name="top")
    client = fw.client(app)
    for path in ("/a", "/b", "/c"):
        client.get(path)
    fw.observe(
        names=list(app.blueprints),
        iter=[blueprint.name for blueprint in app.iter_blueprints()],
        rules=rules(app),
    )


@scenario
def one_nested_below_two_parents(fw):
    app = fw.App(__name__, static_folder=None)
    child = fw.Blueprint("child", __name__, url_prefix="/child")
    child.add_url_rule("/", "index", lambda: fw.url_for(".index"))
    for name in ("one", "two"):
        parent = fw.Blueprint(name, __name__, url_prefix=f"/{name}")
        parent.register_blueprint(child)
        app.register_blueprint(parent)
    client = fw.client(app)
    client.get("/one/child/")
    client.get("/two/child/")
    fw.observe(rules=rules(app))


@scenario
def registered_again_under_another_name(fw):
    app, log = fw.App(__name__, static_folder=None), []
    blueprint = fw.Blueprint("shop", __name__)
    blueprint.add_url_rule("/", "index", lambda: fw.url_for(".index"))
    blueprint.before_request(lambda: log.append("before"))
    blueprint.before_app_request(lambda: log.append("before app"))
    blueprint.context_processor(lambda: {"a": 1})
    blueprint.record(lambda state: log.append(f"record {state.first_registration}"))
    blueprint.record_once(lambda state: log.append(f"once {state.first_registration}"))
    app.register_blueprint(blueprint, url_prefix="/one")
    app.register_blueprint(blueprint, url_prefix="/two", name="two")
    client = fw.client(app)
    client.get("/one/")
    client.get("/two/")
    fw.observe(log=log, before={k: len(v) for k, v in app.before_request_funcs.items()})


@scenario
def registered_on_two_applications(fw):
    blueprint, log = fw.Blueprint("shop", __name__), []
    blueprint.add_url_rule("/", "index", lambda: fw.current_app.name)
    blueprint.record_once(lambda state: log.append(f"once {state.app.name}"))
    blueprint.record(lambda state: log.append(f"each {state.app.name}"))
    blueprint.before_app_request(lambda: log.append("before"))
    for name in ("one", "two"):
        app = fw.App(name)
        app.register_blueprint(blueprint)
        fw.client(app).get("/")
    fw.observe(log=log)


@scenario
def what_a_setup_state_knows(fw):
    app, seen = fw.App("shop"), []
    blueprint = fw.Blueprint("bp", __name__, url_prefix="/bp", url_defaults={"a": 1})

    @blueprint.record
    def look(state):
        names = "url_prefix subdomain url_defaults name name_prefix first_registration"
        seen.append({name: getattr(state, name) for name in names.split()})
        seen.append([state.app.name, state.blueprint.name, state.options.get("extra")])
        state.add_url_rule("/added", "added", lambda a: repr(a))

    app.register_blueprint(blueprint, url_prefix="/x", url_defaults={"b": 2}, extra="yes")
    outer = fw.Blueprint("outer", __name__)
    outer.register_blueprint(blueprint)
    app.register_blueprint(outer)
    fw.observe(seen=seen, rules=rules(app))


@scenario
def defaults_of_blueprint_registration_and_rule(fw):
    app = fw.App(__name__)
    blueprint = fw.Blueprint("shop", __name__, url_defaults={"a": 1, "b": 1, "c": 1})
    blueprint.add_url_rule("/", "index", lambda **v: v, defaults={"c": 3})
    app.register_blueprint(blueprint, url_defaults={"b": 2, "c": 2})
    fw.client(app).get("/")


@scenario
def own_setup_state(fw):
    module = fw.module("blueprints")

    class State(module.BlueprintSetupState):
        def add_url_rule(self, rule, endpoint=None, view_func=None, **options):
            super().add_url_rule(f"/own{rule}", endpoint, view_func, **options)

    class Own(fw.Blueprint):
        def make_setup_state(self, app, options, first_registration=False):
            return State(self, app, options, first_registration)

    app, blueprint = fw.App(__name__, static_folder=None), Own("shop", __name__)
    blueprint.add_url_rule("/a", "a", lambda: fw.request.path)
    app.register_blueprint(blueprint)
    fw.client(app).get("/own/a")


@scenario
def own_register_and_add_url_rule(fw):
    class Own(fw.Blueprint):
        def add_url_rule(self, rule, endpoint=None, view_func=None, **options):
            super().add_url_rule(f"/v1{rule}", endpoint, view_func, **options)

        def register(self, app, options):
            app.extensions["own"] = options
            super().register(app, options)

    app, blueprint = fw.App(__name__, static_folder=None), Own("shop", __name__)
    blueprint.get("/a")(lambda: fw.request.path)
    app.register_blueprint(blueprint, extra=1)
    fw.client(app).get("/v1/a")
    fw.observe(options=app.extensions["own"])


@scenario(async_too=True)
def app_wide_registration(fw):
    app, log = fw.App(__name__), []
    blueprint = fw.Blueprint("shop", __name__, url_prefix="/shop")
    blueprint.before_app_request(fw.colour(lambda: log.append("before")))
    blueprint.after_app_request(fw.colour(lambda response: log.append("after") or response))
    blueprint.teardown_app_request(fw.colour(lambda error: log.append("teardown")))
    blueprint.app_url_value_preprocessor(lambda endpoint, values: log.append("preprocessor"))
    blueprint.app_url_defaults(lambda endpoint, values: log.append("defaults"))
    blueprint.app_context_processor(lambda: {"processed": "yes"})
    blueprint.app_errorhandler(404)(fw.colour(lambda error: ("handled", 404)))
    blueprint.app_template_filter("shout")(lambda text: text.upper())
    blueprint.app_template_test("loud")(str.isupper)
    blueprint.app_template_global("twice")(lambda text: text * 2)
    blueprint.add_app_template_filter(lambda text: text[::-1], "turned")
    blueprint.add_app_template_test(lambda text: not text, "nothing")
    blueprint.add_app_template_global(lambda: "global", "given")
    app.register_blueprint(blueprint)

    @app.get("/")
    def index():
        return fw.render_template_string(
            "{{ processed }} {{ 'a'|shout }} {{ 'A' is loud }} {{ twice('x') }} {{ 'ab'|turned }} "
            "{{ '' is nothing }} {{ given() }} {{ url_for('index') }}"
        )

    client = fw.client(app)
    client.get("/")
    client.get("/nowhere")
    fw.observe(log=log)


@scenario(async_too=True)
def hooks_of_a_blueprint_are_for_its_own(fw):
    app, log = fw.App(__name__), []
    shop, blog = fw.Blueprint("shop", __name__), fw.Blueprint("blog", __name__)
    for blueprint in (shop, blog):
        name = blueprint.name
        blueprint.before_request(fw.colour(lambda name=name: log.append(f"before {name}")))
        blueprint.context_processor(lambda name=name: {"who": name})
        blueprint.add_url_rule(
            f"/{name}", "index", lambda: fw.render_template_string("{{ who|default('none') }}")
        )
        app.register_blueprint(blueprint)
    app.add_url_rule("/", "index", lambda: fw.render_template_string("{{ who|default('none') }}"))
    client = fw.client(app)
    for path in ("/shop", "/blog", "/", "/nowhere"):
        client.get(path)
    fw.observe(log=log)


@scenario
def context_processors_of_nested_ones(fw):
    app = fw.App(__name__)
    outer, inner = fw.Blueprint("outer", __name__), fw.Blueprint("inner", __name__)
    for name, scaffold in (("app", app), ("outer", outer), ("inner", inner)):
        scaffold.context_processor(lambda name=name: {"who": name, name: True})
    text = "{{ who }} {{ app }} {{ outer }} {{ inner }}"
    outer.add_url_rule("/outer", "index", lambda: fw.render_template_string(text))
    inner.add_url_rule("/inner", "index", lambda: fw.render_template_string(text))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    client = fw.client(app)
    client.get("/outer")
    client.get("/inner")


@scenario
def static_files_and_templates(fw):
    for name in ("app", "shop"):
        (fw.folder / name / "static").mkdir(parents=True)
        (fw.folder / name / "templates").mkdir()
        (fw.folder / name / "static" / "a.txt").write_text(name)
        (fw.folder / name / "templates" / "both.html").write_text(name)
        (fw.folder / name / "templates" / f"{name}.html").write_text(f"only {name}")
    app = fw.App("app", root_path=str(fw.folder / "app"))
    blueprint = fw.Blueprint(
        "shop",
        "shop",
        static_folder="static",
        template_folder="templates",
        url_prefix="/shop",
        root_path=str(fw.folder / "shop"),
    )
    blueprint.add_url_rule("/", "index", lambda: fw.render_template("shop.html"))
    app.add_url_rule("/", "index", lambda: fw.render_template("app.html"))
    app.register_blueprint(blueprint)
    with blueprint.open_resource("static/a.txt", "r") as file:
        resource = file.read()
    client = fw.client(app, record=False)
    texts = []
    for path in ("/static/a.txt", "/shop/static/a.txt"):
        with client.get(path) as response:
            texts.append(response.text)
    fw.observe(
        texts=texts,
        pages=[client.get(path).text for path in ("/", "/shop/")],
        rules=rules(app),
    )
    with app.test_request_context("/shop/"):
        urls = [fw.url_for(name, filename="a.txt") for name in ("static", ".static")]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Cruse warns that one hides the other
            both = fw.render_template("both.html")
        fw.observe(
            urls=[url.partition("?")[0] for url in urls],
            both=both,
            resource=resource,
            folder=blueprint.static_folder,
            template_folder=blueprint.template_folder,
        )


@scenario(
    each={
        "with a prefix": {"url_prefix": "/shop"},
        "without": {},
        "own path": {"url_prefix": "/shop", "static_url_path": "/files"},
        "own path without a prefix": {"static_url_path": "/files"},
    }
)
def where_static_files_are(fw, options):
    app = fw.App("shop", root_path=str(fw.folder))
    blueprint = fw.Blueprint(
        "bp", "bp", static_folder="assets", root_path=str(fw.folder), **options
    )
    app.register_blueprint(blueprint)
    fw.observe(rules=rules(app), url=blueprint.static_url_path)


@scenario(
    each={"none": "unset", "named": "tools", "top level": None},
)
def commands_of_a_blueprint(fw, group):
    app = fw.App("shop")
    options = {} if group == "unset" else {"cli_group": group}
    blueprint = fw.Blueprint("bp", __name__, **options)

    @blueprint.cli.command("greet")
    def greet():
        print(f"hello from {fw.current_app.name}")  # noqa: T201

    app.register_blueprint(blueprint)
    app.register_blueprint(blueprint, name="other", url_prefix="/o", cli_group="given")
    runner = app.test_cli_runner()
    fw.observe(
        names=sorted(app.cli.commands),
        top=runner.invoke(args=["greet"]).output.splitlines()[:1] if group is None else None,
        group=runner.invoke(args=["tools", "greet"]).output if group == "tools" else None,
    )


@scenario
def an_empty_rule_is_the_prefix(fw):
    app = fw.App(__name__, static_folder=None)
    blueprint = fw.Blueprint("shop", __name__, url_prefix="/shop")
    blueprint.add_url_rule("", "index", lambda: "index")
    app.register_blueprint(blueprint)
    client = fw.client(app)
    client.get("/shop")
    client.get("/shop/")


@scenario(async_too=True)
def a_blueprint_has_the_view_of_an_endpoint(fw):
    app, blueprint = fw.App(__name__), fw.Blueprint("shop", __name__)
    app.add_url_rule("/late", endpoint="late")
    blueprint.endpoint("late")(fw.colour(lambda: fw.request.endpoint))
    app.register_blueprint(blueprint, url_prefix="/shop")
    client = fw.client(app)
    client.get("/late")
    client.get("/shop/late")


@scenario
def a_blueprint_has_the_view_of_an_endpoint_of_its_own(fw):
    app, blueprint = fw.App(__name__), fw.Blueprint("shop", __name__)
    blueprint.add_url_rule("/late", endpoint="late")
    blueprint.endpoint("late")(lambda: fw.request.endpoint)
    app.register_blueprint(blueprint)
    client = fw.client(app, record=False)
    fw.observe(status=client.get("/late").status_code)


@scenario
def a_blueprint_without_a_registration(fw):
    blueprint = fw.Blueprint("shop", __name__, url_prefix="/x", subdomain="s", cli_group="c")
    fw.observe(
        values=[
            blueprint.name,
            blueprint.url_prefix,
            blueprint.subdomain,
            blueprint.cli_group,
            blueprint.import_name,
            blueprint.has_static_folder,
            blueprint.jinja_loader,
            blueprint.template_folder,
            blueprint.url_values_defaults,
        ],
        repr=repr(blueprint),
        deferred=len(blueprint.deferred_functions),
    )


@scenario
def converters_in_prefixes(fw):
    app = fw.App(__name__)
    blueprint = fw.Blueprint("shop", __name__, url_prefix="/<int:shop>/<lang>")

    @blueprint.url_value_preprocessor
    def pull(endpoint, values):
        fw.g.lang = values.pop("lang")

    @blueprint.url_defaults
    def push(endpoint, values):
        if "lang" in fw.g:
            values.setdefault("lang", fw.g.lang)

    blueprint.add_url_rule("/", "index", lambda shop: [shop, fw.url_for(".index", shop=2)])
    app.register_blueprint(blueprint)
    fw.client(app).get("/1/en/")
