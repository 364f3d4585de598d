"""The extension contract: what an extension is, and how it becomes part of an application.

An extension is made once, usually at import time, and bound to any number of applications. What
belongs to one application is a state object, kept in ``app.extensions[name]``. Hooks are methods:
those that a subclass overrides are registered, the others cost nothing.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from difflib import get_close_matches
from functools import wraps
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

from werkzeug.exceptions import InternalServerError

from cruse.globals import current_context
from cruse.lazy import lazy
from cruse.outages import unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import click
    from werkzeug.exceptions import HTTPException

    from cruse.app import Cruse
    from cruse.blueprints import Blueprint
    from cruse.checks import Finding
    from cruse.responses import Response
    from cruse.typing import ResponseReturnValue

__all__ = ["Extension", "ExtensionState", "SettingsError", "read_settings"]

SettingsT = TypeVar("SettingsT")
StateT = TypeVar("StateT", bound="ExtensionState[Any]")


class SettingsError(ValueError):
    """A setting of an extension is unknown, missing, or of a wrong type; it names the key."""


@dataclasses.dataclass(frozen=True)
class NoSettings:
    """The settings of an extension that has none."""


class ExtensionState(Generic[SettingsT]):
    """What an extension keeps for one application.

    Args:
        app: The application.
        extension: The extension.
    """

    def __init__(self, app: Cruse, extension: Any) -> None:
        self.app = app
        self.extension = extension

    @lazy
    def settings(self) -> SettingsT:
        """The settings, read and checked at their first use, at the latest at start.

        Raises:
            SettingsError: When a key is unknown, missing, or of a wrong type.
        """
        extension = self.extension
        settings = read_settings(extension.settings, extension.prefix, self.app.config)
        return cast("SettingsT", settings)


class Extension(Generic[StateT]):
    """Something that adds to applications as if the core had it.

    Args:
        app: Bind it to this application at once.
    """

    #: The key in ``app.extensions``, and the name of its commands.
    name: ClassVar[str]
    #: The names of the extensions that must be bound too; this one waits for them.
    requires: ClassVar[tuple[str, ...]] = ()
    #: The names of extensions that go first when they are bound in the same call.
    after: ClassVar[tuple[str, ...]] = ()
    #: A dataclass of its settings.
    settings: ClassVar[type] = NoSettings
    #: What the keys of its settings in ``app.config`` start with.
    prefix: ClassVar[str] = ""
    #: The class of its state.
    state_class: ClassVar[type[Any]] = ExtensionState
    #: A blueprint to register with every application.
    blueprint: Blueprint | None = None

    def __init__(self, app: Cruse | None = None) -> None:
        if app is not None:
            app.use(self)

    def init_app(self, app: Cruse) -> None:
        """Bind to an application; the same as ``app.use(extension)``."""
        app.use(self)

    @property
    def state(self) -> StateT:
        """What is kept for the current application.

        Raises:
            RuntimeError: Outside of an application context, or when it is not bound there.
        """
        return self.state_of(current_context().app)

    def state_of(self, app: Cruse) -> StateT:
        """Return what is kept for an application.

        Raises:
            RuntimeError: When the extension is not bound to it.
        """
        state: StateT | None = app.extensions.get(self.name)
        if state is None or state.extension is not self:
            raise RuntimeError(
                f"The extension {self.name!r} is not set up on the application {app.name!r}. "
                "Call 'app.use(extension)' where the application is made."
            )
        return state

    # -- to override --

    def setup(self, state: StateT) -> None:
        """Register what the extension brings, once per application."""

    def before_request(self) -> ResponseReturnValue | Any | None:
        """Run before each view, as ``app.before_request`` functions do. May be async."""

    def after_request(self, response: Response) -> Response | Any:
        """Run after each view, as ``app.after_request`` functions do. May be async."""
        return response

    def teardown(self, exc: BaseException | None) -> Any:
        """Run at the end of each context, as ``app.teardown_appcontext`` functions do."""

    def startup(self, state: StateT) -> Any:
        """Run when an application starts. May be async."""

    def shutdown(self, state: StateT) -> Any:
        """Run when an application stops. May be async."""

    def template_context(self) -> dict[str, Any]:
        """Return variables for every template."""
        return {}

    def shell_context(self, state: StateT) -> dict[str, Any]:
        """Return variables for ``cruse shell``."""
        return {}

    def commands(self, state: StateT) -> click.Command | None:
        """Return the commands that ``cruse NAME`` runs."""
        return None

    def health(self, state: StateT) -> Mapping[str, object] | Any:
        """Return details about its health, or raise. May be async."""
        return {}

    def outage(self, state: StateT, error: Exception) -> str | None:
        """Return what is away, when that is what an error means that nobody has handled.

        The client gets a 503 then instead of a 500, and the log has this line instead of a
        traceback: no secrets.
        """
        return None

    def check(self, state: StateT, deploy: bool) -> Iterable[Finding]:
        """Return what ``cruse check`` tells; ``deploy`` asks for what production must not have."""
        return ()

    def make_blueprint(self, state: StateT) -> Blueprint | None:
        """Return the blueprint to register; the class's own unless overridden."""
        return self.blueprint

    # -- binding --

    @classmethod
    def check_class(cls) -> None:
        """Check that the class says what an extension has to say.

        Raises:
            TypeError: When it has no name, its settings are no dataclass or have no prefix, or
                ``setup`` is a coroutine function.
        """
        if not isinstance(getattr(cls, "name", None), str):
            raise TypeError(f"{cls.__name__} has no name. Write one into the class: name = '...'.")
        if not dataclasses.is_dataclass(cls.settings):
            raise TypeError(f"{cls.__name__}.settings has to be a dataclass.")
        if dataclasses.fields(cls.settings) and not cls.prefix:
            raise TypeError(
                f"{cls.__name__} has settings and no prefix that tells its keys in app.config "
                f"from others. Write one into the class: prefix = '{cls.name.upper()}_'."
            )
        if inspect.iscoroutinefunction(cls.setup):
            raise TypeError(
                f"{cls.__name__}.setup is 'async def', and nothing can be awaited while an "
                "application is put together. 'startup' may be async."
            )

    def overrides(self, method: str) -> bool:
        """Whether a subclass has its own version of a method."""
        return getattr(type(self), method) is not getattr(Extension, method)

    def bind(self, app: Cruse) -> None:
        """Register everything on an application whose requirements are there.

        Raises:
            RuntimeError: When an extension of this name is bound already.
        """
        if self.name in app.extensions:
            raise RuntimeError(
                f"An extension named {self.name!r} is already set up on the application "
                f"{app.name!r}. Use one object for it."
            )
        state = self.state_class(app, self)
        app.extensions[self.name] = state
        for hook, register in (
            ("before_request", app.before_request),
            ("after_request", app.after_request),
            ("teardown", app.teardown_appcontext),
            ("template_context", app.context_processor),
        ):
            if self.overrides(hook):
                register(getattr(self, hook))
        for hook, register_state in (
            ("startup", app.startup),
            ("shutdown", app.shutdown),
            ("shell_context", app.shell_context_processor),
        ):
            if self.overrides(hook):
                register_state(_with_state(getattr(self, hook), state))
        self.setup(state)
        blueprint = self.make_blueprint(state)
        if blueprint is not None:
            app.register_blueprint(blueprint)


