"""Parts of an application that are named instead of imported, and imported when it starts.

A module of views needs the application, or what it keeps, and the application needs the module:
whoever imports first finds the other half made. ``app.include("pkg.views")`` breaks that circle,
because nothing is imported before everything is there.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from cruse.blueprints import Blueprint
from cruse.colors import is_async

if TYPE_CHECKING:
    from types import ModuleType

    from cruse.app import Cruse

__all__ = ["Include", "IncludeError", "load_includes"]


class IncludeError(RuntimeError):
    """What ``app.include`` named can't be imported, or has nothing to register."""


class Include(NamedTuple):
    """One call of ``app.include``."""

    target: str
    options: dict[str, Any]
    #: File and line of the call.
    where: str

    def error(self, why: str) -> IncludeError:
        """Make the error that names this call."""
        return IncludeError(f"include({self.target!r}), written at {self.where}: {why}")


def caller() -> str:
    """Return file and line of the code, outside of this package, that called into it."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("cruse."):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def load_includes(app: Cruse, waiting: list[Include]) -> None:
    """Import and register what waits, in order; what that includes itself comes last.

    Raises:
        IncludeError: With its cause; what failed waits on, so that it can be tried again.
    """
    while waiting:
        # Taken off before, because importing it may come back here.
        include = waiting.pop(0)
        try:
            _load(app, include)
        except BaseException:
            waiting.insert(0, include)
            raise


def _load(app: Cruse, include: Include) -> None:
    module_name, colon, name = include.target.partition(":")
    before = app.changes.count
    try:
        module = import_module(module_name)
    except Exception as error:
        raise include.error(
            f"importing {module_name!r} failed with {type(error).__name__}: {error}"
        ) from error
    if colon:
        _register_name(app, include, module, name)
        return
    blueprints = _defined_in(module)
    for blueprint in blueprints:
        app.register_blueprint(blueprint, **include.options)
    # A module that has the application in its globals has used it: @app.get(...).
    used_app = app.changes.count != before or any(v is app for v in vars(module).values())
    if not blueprints and (include.options or not used_app):
        raise include.error(_nothing_in(module))


def _defined_in(module: ModuleType) -> list[Blueprint]:
    """Return the blueprints that a module made, not those that it imported, each once."""
    found = {
        id(value): value
        for value in vars(module).values()
        if issubclass(type(value), Blueprint) and value.import_name == module.__name__
    }
    nested = {id(inner) for blueprint in found.values() for inner, _ in blueprint._blueprints}
    return [blueprint for key, blueprint in found.items() if key not in nested]


def _nothing_in(module: ModuleType) -> str:
    imported = [name for name, value in vars(module).items() if issubclass(type(value), Blueprint)]
    hint = (
        f"It imports {imported[0]!r} from elsewhere: if that is meant, include "
        f"'{module.__name__}:{imported[0]}'."
        if imported
        else f"Make a Blueprint there, or name a function: '{module.__name__}:function'."
    )
    return f"the module {module.__name__!r} has no blueprint of its own to register. {hint}"


def _register_name(app: Cruse, include: Include, module: ModuleType, name: str) -> None:
    try:
        found = getattr(module, name)
    except AttributeError:
        raise include.error(
            f"the module {module.__name__!r} has no {name!r}. Check the spelling."
        ) from None
    if issubclass(type(found), Blueprint):
        app.register_blueprint(found, **include.options)
    elif callable(found) and not isinstance(found, type) and not is_async(found):
        found(app, **include.options)
    else:
        raise include.error(
            f"{name!r} is a {type(found).__name__}. Name a blueprint, or a plain function, which "
            "is called with the application."
        )
