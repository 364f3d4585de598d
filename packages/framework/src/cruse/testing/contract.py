"""What every extension keeps to: tests to run against one of your own.

Subclass the contract in a test module, and pytest runs it::

    from cruse.testing.contract import ExtensionContract

    class TestGreetings(ExtensionContract):
        config = {"GREETINGS_LANGUAGE": "en"}

        def make_extension(self):
            return Greetings()
"""

# These are tests: they assert, and their names are the documentation.
# ruff: noqa: D102, S101, S106

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar, get_type_hints

import click
import pytest

from cruse.app import Cruse
from cruse.extension import Extension, SettingsError
from cruse.globals import has_app_context
from cruse.testing.privacy import private_uses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cruse.testing.client import CruseClient

__all__ = ["ExtensionContract"]


class ExtensionContract:
    """Tests that hold for every extension; :meth:`make_extension` is the one to write.

    The names of the tests say what is promised. Nothing here needs the network or a file, unless
    the extension does by itself: give it settings in :attr:`config` that make it work in a test.
    """

    #: Settings of the applications that the extension is bound to.
    config: ClassVar[Mapping[str, Any]] = {}

    def make_extension(self) -> Extension[Any]:
        """Return a new extension that is bound to no application."""
        raise NotImplementedError("The contract needs to know the extension: return one here.")

    def make_requirements(self) -> Sequence[Extension[Any]]:
        """Return new extensions that this one ``requires``."""
        return ()

    def make_app(self, **config: Any) -> Cruse:
        """Return a new application with :attr:`config`, and the requirements bound to it."""
        app = Cruse(__name__)
        app.config.update(TESTING=True, SECRET_KEY="contract", **{**self.config, **config})
        app.use(*self.make_requirements())
        return app

    # -- fixtures ------------------------------------------------------------------------------

    @pytest.fixture
    def extension(self) -> Extension[Any]:
        """The extension, bound to no application."""
        return self.make_extension()

    @pytest.fixture
    def app(self, extension: Extension[Any]) -> Iterator[Cruse]:
        """An application with the extension, and two views: one answers, one fails."""
        app = self.make_app()
        app.use(extension)
        _add_views(app)
        yield app
        app.stop()

    @pytest.fixture(params=["wsgi", "asgi"])
    def client(self, app: Cruse, request: pytest.FixtureRequest) -> Iterator[CruseClient]:
        """A test client, on each face of the application."""
        client: CruseClient = app.test_client(gateway=request.param)
        yield client
        client.close()

    # -- binding -------------------------------------------------------------------------------

    def test_has_a_name_to_be_found_by(self, extension: Extension[Any]) -> None:
        assert isinstance(extension.name, str)
        assert extension.name.isidentifier()

    def test_is_made_without_an_application(self, extension: Extension[Any]) -> None:
        assert not has_app_context()
        with pytest.raises(RuntimeError):
            _ = extension.state

    @pytest.mark.parametrize("bind", ["use", "init_app"])
    def test_state_belongs_to_the_application(self, extension: Extension[Any], bind: str) -> None:
        app = self.make_app()
        if bind == "use":
            app.use(extension)
        else:
            extension.init_app(app)
        state = app.extensions[extension.name]
        assert state.app is app
        assert state.extension is extension
        assert extension.state_of(app) is state
        with app.app_context():
            assert extension.state is state

    def test_binding_twice_is_an_error(self, extension: Extension[Any]) -> None:
        app = self.make_app()
        app.use(extension)
        with pytest.raises((RuntimeError, ValueError), match=extension.name):
            app.use(extension)
        with pytest.raises((RuntimeError, ValueError), match=extension.name):
            app.use(self.make_extension())

    def test_serves_two_applications_apart(self, extension: Extension[Any]) -> None:
        first, second = self.make_app(), self.make_app()
        first.use(extension)
        second.use(extension)
        for app in (first, second):
            with app.app_context():
                assert extension.state is extension.state_of(app)
        assert extension.state_of(first) is not extension.state_of(second)
        first.start()
        second.start()
        first.stop()
        second.stop()

    # -- settings ------------------------------------------------------------------------------

    def test_settings_may_come_after_binding(self, extension: Extension[Any]) -> None:
        app = Cruse(__name__)
        app.use(*self.make_requirements(), extension)
        app.config.update(TESTING=True, SECRET_KEY="contract", **self.config)
        app.start()
        app.stop()

    def test_an_unknown_setting_is_named(self, extension: Extension[Any]) -> None:
        if not extension.prefix:
            return  # no settings of its own, so none that could be misspelt
        key = f"{extension.prefix}NO_SUCH_SETTING"
        app = self.make_app(**{key: True})
        app.use(extension)
        with pytest.raises(SettingsError, match=key):
            app.start()

    def test_a_setting_of_a_wrong_type_is_named(self) -> None:
        for key in _typed_settings(self.make_extension()):
            app = self.make_app(**{key: object()})
            app.use(self.make_extension())
            with pytest.raises(SettingsError, match=key):
                app.start()

    # -- requests ------------------------------------------------------------------------------

    @pytest.mark.parametrize("colour", ["sync", "async"])
    def test_requests_are_answered(self, client: CruseClient, colour: str) -> None:
        response = client.get(f"/contract/{colour}")
        assert (response.status_code, response.text) == (200, "kept")
        assert not has_app_context()

    @pytest.mark.parametrize("colour", ["sync", "async"])
    def test_a_failing_request_is_torn_down(
        self, app: Cruse, client: CruseClient, colour: str
    ) -> None:
        seen: list[BaseException | None] = []
        app.teardown_appcontext(seen.append)
        app.testing = False
        app.config["PROPAGATE_EXCEPTIONS"] = False
        assert client.get(f"/contract/{colour}?fail=1").status_code == 500
        assert [type(error) for error in seen] == [ArithmeticError]
        assert not has_app_context()
        assert client.get(f"/contract/{colour}").status_code == 200

    def test_an_application_context_needs_no_request(self, app: Cruse) -> None:
        with app.app_context():
            assert has_app_context()
        with pytest.raises(ArithmeticError), app.app_context():
            raise ArithmeticError("out of a script")
        assert not has_app_context()

    # -- the other sides of an application -----------------------------------------------------

    def test_starts_and_stops(self, app: Cruse) -> None:
        app.start()
        app.stop()

    def test_commands_say_what_they_do(self, app: Cruse, extension: Extension[Any]) -> None:
        group = app.extension_commands().get(extension.name)
        for command in _walk(group) if group is not None else ():
            assert command.help, f"The command {command.name!r} has no help text."

    def test_contexts_of_shell_and_templates_are_mappings(
        self, app: Cruse, extension: Extension[Any]
    ) -> None:
        with app.test_request_context():
            assert dict(extension.template_context()) is not None
            assert dict(extension.shell_context(extension.state)) is not None

    def test_uses_no_private_names_of_the_core(self, extension: Extension[Any]) -> None:
        assert private_uses(type(extension).__module__) == []


def _add_views(app: Cruse) -> None:
    from cruse.globals import request

    def answer() -> str:
        if request.args.get("fail"):
            raise ArithmeticError("as the contract asks for")
        return "kept"

    async def answer_async() -> str:
        return answer()

    views: dict[str, Callable[..., Any]] = {"sync": answer, "async": answer_async}
    for colour, view in views.items():
        app.add_url_rule(f"/contract/{colour}", f"contract_{colour}", view)


def _typed_settings(extension: Extension[Any]) -> list[str]:
    """Return the keys of those settings whose type does not allow just any object."""
    if not extension.prefix:
        return []
    hints = get_type_hints(extension.settings)
    return [
        f"{extension.prefix}{field.name.upper()}"
        for field in fields(extension.settings)
        if field.init and hints[field.name] not in (Any, object)
    ]


def _walk(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        for child in command.commands.values():
            yield from _walk(child)
