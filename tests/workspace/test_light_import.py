"""``import cruse`` stays light: what serves only some applications waits until it is used."""

import json
import subprocess
import sys

import pytest

HEAVY = (
    "asyncio",
    "click",
    "cruse.cli",
    "cruse.compression",
    "cruse.debug",
    "cruse.devserver",
    "cruse.testing",
    "jinja2",
    "werkzeug",
    "werkzeug.debug",
    "werkzeug.serving",
    "werkzeug.test",
)


def loaded_after(code: str) -> set[str]:
    """The modules that a fresh interpreter has after running ``code``."""
    report = f"{code}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", report], stdout=subprocess.PIPE, check=True)
    return set(json.loads(done.stdout))


@pytest.fixture(scope="module")
def after_import():
    return loaded_after("import cruse")


@pytest.mark.parametrize("name", HEAVY)
def test_importing_the_package_loads_no(name, after_import):
    assert name not in after_import


# What the first request needs is loaded at the start, and what no request may need later or never.
LATER = (
    *("asyncio", "ssl", "socket", "http.server", "http.client", "email.message", "subprocess"),
    *("decimal", "graphlib", "html", "itsdangerous", "multipart", "pathlib", "tempfile"),
    *("werkzeug.formparser", "werkzeug.serving", "werkzeug.test", "werkzeug.local"),
    *("cruse.background", "cruse.extension", "cruse.gateway.asgi", "cruse.gateway.rsgi"),
    *("cruse.loops", "cruse.requests", "cruse.security", "cruse.sessions", "cruse.sse"),
    *("cruse.templating", "cruse.websockets", "cruse.workers"),
)
if sys.version_info < (3, 12):
    # There the mark of a coroutine function is asyncio's own, and 'email.utils' takes all at once.
    LATER = tuple(name for name in LATER if name not in {"asyncio", "ssl", "socket", "subprocess"})


@pytest.fixture(scope="module")
def after_the_class():
    return loaded_after("from cruse import Cruse")


@pytest.mark.parametrize("name", LATER)
def test_importing_the_application_class_loads_no(name, after_the_class):
    if name == "pathlib" and "pathlib" in loaded_after("pass"):
        return  # by a tool of the environment
    assert name not in after_the_class


@pytest.mark.parametrize(
    "use",
    [
        "import werkzeug; werkzeug.Client",
        "from werkzeug import Request, Response, run_simple",
        "import werkzeug; werkzeug.exceptions.NotFound; werkzeug.datastructures.Headers",
        "import werkzeug.wrappers; werkzeug.wrappers.Request",
        "from werkzeug.wrappers import Response; import werkzeug.test",
        "import werkzeug; assert not hasattr(werkzeug, 'nothing_of_that_name')",
    ],
)
@pytest.mark.parametrize("before", ["", "import werkzeug"])
def test_werkzeug_has_all_its_names_when_they_are_asked_for(use, before):
    loaded_after(f"{before}\nfrom cruse import Cruse\n{use}")


def test_making_an_application_loads_no_template_engine_and_no_command_line():
    loaded = loaded_after("import cruse; cruse.Cruse('an_app')")
    assert (
        loaded
        & {
            *("jinja2", "click", "redis", "brotli", "cruse.cli", "cruse.compression"),
            *("cruse.testing", "werkzeug.debug"),
        }
        == set()
    )
