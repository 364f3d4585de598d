"""Which application a command line means."""

import os
import sys

import pytest

from cruse.app import Cruse
from cruse.cli import NoAppException, ScriptInfo
from cruse.cli.discovery import find_app, prepare_import
from cruse.globals import current_app


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A working directory to write modules to; what is imported from it is forgotten again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    known = set(sys.modules)

    def write(**files):
        for name, source in files.items():
            path = tmp_path / f"{name.replace('__in__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        return tmp_path

    yield write
    for name in set(sys.modules) - known:
        file = getattr(sys.modules[name], "__file__", None)
        if file and file.startswith(str(tmp_path)):
            del sys.modules[name]


def app_source(*names):
    lines = ["from cruse.app import Cruse"]
    lines += [f"{name} = Cruse({name!r}, root_path='.')" for name in names]
    return "\n".join(lines)


# Not Flask itself, which need not be there.
OF_FLASK = """
class Flask:
    __module__ = "flask.app"

    def __call__(self, environ, start_response):
        pass

app = Flask()

def build():
    return app
"""
FACTORY = """
from cruse.app import Cruse

def create_app(name="made", *, debug=False):
    app = Cruse(name, root_path=".")
    app.debug = debug
    return app
"""
PARTIAL = f"{FACTORY}\nfrom functools import partial\nother = partial(create_app, 'part')"


@pytest.mark.parametrize(
    ("source", "named", "found"),
    [
        (app_source("app"), "mysite", "app"),
        (app_source("application"), "mysite", "application"),
        (app_source("other"), "mysite", "other"),
        (app_source("app", "other"), "mysite", "app"),
        (app_source("app", "other"), "mysite:other", "other"),
        (app_source("one") + "\ntwo = one", "mysite", "one"),
        (FACTORY, "mysite", "made"),
        (FACTORY.replace("create_app", "make_app"), "mysite", "made"),
        (FACTORY, "mysite:create_app", "made"),
        (FACTORY, "mysite:create_app()", "made"),
        (FACTORY, 'mysite:create_app("blue", debug=True)', "blue"),
        (FACTORY, "mysite:create_app(name='green')", "green"),
        (PARTIAL, "mysite:other", "part"),
    ],
)  # fmt: skip
def test_an_application_is_found_in_its_module(project, source, named, found):
    project(mysite=source)
    assert find_app(named).name == found


@pytest.mark.parametrize("named", ["mysite.py", "./mysite.py", "mysite", "mysite.py:app"])
def test_a_module_may_be_named_by_its_file(project, named):
    project(mysite=app_source("app"))
    assert find_app(named).name == "app"


@pytest.mark.parametrize(
    "named", ["shop.web", "shop/web.py", "shop/web", "shop.web:app", "shop/web.py:app"]
)
def test_a_module_may_be_in_a_package(project, named):
    project(shop__in____init__="", shop__in__web=app_source("app"))
    assert find_app(named).name == "app"
    assert "shop.web" in sys.modules


def test_a_package_may_hold_the_application_itself(project):
    folder = project(shop__in____init__=app_source("app"))
    assert find_app("shop").name == "app"
    assert prepare_import(str(folder / "shop" / "__init__.py")) == "shop"


def test_the_folder_of_the_outermost_package_becomes_importable(project, monkeypatch):
    folder = project(deep__in____init__="", deep__in__er__in____init__="", deep__in__er__in__x="")
    monkeypatch.chdir("/")
    assert prepare_import(str(folder / "deep" / "er" / "x.py")) == "deep.er.x"
    assert sys.path[0] == os.path.realpath(folder)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"app": app_source("app")}, "app"),
        ({"wsgi": app_source("application")}, "application"),
        ({"app": app_source("app"), "wsgi": app_source("application")}, "application"),
    ],
)
def test_unnamed_it_is_looked_for_in_the_usual_files(project, files, found):
    project(**files)
    assert find_app(None).name == found


