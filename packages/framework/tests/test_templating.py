"""Templates of the application and of its blueprints."""

import logging
import subprocess
import sys

import pytest
from jinja2 import DictLoader, TemplateNotFound

from cruse import (
    Blueprint,
    Cruse,
    g,
    get_template_attribute,
    render_template,
    render_template_string,
    session,
    stream_template,
    stream_template_string,
)
from cruse.signals import before_render_template, template_rendered
from cruse.templating import DispatchingJinjaLoader, Environment

TEMPLATES = {
    "index.html": "<p>{{ value }}</p>",
    "mail.txt": "{{ value }}",
    "image.svg": "{{ value }}",
    "page.XHTML": "{{ value }}",
    "macro.html": "{% macro hello(name) %}Hello {{ name }}!{% endmacro %}{% set x = 3 %}",
    "session.html": "{% if g.ask %}{{ session.user }}{% endif %}{{ request.path }}",
    "stream.html": "{% for n in range(3) %}{{ n }}{{ request.path }}{% endfor %}",
    "import.html": "{% from 'uses_g.html' import show %}{{ show() }}",
    "uses_g.html": "{% macro show() %}{{ g.who }} {{ config.TESTING }}{% endmacro %}",
    "broken.html": "{{ nope.nope }}",
}


@pytest.fixture
def app(tmp_path):
    folder = tmp_path / "templates"
    folder.mkdir()
    for name, source in TEMPLATES.items():
        (folder / name).write_text(source)
    app = Cruse(__name__, root_path=str(tmp_path))
    app.config.update(TESTING=True, SECRET_KEY="key")
    return app


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    return app.test_client(gateway=request.param)


def make_blueprint(tmp_path, name, templates, **options):
    folder = tmp_path / name / "templates"
    folder.mkdir(parents=True)
    for file, source in templates.items():
        (folder / file).write_text(source)
    options.setdefault("url_prefix", f"/{name}")
    return Blueprint(
        name, __name__, root_path=str(tmp_path / name), template_folder="templates", **options
    )


def test_a_template_of_the_folder(app, client):
    @app.get("/")
    def index():
        return render_template("index.html", value="<b>")

    assert client.get("/").text == "<p>&lt;b&gt;</p>"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("index.html", "<p>&lt;</p>"),
        ("image.svg", "&lt;"),
        ("page.XHTML", "&lt;"),
        ("mail.txt", "<"),
    ],
)
def test_what_is_escaped(app, name, text):
    with app.app_context():
        assert render_template(name, value="<") == text
        assert render_template_string("{{ value }}", value="<") == "&lt;"


def test_the_first_of_several_that_exists(app):
    with app.app_context():
        assert render_template(["no.html", "mail.txt"], value=1) == "1"
        with pytest.raises(TemplateNotFound):
            render_template("no.html")


def test_every_template_has_request_session_and_g(app, client):
    @app.get("/look/<int:ask>")
    def look(ask):
        g.ask = ask
        if ask:
            session["user"] = "me"
        return render_template("session.html")

    assert client.get("/look/1").text == "me/look/1"
    response = client.get("/look/0")
    assert response.text == "/look/0"
    assert "Vary" not in response.headers  # a template that does not read the session opens none


def test_outside_of_a_request_there_is_still_g(app):
    with app.app_context():
        g.who = "me"
        assert render_template_string("{{ g.who }}{{ request.path if request }}") == "me"


def test_imported_templates_have_the_globals(app):
    with app.app_context():
        g.who = "me"
        assert render_template("import.html") == "me True"


def test_urls_and_json_in_templates(app):
    @app.get("/item/<int:number>")
    def item(number):
        return ""

    with app.test_request_context():
        assert render_template_string("{{ url_for('item', number=1) }}") == "/item/1"
        app.json.sort_keys = False
        assert (
            render_template_string("{{ {'b': 1, 'a': '<'}|tojson }}") == r'{"b": 1, "a": "\u003c"}'
        )


