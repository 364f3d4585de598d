"""Finds the application that a command line names.

``module:name`` and ``module:factory(args)`` name it outright; a bare module is searched for the
usual names. Nothing here evaluates code from the command line: arguments are literals.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple, TypeGuard, overload

import click

from cruse.app import Cruse

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

__all__ = [
    "BrokenImportException",
    "NoAppException",
    "find_app",
    "find_app_by_string",
    "find_best_app",
    "locate_app",
    "prepare_import",
]

APP_NAMES = ("app", "application")
FACTORY_NAMES = ("create_app", "make_app")
DEFAULT_FILES = ("wsgi.py", "app.py")


class NoAppException(click.UsageError):
    """The application that a command needs could not be found or loaded."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message alone: the usage of the command has nothing to do with it."""
        message = f"Error: {self.format_message()}"
        click.echo(message, file=file, err=file is None)


class BrokenImportException(NoAppException):
    """The module is there, but can't be imported; the message says where it fails."""


class _Reference(NamedTuple):
    """A name in a module, and the arguments to call it with when it was written as a call."""

    name: str
    args: list[Any]
    kwargs: dict[str, Any]


def find_app(import_path: str | None) -> Cruse:
    """Return the application at ``import_path``, or in the default files of the working directory.

    Args:
        import_path: ``module``, ``module:name`` or ``module:factory(literal, ...)``, where the
            module is a dotted name or a file path. ``None`` looks at ``wsgi.py`` and ``app.py``.

    Raises:
        NoAppException: When there is none; its message says what to do.
    """
    if import_path:
        # A colon before a slash belongs to a Windows drive.
        path, *name = re.split(r":(?![\\/])", import_path, maxsplit=1)
        return locate_app(prepare_import(path), name[0] if name else None)
    for file in DEFAULT_FILES:
        found = locate_app(prepare_import(file), None, raise_if_not_found=False)
        if found is not None:
            return found
    raise NoAppException(
        f"No application found in {Path.cwd()}. Name it with 'cruse --app module:name', in the "
        "environment variable CRUSE_APP or as 'app' in [tool.cruse] of pyproject.toml, put it in "
        "'app.py' or 'wsgi.py' there, or begin one with 'cruse new'."
    )


def prepare_import(path: str) -> str:
    """Return the dotted name of a module given by name or file, and make it importable.

    The folder that holds the outermost package goes to the front of ``sys.path``.
    """
    location = Path(path).resolve()
    if location.suffix == ".py":
        location = location.with_suffix("")
    if location.name == "__init__":
        location = location.parent
    names = [location.name]
    folder = location.parent
    while (folder / "__init__.py").exists():
        names.insert(0, folder.name)
        folder = folder.parent
    if not sys.path or sys.path[0] != str(folder):
        sys.path.insert(0, str(folder))
    return ".".join(names)


@overload
def locate_app(
    module_name: str, app_name: str | None, raise_if_not_found: Literal[True] = True
) -> Cruse: ...
@overload
def locate_app(
    module_name: str, app_name: str | None, raise_if_not_found: bool
) -> Cruse | None: ...
def locate_app(
    module_name: str, app_name: str | None, raise_if_not_found: bool = True
) -> Cruse | None:
    """Import a module and find the application in it.

    Args:
        module_name: A dotted name that is importable; see :func:`prepare_import`.
        app_name: A name or a call in the module; ``None`` searches for the usual names.
        raise_if_not_found: Whether a missing module is an error rather than ``None``.

    Raises:
        NoAppException: When the module is missing or has no application.
        BrokenImportException: When it fails to import something, or is no valid Python. Other
            errors of the module are raised as they are.
    """
    try:
        module = import_module(module_name)
    except SyntaxError as error:
        # Where it is, without the many frames of the import that led there.
        raise BrokenImportException(
            f"While importing {module_name!r}, a {type(error).__name__} was raised:\n\n"
            + "".join(traceback.format_exception_only(error))
        ) from None
    except ImportError as error:
        inner = _inside_module(error)
        if inner is not None:
            raise BrokenImportException(
                f"While importing {module_name!r}, an ImportError was raised:\n\n{inner}"
            ) from None
        if not raise_if_not_found:
            return None
        raise NoAppException(
            f"Could not import {module_name!r}. Run the command from the folder that holds it, "
            "or give its path: --app path/to/module.py."
        ) from None
    return find_best_app(module) if app_name is None else find_app_by_string(module, app_name)


def _inside_module(error: ImportError) -> str | None:
    """Return the traceback as text when the error arose in imported code, not in finding it."""
    tb = error.__traceback__
    while tb is not None and _is_import_machinery(tb.tb_frame.f_code.co_filename):
        tb = tb.tb_next
    if tb is None:
        return None
    text = "".join(traceback.format_exception(type(error), error, tb))
    if "partially initialized module" not in text:
        return text
    return (
        f"{text}\nTwo modules import each other, and one of them is not complete yet. "
        "app.include('package.module') imports a part when the application starts, so that it may "
        "import the application's module."
    )


