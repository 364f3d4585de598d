"""Templates: where they are found, what they know, what is escaped, how they are streamed."""

from tests.differential.harness import scenario


def write(fw, files):
    for name, text in files.items():
        path = fw.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def application(fw, files=None, **options):
    write(fw, {f"templates/{name}": text for name, text in (files or {}).items()})
    return fw.App("shop", root_path=str(fw.folder), **options)


@scenario(
    each={
        "a.html": "a.html",
        "a.htm": "a.htm",
        "a.xml": "a.xml",
        "a.xhtml": "a.xhtml",
        "a.svg": "a.svg",
        "a.txt": "a.txt",
        "A.HTML": "A.HTML",
        "a.html.j2": "a.html.j2",
        "a": "a",
    }
)
def escaping_by_the_name_of_the_file(fw, name):
    app = application(fw, {name: "{{ text }} {{ text|safe }}"})
    with app.app_context():
        fw.observe(text=fw.render_template(name, text="<b>"))


@scenario(
    each={
        "variable": "{{ text }}",
        "off": "{% autoescape false %}{{ text }}{% endautoescape %}",
        "on": "{% autoescape true %}{{ text }}{% endautoescape %}",
        "safe": "{{ text|safe }}",
        "macro": "{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}{{ m(text) }}",
        "json": "{{ {'b': text, 'a': [1, none]}|tojson }}",
        "indented json": "{{ [text]|tojson(2) }}",
    }
)
def escaping_in_strings(fw, source):
    with fw.App(__name__).app_context():
        fw.observe(text=fw.render_template_string(source, text="<b>'&"))


@scenario
def autoescape_of_the_applications_own(fw):
    class Own(fw.App):
        def select_jinja_autoescape(self, filename):
            return filename is not None and filename.endswith(".txt")

    write(fw, {"templates/a.txt": "{{ x }}", "templates/a.html": "{{ x }}"})
    app = Own("shop", root_path=str(fw.folder))
    with app.app_context():
        fw.observe(
            text=fw.render_template("a.txt", x="<"),
            html=fw.render_template("a.html", x="<"),
            string=fw.render_template_string("{{ x }}", x="<"),
        )


@scenario(each={"decorator": 0, "named": 1, "function": 2, "on the environment": 3})
def a_filter(fw, way):
    app = fw.App(__name__)

    def twice(text):
        return text * 2

    if way == 0:
        app.template_filter()(twice)
    elif way == 1:
        app.template_filter("twice")(lambda text: text * 2)
    elif way == 2:
        app.add_template_filter(twice)
    else:
        app.jinja_env.filters["twice"] = twice
    with app.app_context():
        fw.observe(text=fw.render_template_string("{{ 'ab'|twice }}"))


@scenario(each={"decorator": 0, "named": 1, "function": 2, "named function": 3})
def a_test(fw, way):
    app = fw.App(__name__)

    def small(number):
        return number < 10

    if way == 0:
        app.template_test()(small)
    elif way == 1:
        app.template_test("small")(lambda number: number < 10)
    elif way == 2:
        app.add_template_test(small)
    else:
        app.add_template_test(lambda number: number < 10, "small")
    with app.app_context():
        fw.observe(text=fw.render_template_string("{{ 5 is small }} {{ 50 is small }}"))


@scenario(each={"decorator": 0, "named": 1, "function": 2, "named function": 3})
def a_global(fw, way):
    app = fw.App(__name__)

    def answer():
        return 42

    if way == 0:
        app.template_global()(answer)
    elif way == 1:
        app.template_global("answer")(lambda: 42)
    elif way == 2:
        app.add_template_global(answer)
    else:
        app.add_template_global(lambda: 42, name="answer")
    with app.app_context():
        fw.observe(text=fw.render_template_string("{{ answer() }}"))


@scenario(each={"filter": "filters", "test": "tests", "global": "globals"})
def additions_of_a_blueprint_are_the_applications(fw, kind):
    app, bp = fw.App(__name__), fw.Blueprint("bp", __name__)
    one = kind[:-1]
    getattr(bp, f"app_template_{one}")()(lambda value=3: value == 3)
    getattr(bp, f"app_template_{one}")("named")(lambda value=3: value == 3)
    getattr(bp, f"add_app_template_{one}")(lambda value=3: value, "added")
    before = "named" in getattr(app.jinja_env, kind)
    app.register_blueprint(bp)
    after = [name in getattr(app.jinja_env, kind) for name in ("<lambda>", "named", "added")]
    fw.observe(before=before, after=after)


