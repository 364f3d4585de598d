"""Another template engine, Mako, for an application, a blueprint or a suffix."""

import os

import pytest
from mako.lookup import TemplateCollection
from mako.template import Template

from cruse import (
    Blueprint,
    Cruse,
    g,
    render_block,
    render_htmx,
    render_template,
    render_template_string,
    stream_template,
    stream_template_string,
)
from cruse.engines import find_source, join_name, template_globals
from cruse.signals import before_render_template, template_rendered


class MakoTemplate:
    """A Mako template as Cruse wants it."""

    def __init__(self, app, template, name):
        self.app, self.template, self.name = app, template, name

    def render(self, context):
        return self.template.render_unicode(**{**template_globals(self.app), **context})

    def generate(self, context):
        yield self.render(context)

    def block(self, name):
        return MakoTemplate(self.app, self.template.get_def(name), self.name)


class MakoEngine(TemplateCollection):
    """Finds templates for Cruse, and for Mako those that templates include and inherit."""

    def __init__(self, app):
        self.app = app
        self.made = {}

    def get_template(self, name, relativeto=None):
        template, is_current = self.made.get(name, (None, None))
        if template is None or (is_current is not None and not is_current()):
            source, filename, is_current = find_source(self.app, name)
            template = Template(  # noqa: S702 - it escapes
                source, filename=filename, uri=name, lookup=_Inner(self), default_filters=["h"]
            )
            self.made[name] = template, is_current
        return MakoTemplate(self.app, template, name)

    def from_string(self, source):
        template = Template(source, lookup=_Inner(self), default_filters=["h"])  # noqa: S702
        return MakoTemplate(self.app, template, None)


class _Inner(TemplateCollection):
    def __init__(self, engine):
        self.engine = engine

    def adjust_uri(self, uri, relativeto):
        return join_name(self.engine.app, uri, relativeto)

    def get_template(self, uri, relativeto=None):
        return self.engine.get_template(uri).template


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in files.items():
        (folder / name).write_text(source)


@pytest.fixture
def app(tmp_path):
    write(
        tmp_path / "templates",
        {
            "page.mako": (
                "mako ${value} ${url_for('index')} <%block name='rows'>rows ${value}</%block>"
            ),
            "page.html": "${value} {{ value }}",
            "layout.mako": "<${self.body()}>",
            "inner.mako": "<%inherit file='./layout.mako'/><%include file='./part.mako'/>",
            "part.mako": "app's ${value}",
        },
    )
    app = Cruse(__name__, root_path=str(tmp_path), static_folder=None)
    app.get("/", endpoint="index")(lambda: render_template("page.html", value="<"))
    return app


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()


@pytest.fixture
def shop(tmp_path):
    write(
        tmp_path / "shop" / "templates",
        {"page.html": "shop's ${value}", "part.mako": "shop's ${value}", "a.mako": "${value}"},
    )
    return Blueprint(
        "shop", __name__, url_prefix="/shop", root_path=str(tmp_path / "shop"),
        template_folder="templates",
    )  # fmt: skip


def test_by_suffix_both_engines_work_side_by_side(app, client):
    app.template_engines[".mako"] = MakoEngine
    app.get("/mako")(lambda: render_template("page.mako", value="<"))
    assert client.get("/").text == "${value} &lt;"
    assert client.get("/mako").text == "mako &lt; / rows &lt;"


def test_for_the_whole_application(app, client):
    app.template_engine = MakoEngine
    app.get("/string")(lambda: render_template_string("${value + 1} {{ value }}", value=1))
    assert client.get("/").text == "&lt; {{ value }}"
    assert client.get("/string").text == "2 {{ value }}"


def test_for_a_blueprint_and_those_nested_in_it(app, shop, client):
    shop.template_engine = MakoEngine
    shop.get("/")(lambda: render_template("./page.html", value="<"))
    shop.get("/string", endpoint="string")(lambda: render_template_string("${value}", value=1))
    nested = Blueprint("nested", __name__, url_prefix="/nested")
    nested.get("/")(lambda: render_template("page.html", value="<"))
    shop.register_blueprint(nested)
    app.register_blueprint(shop)
    assert client.get("/shop/").text == "shop's &lt;"
    assert client.get("/shop/string").text == "1"
    assert client.get("/shop/nested/").text == "&lt; {{ value }}"
    assert client.get("/").text == "${value} &lt;"