def failure_of(app: Cruse, error: Exception) -> HTTPException:
    """Log an error that nothing has handled and return the answer to it.

    That is a 500, or a 503 when it is an outage for one of the extensions.
    """
    said = _outage_of(app, error) if app.extensions else None
    if said is None:
        app.log_exception((type(error), error, error.__traceback__))
        return InternalServerError(original_exception=error)
    answer = unavailable(app.logger, said)
    answer.__cause__ = error
    return answer


def _outage_of(app: Cruse, error: BaseException) -> str | None:
    """Return what the extensions say of an error; of several at once, if each is an outage."""
    if isinstance(error, Exception):
        for state in app.extensions.values():
            if isinstance(state, ExtensionState):
                said: str | None = state.extension.outage(state, error)
                if said is not None:
                    return said
    if not isinstance(error, BaseExceptionGroup):
        return None
    parts = [_outage_of(app, part) for part in error.exceptions]  # of tasks, of teardown functions
    return None if None in parts else "; ".join(dict.fromkeys(map(str, parts)))


def _with_state(hook: Callable[..., Any], state: Any) -> Callable[[], Any]:
    # By its own name: a start that fails says whose it was.
    if inspect.iscoroutinefunction(hook):

        @wraps(hook)
        async def call_async() -> Any:
            return await hook(state)

        return call_async

    @wraps(hook)
    def call() -> Any:
        return hook(state)

    return call