@scenario
def a_template_inside_and_outside_of_a_request(fw):
    app = fw.App(__name__)
    source = "{{ request.path if request else 'none' }} {{ g.x }} {{ session is defined }}"
    with app.app_context():
        fw.observe(outside=fw.render_template_string(source))
    with app.test_request_context("/path"):
        fw.g.x = "set"
        fw.observe(inside=fw.render_template_string(source))
    fw.observe(without=fw.outcome(lambda: fw.render_template_string("x")))


@scenario
def what_every_template_has(fw):
    app = fw.App(__name__, static_folder="static")
    app.config["TOWN"] = "Bree"
    names = "url_for get_flashed_messages config request session g lipsum range dict cycler"

    @app.get("/x")
    def index():
        return fw.render_template_string(
            "{% for name in names %}{{ name }} {% endfor %}{{ config.TOWN }} "
            "{{ url_for('index') }} {{ request.endpoint }} {{ session|length }}",
            names=[name for name in names.split() if name in app.jinja_env.globals],
        )

    fw.client(app).get("/x")


@scenario
def an_imported_macro_knows_the_request_too(fw):
    app = application(
        fw,
        {
            "m.html": "{%macro where()%}{{ request.path }}{{ g.x }}{{ session.y }}{%endmacro%}",
            "a.html": "{% from 'm.html' import where %}{{ where() }}",
            "b.html": "{% from 'm.html' import where with context %}{{ where() }}",
        },
    )
    app.secret_key = "k"

    @app.get("/<name>")
    def index(name):
        fw.g.x, fw.session["y"] = "from g", "from session"
        return fw.render_template(name)

    client = fw.client(app)
    client.get("/a.html")
    client.get("/b.html")


@scenario
def processors_and_who_wins(fw):
    app = fw.App(__name__)
    outer, inner = fw.Blueprint("outer", __name__), fw.Blueprint("inner", __name__)
    app.context_processor(lambda: {"a": "app", "b": "app", "c": "app", "d": "app"})
    outer.context_processor(lambda: {"b": "outer", "c": "outer", "d": "outer"})
    inner.context_processor(lambda: {"c": "inner", "d": "inner"})
    inner.app_context_processor(lambda: {"e": "everywhere"})

    def view():
        return fw.render_template_string("{{ a }} {{ b }} {{ c }} {{ d }} {{ e }}", d="view")

    app.add_url_rule("/app", "view", view)
    outer.add_url_rule("/outer", "view", view)
    inner.add_url_rule("/inner", "view", view)
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    client = fw.client(app)
    for path in ("/app", "/outer", "/inner"):
        client.get(path)


@scenario
def a_processor_can_not_replace_what_is_given(fw):
    app = fw.App(__name__)
    app.context_processor(lambda: {"g": "mine", "request": "mine", "x": "mine"})
    with app.test_request_context():
        fw.observe(text=fw.render_template_string("{{ g }} {{ request }} {{ x }}", x="given"))


@scenario
def a_processor_that_returns_nothing(fw):
    app = fw.App(__name__)
    app.context_processor(lambda: None)
    with app.app_context():
        fw.observe(text=fw.outcome(lambda: fw.render_template_string("x")))


@scenario
def update_template_context(fw):
    app = fw.App(__name__)
    app.context_processor(lambda: {"a": 1, "b": 2})
    context = {"b": "kept"}
    with app.test_request_context():
        app.update_template_context(context)
    fw.observe(names=sorted(context), a=context["a"], b=context["b"])


@scenario(
    each={
        "one": ["a.html"],
        "first missing": ["x.html", "a.html"],
        "both there": ["b.html", "a.html"],
        "none": ["x.html", "y.html"],
        "empty": [],
    }
)
def a_list_of_names(fw, names):
    app = application(fw, {"a.html": "a", "b.html": "b"})
    with app.app_context():
        fw.observe(text=fw.outcome(lambda: fw.render_template(names)))


@scenario
def a_template_object_is_rendered(fw):
    app = application(fw, {"a.html": "{{ x }}"})
    with app.app_context():
        template = app.jinja_env.get_template("a.html")
        fw.observe(text=fw.render_template(template, x="<"))


