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
