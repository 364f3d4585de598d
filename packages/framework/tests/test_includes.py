"""``app.include``: parts that are named, and imported when the application starts."""

import asyncio
import sys
from textwrap import dedent

import pytest

from cruse import Cruse, url_for
from cruse.cli.routes import routes_command
from cruse.includes import IncludeError


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return a function that writes a package of modules and makes it importable."""
    name = f"package_{tmp_path.name}"
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(**modules):
        for module, source in {"__init__": "", **modules}.items():
            (folder / f"{module}.py").write_text(dedent(source).replace("PACKAGE", name))
        return name

    yield write
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[module]


@pytest.fixture
def app():
    return Cruse(__name__, static_folder=None)


BLOG = """
    from cruse import Blueprint
    bp = Blueprint("blog", __name__)
    again = bp

    @bp.get("/")
    def index():
        return "blog"
"""


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_the_blueprints_of_a_module_are_registered_before_the_first_request(app, package, gateway):
    app.include(f"{package(blog=BLOG)}.blog", url_prefix="/blog")
    assert app.blueprints == {}
    client = app.test_client(gateway=gateway)
    assert client.get("/blog/").text == "blog"
    client.close()


def test_a_granian_worker_has_them_too(app, package):
    app.include(f"{package(blog=BLOG)}.blog")
    loop = asyncio.new_event_loop()
    app.__rsgi_init__(loop)
    assert "blog" in app.blueprints
    app.__rsgi_del__(loop)
    loop.close()


def test_a_module_may_import_the_application_that_includes_it(package):
    name = package(
        __init__="""
            from cruse import Cruse
            app = Cruse(__name__)
            app.include("PACKAGE.views")
            app.include("PACKAGE.blog")
            title = "A package"
        """,
        views="""
            from PACKAGE import app, title

            @app.get("/")
            def index():
                return title
        """,
        blog="""
            from cruse import Blueprint
            from PACKAGE import title
            bp = Blueprint("blog", __name__, url_prefix="/blog")
            bp.get("/")(lambda: f"{title}'s blog")
        """,
    )
    client = __import__(name).app.test_client()
    assert client.get("/").text == "A package"
    assert client.get("/blog/").text == "A package's blog"


def test_a_name_is_a_blueprint_or_a_function_called_with_the_application(app, package):
    name = package(
        blog=BLOG,
        setup="""
            def routes(app, path="/made"):
                app.include("PACKAGE.blog:bp", url_prefix="/later")
                app.add_url_rule(path, "made", lambda: "made")
        """,
    )
    app.include(f"{name}.setup:routes", path="/other")
    client = app.test_client()
    assert client.get("/other").text == "made"
    assert client.get("/later/").text == "blog"


def test_blueprints_that_are_imported_or_nested_are_not_registered_by_themselves(app, package):
    name = package(
        blog=BLOG,
        shop="""
            from cruse import Blueprint
            from PACKAGE.blog import bp as blog
            shop = Blueprint("shop", __name__)
            inner = Blueprint("inner", __name__)
            shop.register_blueprint(inner)
        """,
    )
    app.include(f"{name}.shop")
    app.load_includes()
    assert list(app.blueprints) == ["shop", "shop.inner"]


def test_an_import_that_fails_names_the_include_and_its_place(app, package):
    name = package(views="import PACKAGE_that_is_not_there")
    app.include(f"{name}.views")
    with pytest.raises(IncludeError) as caught:
        app.test_client().get("/")
    message = str(caught.value)
    assert f"include('{name}.views')" in message
    assert f"{__file__}:" in message
    assert "ModuleNotFoundError" in message
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_a_failed_import_is_tried_again_at_the_next_request(app, package):
    name = package(blog="raise RuntimeError('not yet')")
    app.include(f"{name}.blog")
    client = app.test_client()
    with pytest.raises(IncludeError, match="not yet"):
        client.get("/")
    package(blog=BLOG)
    sys.path_importer_cache.clear()
    assert client.get("/").text == "blog"


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("blog:nothing", "has no 'nothing'"),
        ("blog:index", "is a int"),
        ("blog:later", "is a function"),
        ("blog", "has no blueprint of its own"),
        ("imports", "include 'PACKAGE.imports:bp'"),
    ],
)
def test_nothing_to_register_is_an_error_that_says_what_to_do(app, package, target, why):
    name = package(
        blog="index = 1\nasync def later(app): pass",
        real=BLOG,
        imports="from PACKAGE.real import bp",
    )
    app.include(f"{name}.{target}")
    with pytest.raises(IncludeError, match=why.replace("PACKAGE", name)):
        app.load_includes()


def test_the_command_line_and_made_up_requests_load_them(app, package):
    name = package(blog=BLOG)
    app.include(f"{name}.blog")
    assert "blog.index" in app.test_cli_runner().invoke(routes_command).output
    other = Cruse(__name__, static_folder=None)
    other.include(f"{name}.blog")
    with other.test_request_context():
        assert url_for("blog.index") == "/"


def test_commands_of_an_included_blueprint_are_there(app, package):
    name = package(blog=f"{BLOG}\n    bp.cli.command('publish')(lambda: print('published'))")
    app.include(f"{name}.blog")
    assert app.test_cli_runner().invoke(args=["blog", "publish"]).output == "published\n"


def test_at_the_prompt_a_failing_include_is_told_with_what_it_imported(app, package):
    name = package(views="1 / 0")
    app.include(f"{name}.views")
    result = app.test_cli_runner().invoke(routes_command)
    assert result.exit_code != 0
    assert "ZeroDivisionError: division by zero" in result.output
    assert f"include('{name}.views')" in result.output


def test_include_is_refused_once_the_application_serves(app):
    app.start()
    with pytest.raises(AssertionError, match="'include' can no longer be called"):
        app.include("anything")
    app.stop()