@scenario(each={"one": "missing.html", "folder above": "../secret.html", "absolute": "/a.html"})
def a_template_that_is_not_there(fw, name):
    app = application(fw, {"a.html": "a"})
    write(fw, {"secret.html": "secret"})
    with app.app_context():
        fw.observe(text=fw.outcome(lambda: fw.render_template(name)))


@scenario
def a_missing_template_in_a_view(fw):
    app = application(fw)
    app.add_url_rule("/", "index", lambda: fw.render_template("missing.html"))
    fw.client(app).get("/")


@scenario
def the_order_of_the_folders(fw):
    write(
        fw,
        {
            "templates/1.html": "app",
            "one/1.html": "one",
            "one/2.html": "one",
            "two/1.html": "two",
            "two/2.html": "two",
            "two/3.html": "two",
        },
    )
    app = fw.App("shop", root_path=str(fw.folder))
    for name in ("one", "two"):
        bp = fw.Blueprint(name, "shop", template_folder=name, root_path=str(fw.folder))
        app.register_blueprint(bp, url_prefix=f"/{name}")
    with app.app_context():
        texts = [fw.render_template(f"{number}.html") for number in (1, 2, 3)]
        fw.observe(texts=texts, all=sorted(app.jinja_env.list_templates()))


@scenario
def a_nested_blueprints_folder(fw):
    write(fw, {"inner/page.html": "{{ request.blueprint }}"})
    app = fw.App("shop", root_path=str(fw.folder))
    outer = fw.Blueprint("outer", "shop", root_path=str(fw.folder))
    inner = fw.Blueprint("inner", "shop", template_folder="inner", root_path=str(fw.folder))
    inner.add_url_rule("/", "index", lambda: fw.render_template("page.html"))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    fw.client(app).get("/")


@scenario(each={"another": "views", "none": None, "absolute": "absolute"})
def the_template_folder(fw, folder):
    write(fw, {"views/a.html": "from views", "templates/a.html": "from templates"})
    if folder == "absolute":
        folder = fw.folder / "views"
    app = fw.App("shop", root_path=str(fw.folder), template_folder=folder)
    with app.app_context():
        fw.observe(text=fw.outcome(lambda: fw.render_template("a.html")))
    fw.observe(loader=type(app.jinja_loader))


@scenario
def a_loader_of_the_applications_own(fw):
    from jinja2 import DictLoader

    class Own(fw.App):
        def create_global_jinja_loader(self):
            return DictLoader({"a.html": "{{ 1 + 1 }}"})

    with Own(__name__).app_context():
        fw.observe(text=fw.render_template("a.html"))


@scenario
def a_jinja_loader_of_the_instance(fw):
    from jinja2 import DictLoader

    app = fw.App(__name__)
    app.jinja_loader = DictLoader({"a.html": "from the dictionary"})
    with app.app_context():
        fw.observe(text=fw.render_template("a.html"))


@scenario
def options_of_the_environment(fw):
    class Own(fw.App):
        jinja_options = {"trim_blocks": True, "variable_start_string": "<<", "extensions": []}

    with Own(__name__).app_context():
        fw.observe(text=fw.render_template_string("{% if 1 %}\n<< 2 }} {{ 3 }}{% endif %}"))


@scenario
def options_changed_before_and_after_the_first_use(fw):
    app = fw.App(__name__)
    app.jinja_options = {"trim_blocks": True}
    early = app.jinja_env.trim_blocks
    app.jinja_options = {"trim_blocks": False}
    fw.observe(early=early, late=app.jinja_env.trim_blocks, same=app.jinja_env is app.jinja_env)


@scenario
def an_environment_class_of_the_applications_own(fw):
    class Own(fw.App):
        class jinja_environment(fw.templating.Environment):  # noqa: N801 - the attribute's name
            own = True

    app = Own(__name__)
    fw.observe(own=app.jinja_env.own, app=app.jinja_env.app is app)


@scenario(each={"unset": {}, "on": {"TEMPLATES_AUTO_RELOAD": True}, "debug": {"DEBUG": True}})
def reading_templates_anew(fw, config):
    app = fw.App(__name__)
    app.config.update(config)
    fw.observe(reload=app.jinja_env.auto_reload)
    app.debug = not app.debug
    fw.observe(toggled=app.jinja_env.auto_reload)