def test_a_template_of_a_named_owner_has_the_owner_s_engine(app, shop):
    shop.template_engine = MakoEngine
    app.register_blueprint(shop)
    with app.app_context():
        assert render_template("shop:page.html", value=1) == "shop's 1"
        assert render_template("page.html", value=1) == "${value} 1"
    app.template_engine = MakoEngine
    with app.app_context():
        assert render_template(":page.html", value=1) == "1 {{ value }}"


def test_local_names_work_inside_of_its_templates(app, shop, tmp_path):
    app.template_engines[".mako"] = MakoEngine
    write(
        tmp_path / "shop" / "templates",
        {"own.mako": "<%inherit file=':layout.mako'/><%include file='./part.mako'/>"},
    )
    app.register_blueprint(shop)
    with app.test_request_context("/"):
        assert render_template("inner.mako", value=1) == "<app's 1>"
        assert render_template("shop:own.mako", value=1) == "<shop's 1>"


def test_of_several_the_first_that_exists_whatever_its_engine(app):
    app.template_engines[".mako"] = MakoEngine
    with app.test_request_context("/"):
        assert render_template(["no.mako", "page.html"], value=1) == "${value} 1"
        assert render_template(["no.html", "page.mako"], value=1) == "mako 1 / rows 1"
        with pytest.raises(LookupError):
            render_template(["no.html", "no.mako"])


def test_processors_signals_and_streams_are_the_same(app, client):
    app.template_engine = MakoEngine
    told = []
    app.context_processor(lambda: {"value": "from the processor"})
    app.add_template_global(lambda: "a global", "mine")
    app.get("/page")(lambda: render_template("part.mako"))
    app.get("/stream", endpoint="stream")(lambda: stream_template("part.mako", value=2))
    app.get("/string", endpoint="string")(lambda: stream_template_string("${mine()} ${g.x}"))

    @app.before_request
    def before():
        g.x = "of g"

    def note(sender, template, context):
        told.append((template.name, context["value"]))

    with before_render_template.connected_to(note, app), template_rendered.connected_to(note, app):
        assert client.get("/page").text == "app's from the processor"
        assert client.get("/stream").text == "app's 2"
    assert client.get("/string").text == "a global of g"
    assert told == [("part.mako", "from the processor")] * 2 + [("part.mako", 2)] * 2


def test_a_changed_file_is_read_anew(app, tmp_path):
    app.template_engines[".mako"] = MakoEngine
    with app.app_context():
        assert render_template("part.mako", value=1) == "app's 1"
        path = tmp_path / "templates" / "part.mako"
        path.write_text("changed ${value}")
        os.utime(path, (1, 1))
        assert render_template("part.mako", value=1) == "changed 1"


def test_blocks_and_htmx_if_the_engine_has_them(app, client):
    app.template_engines[".mako"] = MakoEngine
    app.get("/block")(lambda: render_htmx("page.mako", "rows", value=1))
    assert client.get("/block", headers={"HX-Request": "true"}).text == "rows 1"
    assert client.get("/block").text == "mako 1 / rows 1"


def test_an_engine_without_blocks_says_so(app):
    class Plain:
        name = "plain"

        def render(self, context):
            return "text"

    class Engine:
        def __init__(self, app):
            pass

        def get_template(self, name):
            return Plain()

    app.template_engine = Engine
    with app.app_context():
        assert render_template("anything") == "text"
        with pytest.raises(TypeError, match="has no blocks"):
            render_block("anything", "rows")


def test_a_blueprint_registered_on_two_applications_has_two_engines(app, shop):
    shop.template_engine = MakoEngine
    other = Cruse("other", static_folder=None)
    other.add_template_global(lambda: "other", "who")
    app.add_template_global(lambda: "app", "who")
    for each in (app, other):
        each.register_blueprint(shop)
        with each.app_context():
            assert render_template("shop:a.mako", value=1) == "1"
            engine = each.engines[MakoEngine]
            assert engine.from_string("${who()}").render({}) == ("app" if each is app else "other")