@pytest.mark.parametrize(
    ("source", "named", "advice"),
    [
        ("", "missing", "Could not import 'missing'. Run the command from the folder"),
        ("", "missing.part:app", "Could not import 'missing.part'"),
        ("", "mysite", "Say what it is called: --app mysite:name"),
        ("", "mysite:app", "Module 'mysite' has no 'app'"),
        (app_source("shop"), "mysite:app", "The applications in it: shop"),
        (app_source("one", "two"), "mysite", "Several applications in module 'mysite': one, two"),
        (app_source("one", "two"), "mysite", "Say which one: --app mysite:one"),
        ("app = 3", "mysite:app", "'mysite:app' is a int, not a Cruse application"),
        ("import io; app = io.StringIO()", "mysite", "'mysite:app' is a _io.StringIO, not a"),
        ("def create_app(): return 3", "mysite", "'mysite:create_app' returned a int"),
        ("def create_app(name): pass", "mysite", "missing a required argument: 'name'"),
        (OF_FLASK, "mysite", "is a flask.app.Flask, not a Cruse application. An application of"),
        (OF_FLASK, "mysite:app", "runs as it is with 'cruse --flask'"),
        (OF_FLASK, "mysite:build", "runs as it is with 'cruse --flask'"),
        (FACTORY, "mysite:create_app(1, 2)", "too many positional arguments"),
        (FACTORY, "mysite:create_app(open('x'))", "Give literals"),
        (FACTORY, "mysite:create_app.x()", "Cannot read 'create_app.x()'"),
        (FACTORY, "mysite:create_app(", "Cannot read 'create_app('"),
        (FACTORY, "mysite:", "Cannot read ''"),
        (FACTORY, "mysite:1 + 1", "Cannot read '1 + 1'"),
    ],
)  # fmt: skip
def test_a_wrong_name_is_answered_in_one_line_that_says_what_to_do(project, source, named, advice):
    project(mysite=source)
    with pytest.raises(NoAppException) as caught:
        find_app(named)
    message = caught.value.format_message()
    assert advice in message
    assert "\n" not in message


def test_without_any_application_the_message_names_the_three_ways(project):
    project(other="")
    with pytest.raises(NoAppException, match=r"--app module:name.*CRUSE_APP.*'app.py'"):
        find_app(None)


def test_an_import_error_inside_the_module_is_shown_in_full(project):
    project(mysite="import nowhere_to_be_found")
    with pytest.raises(NoAppException) as caught:
        find_app("mysite")
    message = caught.value.format_message()
    assert "While importing 'mysite'" in message
    assert 'mysite.py", line 1' in message
    assert "No module named 'nowhere_to_be_found'" in message
    assert "discovery.py" not in message


def test_an_import_error_inside_a_usual_file_is_not_a_missing_file(project):
    project(app="from app import something_else")
    with pytest.raises(NoAppException, match="While importing 'app'"):
        find_app(None)


@pytest.mark.parametrize(
    ("source", "named", "error"),
    [
        ("1 / 0", "mysite", ZeroDivisionError),
        ("def create_app(): raise TypeError('mine')", "mysite", TypeError),
        ("def create_app(): raise TypeError('mine')", "mysite:create_app()", TypeError),
    ],
)
def test_what_the_code_raises_comes_through(project, source, named, error):
    project(mysite=source)
    with pytest.raises(error):
        find_app(named)


def test_an_imported_proxy_is_no_application(project):
    project(mysite="from cruse.globals import current_app\n" + app_source("one"))
    with Cruse("outer", root_path=".").app_context():
        assert current_app
        assert find_app("mysite").name == "one"


def test_script_info_loads_once(project, monkeypatch):
    project(app=app_source("app"))
    monkeypatch.setenv("CRUSE_DEBUG", "1")
    info = ScriptInfo()
    app = info.load_app()
    assert app.debug
    assert info.load_app() is app


def test_script_info_leaves_the_debug_flag_when_told(monkeypatch):
    monkeypatch.delenv("CRUSE_DEBUG", raising=False)
    app = Cruse(__name__)
    app.debug = True
    assert ScriptInfo(create_app=lambda: app, set_debug_flag=False).load_app().debug
    assert not ScriptInfo(create_app=lambda: app).load_app().debug
