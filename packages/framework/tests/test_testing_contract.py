"""The contract for extensions: a good one passes it, and each breach is found."""

import sys
from dataclasses import dataclass
from typing import ClassVar

import click
import pytest

from cruse.app import Cruse
from cruse.extension import Extension, ExtensionState
from cruse.testing.contract import ExtensionContract
from cruse.testing.privacy import private_uses

pytest_plugins = ["pytester"]


@dataclass(frozen=True)
class GreetingsSettings:
    """What the greetings need to know."""

    language: str
    times: int = 1
    anything: object = None


class GreetingsState(ExtensionState[GreetingsSettings]):
    """Counts the greetings of one application."""

    def __init__(self, app, extension):
        super().__init__(app, extension)
        self.greeted = 0


class Clock(Extension[ExtensionState]):
    """Something that the greetings require."""

    name = "clock"


class Greetings(Extension[GreetingsState]):
    """An extension that uses everything the contract looks at."""

    name = "greetings"
    requires = ("clock",)
    settings = GreetingsSettings
    prefix = "GREETINGS_"
    state_class = GreetingsState

    def before_request(self):
        self.state.greeted += self.state.settings.times

    async def teardown(self, exc):
        self.state.greeted -= 1

    def template_context(self):
        return {"greeting": self.state.settings.language}

    def shell_context(self, state):
        return {"greetings": self}

    def commands(self, state):
        return click.Group("greetings", help="Greet.", commands=[_hello])


@click.command("hello", help="Say hello.")
def _hello():
    pass


class TestGreetings(ExtensionContract):
    """A good extension passes."""

    config: ClassVar = {"GREETINGS_LANGUAGE": "en"}

    def make_extension(self):
        return Greetings()

    def make_requirements(self):
        return [Clock()]


class TestClock(ExtensionContract):
    """One that does nothing passes too."""

    def make_extension(self):
        return Clock()


# -- breaches ------------------------------------------------------------------------------

BREACH = """
from cruse.extension import Extension, ExtensionState
from cruse.testing.contract import ExtensionContract
from dataclasses import dataclass
import click

@dataclass(frozen=True)
class Settings:
    size: int = 1

class Bad(Extension):
    name = "bad"
    settings = Settings
    prefix = "BAD_"

{breach}

class TestBad(ExtensionContract):
    def make_extension(self):
        return Bad()
"""


@pytest.mark.parametrize(
    ("breach", "found"),
    [
        ("    name = 'not a name'", "test_has_a_name_to_be_found_by"),
        (
            "    state = property(lambda self: None)",
            "test_is_made_without_an_application",
        ),
        (
            "    def teardown(self, exc):\n        raise ValueError('torn')",
            "test_requests_are_answered*wsgi-sync*",
        ),
        (
            "    def commands(self, state):\n        return click.Group('bad')",
            "test_commands_say_what_they_do",
        ),
        (
            "    def startup(self, state):\n        raise ValueError('no start')",
            "test_starts_and_stops",
        ),
        (
            "    def template_context(self):\n        return 3",
            "test_contexts_of_shell_and_templates_are_mappings",
        ),
        (
            "    def setup(self, state):\n        state.app._waiting_extensions",
            "test_uses_no_private_names_of_the_core",
        ),
    ],
)
def test_a_breach_is_found(pytester, breach, found):
    pytester.makepyfile(BREACH.replace("{breach}", breach))
    test = found.partition("*")[0]
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-k", test)
    result.stdout.fnmatch_lines([f"FAILED *{found}*"])
    sys.modules.pop("test_a_breach_is_found", None)


def test_the_extension_must_be_given():
    with pytest.raises(NotImplementedError, match="return one here"):
        ExtensionContract().make_extension()


# -- private names -------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write a package whose use of names is looked at."""

    def write(source):
        folder = tmp_path / "guest_package"
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        (folder / "part.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        return private_uses("guest_package.part")

    return write


@pytest.mark.parametrize(
    "source",
    [
        "from cruse.globals import _cv",
        "from cruse._private import name",
        "import cruse._private",
        "def f(app):\n    return app._waiting_extensions",
        "def f(app):\n    app._got_first_request = True",
    ],
)
def test_private_names_of_the_core_are_found(package, source):
    (use,) = package(source)
    line = source.count("\n") + 1
    assert f"part.py:{line}: " in use
    assert "'_" in use or "cruse._private" in use


def test_a_package_of_a_namespace_is_looked_at_alone(tmp_path, monkeypatch):
    for name in ("one", "two"):
        folder = tmp_path / "guest_space" / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("from cruse.globals import _cv")
    monkeypatch.syspath_prepend(tmp_path)
    (use,) = private_uses("guest_space.one")
    assert "one" in use


@pytest.mark.parametrize(
    "source",
    [
        "from cruse.globals import current_app\ncurrent_app._get_current_object()",
        "from cruse import __version__",
        "from crusetta import _private",
        "class A:\n    def f(self):\n        self._cv = 1\n        return self._cv",
        "import sqlalchemy\nsqlalchemy._anything",
    ],
)
def test_other_names_are_left_alone(package, source):
    assert package(source) == []


def test_a_single_module_is_a_package_too(tmp_path, monkeypatch):
    (tmp_path / "guest_module.py").write_text("from cruse.globals import _cv")
    monkeypatch.syspath_prepend(tmp_path)
    assert len(private_uses("guest_module")) == 1


def test_a_package_that_is_not_there_is_an_error():
    with pytest.raises(ModuleNotFoundError, match=r"'nowhere_to_be_found\.part'"):
        private_uses("nowhere_to_be_found.part")


def test_the_contract_makes_its_application_from_the_config():
    class Mine(ExtensionContract):
        config: ClassVar = {"A": 1, "B": 2}

    app = Mine().make_app(B=3)
    assert isinstance(app, Cruse)
    assert (app.config["A"], app.config["B"], app.testing) == (1, 3, True)