def test_context_processors_add_variables_and_arguments_win(app):
    @app.context_processor
    def first():
        return {"a": "first", "b": "first", "value": "first"}

    @app.context_processor
    async def second():
        return {"b": "second"}

    with app.app_context():
        text = render_template_string("{{ a }} {{ b }} {{ value }}", value="given")
    assert text == "first second given"


def test_context_processors_of_blueprints_the_inner_one_wins(app, client, tmp_path):
    outer = make_blueprint(tmp_path, "outer", {})
    inner = make_blueprint(tmp_path, "inner", {})
    source = "{{ x }} {{ y }} {{ z }}"
    app.context_processor(lambda: {"x": "app", "y": "app", "z": "app"})
    outer.context_processor(lambda: {"x": "outer", "y": "outer"})
    inner.context_processor(lambda: {"x": "inner"})
    inner.app_context_processor(lambda: {"z": "everywhere"})
    inner.get("/")(lambda: render_template_string(source))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    app.get("/")(lambda: render_template_string(source))
    assert client.get("/outer/inner/").text == "inner outer everywhere"
    assert client.get("/").text == "app app everywhere"


def test_the_application_s_folder_comes_before_the_blueprints(app, tmp_path):
    app.register_blueprint(make_blueprint(tmp_path, "one", {"index.html": "one", "a.html": "one"}))
    app.register_blueprint(make_blueprint(tmp_path, "two", {"a.html": "two", "b.html": "two"}))
    with app.app_context():
        assert render_template("index.html") == "<p></p>"
        assert render_template("a.html") == "one"
        assert render_template("b.html") == "two"
    assert app.jinja_env.list_templates() == sorted({*TEMPLATES, "a.html", "b.html"})


def test_the_search_can_be_explained(app, tmp_path, caplog):
    blueprint = make_blueprint(tmp_path, "one", {"index.html": "one"})
    blueprint.get("/")(lambda: render_template("missing.html"))
    app.register_blueprint(blueprint)
    app.config["EXPLAIN_TEMPLATE_LOADING"] = True
    with app.app_context(), caplog.at_level(logging.INFO):
        render_template("index.html")
        assert "application" in caplog.text
        assert "blueprint 'one'" in caplog.text
        assert "Several folders have it" in caplog.text
        caplog.clear()
        render_template("mail.txt")
        assert "mail.txt" in caplog.text
        assert "Several" not in caplog.text
        caplog.clear()
        with pytest.raises(TemplateNotFound):
            render_template("missing.html")
        assert "No folder has it." in caplog.text
        caplog.clear()
    with pytest.raises(TemplateNotFound), caplog.at_level(logging.INFO):
        app.test_client().get("/one/")
    assert "It was asked for in blueprint 'one'" in caplog.text


def test_filters_tests_and_globals(app):
    @app.template_filter()
    def double(value):
        return value * 2

    @app.template_filter("back")
    def reverse(value):
        return value[::-1]

    @app.template_test
    def long(value):
        return len(value) > 3

    app.add_template_global(lambda: "me", "who")
    with app.app_context():
        assert render_template_string(
            "{{ 'ab'|double|back }} {{ 'abcd' is long }} {{ who() }}"
        ) == ("baba True me")


def test_a_macro_from_python(app):
    with app.app_context():
        assert get_template_attribute("macro.html", "hello")("World") == "Hello World!"
        assert get_template_attribute("macro.html", "x") == 3


def test_streaming_keeps_the_request(app, client):
    @app.get("/file")
    def file():
        return stream_template("stream.html")

    @app.get("/string")
    def string():
        return stream_template_string("{% for n in range(2) %}{{ request.path }}{% endfor %}")

    @app.get("/async")
    async def from_async():
        return stream_template("stream.html")

    assert client.get("/file").text == "0/file1/file2/file"
    assert client.get("/string").text == "/string/string"
    assert client.get("/async").text == "0/async1/async2/async"