def bind_in_order(app: Cruse, waiting: list[Extension[Any]]) -> list[Extension[Any]]:
    """Bind those extensions whose requirements are met and return the others.

    Raises:
        RuntimeError: When they wait for each other in a circle.
    """
    for extension in waiting:
        if isinstance(extension, type):
            raise TypeError(
                f"'use' takes extension objects, not classes: give {extension.__name__}()."
            )
        if not isinstance(extension, Extension):
            raise TypeError(
                "'use' takes objects of subclasses of cruse.Extension, not of type "
                f"{type(extension).__name__!r}. Those of Flask's are bound by init_app(app)."
            )
        extension.check_class()
    by_name = {extension.name: extension for extension in waiting}
    graph = {
        extension.name: [
            name for name in (*extension.requires, *extension.after) if name in by_name
        ]
        for extension in waiting
    }
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise RuntimeError(f"These extensions require each other in a circle: {circle}.") from None
    left: list[Extension[Any]] = []
    for name in order:
        extension = by_name[name]
        if all(required in app.extensions for required in extension.requires):
            extension.bind(app)
        else:
            left.append(extension)
    return left


def missing_requirements(app: Cruse, waiting: Iterable[Extension[Any]]) -> str:
    """Say which extensions still wait, and for what."""
    return " ".join(
        f"The extension {extension.name!r} requires "
        f"{[name for name in extension.requires if name not in app.extensions]}, "
        "which the application does not use."
        for extension in waiting
    )


# -- settings --


def read_settings(cls: type, prefix: str, config: Mapping[str, Any]) -> Any:
    """Make a settings dataclass from the keys of a config that start with ``prefix``.

    Args:
        cls: The dataclass; the field ``url`` is read from the key ``<PREFIX>URL``.
        prefix: The start of the keys, such as ``"DB_"``.
        config: The application's configuration.

    Raises:
        SettingsError: When a key is unknown, missing, or of a wrong type.
    """
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    for key in sorted(config) if prefix else ():
        if not key.startswith(prefix):
            continue
        name = key.removeprefix(prefix).lower()
        if name not in fields:
            raise SettingsError(_unknown(key, sorted(prefix + field.upper() for field in fields)))
        values[name] = _checked(key, config[key], hints[name])
    for name, field in fields.items():
        unset = field.default is field.default_factory is dataclasses.MISSING
        if name not in values and unset:
            raise SettingsError(f"The setting {prefix + name.upper()!r} is required.")
    try:
        return cls(**values)
    except SettingsError:
        raise
    except (TypeError, ValueError) as error:  # the dataclass's own __post_init__
        raise SettingsError(f"The settings {prefix}* are not valid: {error}") from error


def _unknown(key: str, known: list[str]) -> str:
    close = get_close_matches(key, known, 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"Unknown setting {key!r}.{hint} Known are: {', '.join(known)}."


def _checked(key: str, value: Any, hint: Any) -> Any:
    """Return a value as its field wants it.

    Raises:
        SettingsError: When it is of another type. Its text is not shown: it may be a secret.
    """
    for choice in _choices(hint):
        if _fits(value, choice):
            return value
    for choice in _choices(hint):
        if choice is Path and isinstance(value, str):
            return Path(value)
        if choice is float and type(value) is int:
            return float(value)
        # JSON and TOML have no tuples.
        if typing.get_origin(choice) is tuple and isinstance(value, list):
            return _checked(key, tuple(value), choice)
    expected = " or ".join(_name_of(choice) for choice in _choices(hint))
    hint = " In an environment variable, it has to be JSON." if isinstance(value, str) else ""
    raise SettingsError(f"The setting {key!r} must be {expected}, not {_type_of(value)}.{hint}")


def _type_of(value: Any) -> str:
    """How the type of a value is called in an error message, with the types of what is in it."""
    name = type(value).__name__
    if isinstance(value, list | tuple | set | frozenset) and value:
        return f"{name} of {' and '.join(sorted({type(each).__name__ for each in value}))}"
    return name


def _choices(hint: Any) -> tuple[Any, ...]:
    """The members of a union, or the type itself."""
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return typing.get_args(hint) if union else (hint,)


def _name_of(hint: Any) -> str:
    """How a type is called in an error message."""
    if hint is type(None):
        return "None"
    plain = isinstance(hint, type) and typing.get_origin(hint) is None
    return hint.__name__ if plain else str(hint).replace("typing.", "")


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type as far as that can be told from its outside."""
    if hint is Any:
        return True
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):  # inside of a container's type
        return any(_fits(value, choice) for choice in arguments)
    if origin is typing.Literal:
        return value in arguments
    if hint is None or hint is type(None):
        return value is None
    if origin is tuple:
        item = arguments[0] if arguments else Any
        return isinstance(value, tuple) and all(_fits(each, item) for each in value)
    if origin in (list, set, frozenset):
        return isinstance(value, origin) and all(_fits(each, arguments[0]) for each in value)
    if isinstance(origin, type) and origin is not None:
        return callable(value) if origin.__name__ == "Callable" else isinstance(value, origin)
    if hint is bool or isinstance(value, bool):
        return type(value) is bool and hint in (bool, object)
    return isinstance(value, hint) if isinstance(hint, type) else True