@scenario
def an_attribute_of_a_template(fw):
    app = application(
        fw,
        {"m.html": "{% macro hello(name) %}Hello <i>{{ name }}</i>{% endmacro %}{% set x = 3 %}"},
    )
    with app.app_context():
        hello = fw.get_template_attribute("m.html", "hello")
        fw.observe(macro=hello("<Ada>"), variable=fw.get_template_attribute("m.html", "x"))
        fw.observe(missing=fw.outcome(lambda: fw.get_template_attribute("m.html", "y")))


@scenario
def the_json_filter_is_the_applications(fw):
    app = fw.App(__name__)

    class Shouting(fw.module("json.provider").DefaultJSONProvider):
        def dumps(self, obj, **kwargs):
            return super().dumps(obj, **kwargs).upper()

    app.json = Shouting(app)
    with app.app_context():
        fw.observe(text=fw.render_template_string("{{ {'b': 'x', 'a': '<'}|tojson }}"))


@scenario
def json_in_a_script_and_in_an_attribute(fw):
    source = "<script>var x = {{ x|tojson }};</script><a data-x='{{ x|tojson|forceescape }}'>"
    with fw.App(__name__).app_context():
        fw.observe(text=fw.render_template_string(source, x=["</script>", "'", "&"]))


@scenario
def inheritance_between_folders(fw):
    write(
        fw,
        {
            "templates/base.html": "[{% block a %}base{% endblock %}]",
            "bp/page.html": "{% extends 'base.html' %}{% block a %}{{ super() }}+{% endblock %}",
        },
    )
    app = fw.App("shop", root_path=str(fw.folder))
    bp = fw.Blueprint("bp", "shop", template_folder="bp", root_path=str(fw.folder))
    bp.add_url_rule("/", "index", lambda: fw.render_template("page.html"))
    app.register_blueprint(bp)
    fw.client(app).get("/")


@scenario
def an_undefined_variable(fw):
    with fw.App(__name__).app_context():
        fw.observe(
            empty=fw.render_template_string("[{{ x }}]"),
            deep=fw.outcome(lambda: fw.render_template_string("{{ x.y }}")),
            syntax=fw.outcome(lambda: fw.render_template_string("{{ x ")),
        )


# -- streaming --


@scenario(each={"file": True, "string": False})
def a_streamed_template(fw, from_file):
    app = application(
        fw, {"a.html": "{% for i in range(3) %}{{ i }}{{ request.path }}{{ x }} {% endfor %}"}
    )

    @app.get("/p")
    def index():
        if from_file:
            return fw.stream_template("a.html", x="<")
        return fw.stream_template_string("{% for i in 'ab' %}{{ i }}{{ x }}{% endfor %}", x="<")

    fw.client(app).get("/p")


@scenario
def a_streamed_template_outside_of_a_request(fw):
    app = application(fw, {"a.html": "{% for i in 'ab' %}{{ i }}{{ g.x }}{% endfor %}"})
    with app.app_context():
        fw.g.x = "!"
        fw.observe(text="".join(fw.stream_template(["missing.html", "a.html"])))


@scenario
def a_streamed_template_that_fails_half_way(fw):
    app = fw.App(__name__)
    app.testing = True

    @app.get("/")
    def index():
        return fw.stream_template_string("a{{ fail() }}", fail=lambda: 1 / 0)

    fw.observe(outcome=fw.outcome(lambda: fw.client(app, record=False).get("/").text))


@scenario
def a_session_used_in_a_template_varies_by_cookie(fw):
    app = fw.App(__name__)
    app.secret_key = "k"

    @app.get("/<use>")
    def index(use):
        return fw.render_template_string("{{ session.get('x') if use == 'yes' }}", use=use)

    client = fw.client(app)
    client.get("/yes")
    client.get("/no")


@scenario
def loading_is_explained(fw):
    app = application(fw, {"a.html": "a"})
    app.config["EXPLAIN_TEMPLATE_LOADING"] = True
    with app.app_context():
        fw.observe(
            text=fw.render_template("a.html"),
            missing=fw.outcome(lambda: fw.render_template("b.html")),
        )


@scenario
def an_overlay_with_an_extension(fw):
    app = fw.App(__name__)
    app.jinja_env.add_extension("jinja2.ext.do")
    overlay = app.jinja_env.overlay(line_statement_prefix="%")
    with app.app_context():
        fw.observe(
            own=fw.render_template_string("{% do [].append(1) %}done"),
            overlay=overlay.from_string("% if 1\nyes\n% endif").render(),
        )