def test_signals_tell_what_is_rendered(app, client):
    told = []

    @app.get("/")
    def index():
        return render_template("index.html", value=1)

    @app.get("/stream")
    def stream():
        return stream_template("index.html", value=2)

    def before(sender, template, context):
        told.append(("before", sender, template.name, context["value"]))
        context["value"] = 3

    async def after(sender, template, context):
        told.append(("after", sender, template.name, context["value"]))

    with (
        before_render_template.connected_to(before, app),
        template_rendered.connected_to(after, app),
    ):
        assert client.get("/").text == "<p>3</p>"
        assert client.get("/stream").text == "<p>3</p>"
    assert told == [
        ("before", app, "index.html", 1),
        ("after", app, "index.html", 3),
        ("before", app, "index.html", 2),
        ("after", app, "index.html", 3),
    ]


def test_the_context_is_updated_by_an_overridable_method(tmp_path):
    class App(Cruse):
        def update_template_context(self, context):
            super().update_template_context(context)
            context["value"] = "own"

    with App(__name__).app_context():
        assert render_template_string("{{ value }}", value="given") == "own"


@pytest.mark.parametrize(
    ("setting", "debug", "reload"),
    [(None, False, False), (None, True, True), (True, False, True), (False, True, False)],
)
def test_templates_are_read_anew_in_debug_mode(app, setting, debug, reload):
    app.debug = debug
    app.config["TEMPLATES_AUTO_RELOAD"] = setting
    assert app.jinja_env.auto_reload is reload


def test_debug_mode_may_change_later(app):
    assert app.jinja_env.auto_reload is False
    app.debug = True
    assert app.jinja_env.auto_reload is True


def test_the_environment_can_be_replaced(app):
    class Own(Environment):
        def __init__(self, app, **options):
            super().__init__(app, **options, variable_start_string="<<", variable_end_string=">>")

    app.jinja_environment = Own
    app.jinja_options = {
        "auto_reload": True,
        "trim_blocks": True,
        "loader": DictLoader({"a.html": "<< value >>"}),
    }
    with app.app_context():
        assert render_template("a.html", value=1) == "1"
    assert app.jinja_env.trim_blocks
    assert app.jinja_env.auto_reload
    assert app.jinja_env.app is app


def test_the_loader_is_the_one_for_all_folders(app):
    assert isinstance(app.jinja_env.loader, DispatchingJinjaLoader)


def test_an_application_without_a_folder_of_templates():
    app = Cruse(__name__, template_folder=None)
    with app.app_context(), pytest.raises(TemplateNotFound):
        render_template("index.html")
    assert app.jinja_env.list_templates() == []


def test_an_error_in_a_template_is_the_template_s(app):
    from jinja2 import UndefinedError

    with app.app_context(), pytest.raises(UndefinedError) as caught:
        render_template("broken.html")
    assert any(str(entry.path).endswith("broken.html") for entry in caught.traceback)


def test_rendering_needs_an_application():
    with pytest.raises(RuntimeError, match="outside of application context"):
        render_template("index.html")


def test_jinja_is_not_imported_before_the_first_template():
    script = """
import sys
from cruse import Cruse, render_template_string
import cruse.templating
app = Cruse("app")
app.get("/")(lambda: {"a": 1})
assert app.test_client().get("/").json == {"a": 1}
assert "jinja2" not in sys.modules
with app.app_context():
    assert render_template_string("{{ 1 }}") == "1"
assert "jinja2" in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_module_has_no_other_lazy_names():
    import cruse.templating

    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        cruse.templating.nope  # noqa: B018


def test_a_context_processor_may_come_late(app, client):
    @app.get("/")
    def index():
        return render_template_string("{{ late }}")

    assert client.get("/").text == ""
    app.template_context_processors[None].append(lambda: {"late": "here"})  # as extensions do
    assert client.get("/").text == "here"