def _is_import_machinery(filename: str) -> bool:
    return filename.startswith("<frozen importlib") or filename in (
        __file__,
        import_module.__code__.co_filename,
    )


def find_best_app(module: ModuleType) -> Cruse:
    """Return the application of a module that was named without saying which one.

    Tried in this order: the names ``app`` and ``application``, the only instance there is, the
    factories ``create_app`` and ``make_app`` called without arguments.

    Raises:
        NoAppException: When none is there, or several are, or a factory needs arguments.
    """
    for name in APP_NAMES:
        candidate = getattr(module, name, None)
        if _is_app(candidate):
            return candidate
    names = _apps_in(module)
    if len(names) == 1:
        return vars(module)[names[0]]  # type: ignore[no-any-return]
    if names:
        raise NoAppException(
            f"Several applications in module {module.__name__!r}: {', '.join(names)}. "
            f"Say which one: --app {module.__name__}:{names[0]}."
        )
    for name in FACTORY_NAMES:
        factory = getattr(module, name, None)
        if callable(factory):
            return _call_factory(module, factory, _Reference(name, [], {}))
    for name in APP_NAMES:
        other = getattr(module, name, None)  # such as a Flask, whose import was not changed
        if other is not None and not inspect.ismodule(other):
            kind = type(other)
            raise NoAppException(
                f"'{module.__name__}:{name}' is a {kind.__module__}.{kind.__name__}, not a Cruse "
                f"application.{_flask_hint(other)}"
            )
    raise NoAppException(
        f"No application or factory in module {module.__name__!r}. "
        f"Say what it is called: --app {module.__name__}:name."
    )


def find_app_by_string(module: ModuleType, app_name: str) -> Cruse:
    """Return the application that ``app_name``, a name or a call with literals, gives.

    Raises:
        NoAppException: When it is neither, is not there, or gives something else.
    """
    reference = _parse_reference(app_name)
    try:
        found = getattr(module, reference.name)
    except AttributeError:
        names = _apps_in(module)
        hint = f"The applications in it: {', '.join(names)}." if names else "Check the spelling."
        raise NoAppException(
            f"Module {module.__name__!r} has no {reference.name!r}. {hint}"
        ) from None
    if _is_app(found):
        return found
    hint = _flask_hint(found)
    if callable(found) and not hint:
        return _call_factory(module, found, reference)
    raise NoAppException(
        f"'{module.__name__}:{app_name}' is a {type(found).__name__}, not a Cruse application."
        f"{hint or ' Name the application or a function that returns it.'}"
    )


def _flask_hint(found: Any) -> str:
    """Return what to do with an application of Flask, to go on a sentence; else nothing."""
    if not any(cls.__module__.partition(".")[0] == "flask" for cls in type(found).__mro__):
        return ""
    return (
        " An application of Flask runs as it is with 'cruse --flask', of cruse-flask: "
        "pip install 'cruse[flask]'."
    )


def _parse_reference(app_name: str) -> _Reference:
    try:
        expression = ast.parse(app_name.strip(), mode="eval").body
    except SyntaxError:
        expression = None
    match expression:
        case ast.Name(id=name):
            return _Reference(name, [], {})
        case ast.Call(func=ast.Name(id=name)):
            return _Reference(name, *_literals(expression, app_name))
    raise NoAppException(
        f"Cannot read {app_name!r} as a name or a call. "
        "Write 'module:name' or 'module:factory(\"argument\")'."
    )


def _literals(call: ast.Call, app_name: str) -> tuple[list[Any], dict[str, Any]]:
    try:
        args = [ast.literal_eval(value) for value in call.args]
        kwargs = {kw.arg: ast.literal_eval(kw.value) for kw in call.keywords if kw.arg}
    except ValueError:
        raise NoAppException(
            f"Cannot read the arguments of {app_name!r}. "
            "Give literals: strings, numbers, True, False, None, lists, dicts."
        ) from None
    return args, kwargs


def _call_factory(module: ModuleType, factory: Callable[..., Any], reference: _Reference) -> Cruse:
    """Call an application factory; what it raises itself comes through as it is."""
    where = f"{module.__name__}:{reference.name}"
    try:
        inspect.signature(factory).bind(*reference.args, **reference.kwargs)
    except TypeError as error:
        raise NoAppException(
            f"The factory '{where}' cannot be called like that: {error}. "
            f"Give its arguments: --app '{where}(...)'."
        ) from None
    app = factory(*reference.args, **reference.kwargs)
    if not _is_app(app):
        raise NoAppException(
            f"'{where}' returned a {type(app).__name__}, not a Cruse application."
            f"{_flask_hint(app) or ' Return the application from it.'}"
        )
    return app


def _is_app(candidate: object) -> TypeGuard[Cruse]:
    # By type(), because the proxy current_app passes for an application while one is active.
    return issubclass(type(candidate), Cruse)


def _apps_in(module: ModuleType) -> list[str]:
    """Return a name for each application of a module, the first of several for the same one."""
    names: dict[int, str] = {}
    for name, value in vars(module).items():
        if _is_app(value):
            names.setdefault(id(value), name)
    return list(names.values())
