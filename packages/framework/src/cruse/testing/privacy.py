"""Finds where a package uses private names of the core."""

from __future__ import annotations

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.machinery import ModuleSpec

__all__ = ["private_uses"]

CORE = "cruse"
#: Public in spite of its underscore: it is how werkzeug's and our proxies are seen through.
ALLOWED = {"_get_current_object"}


def private_uses(package: str) -> list[str]:
    """Return ``file:line: what`` for each private name of the core that ``package`` uses.

    An attribute counts when its name is private, the core defines it and the package itself does
    not. That is told from the source alone, so a name made up at run time is not seen.

    Args:
        package: The import name of a package, or of a module in one: then all of it is looked at.
    """
    own = {path: ast.parse(path.read_bytes()) for path in _sources(package)}
    foreign = _private_names_of_the_core() - _private_definitions(own.values()) - ALLOWED
    return [
        f"{path}:{line}: {what}"
        for path, tree in own.items()
        for line, what in _uses(tree, foreign)
    ]


@cache
def _private_names_of_the_core() -> set[str]:
    return _private_definitions(ast.parse(path.read_bytes()) for path in _sources(CORE))


def _sources(name: str) -> list[Path]:
    """Return the files of the outermost regular package that a module is in, or the module's."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        spec = _find(".".join(parts[:end]))
        if spec is None or spec.origin is None:  # a namespace package belongs to many
            continue
        folders = spec.submodule_search_locations or ()
        files = [path for folder in folders for path in Path(folder).rglob("*.py")]
        return sorted(files) or [Path(spec.origin)]
    raise ModuleNotFoundError(f"There is no package {name!r} with source files.")


def _find(name: str) -> ModuleSpec | None:
    try:
        return find_spec(name)
    except (ModuleNotFoundError, ValueError):  # no such parent, or a module made by hand
        return None


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name.strip("_") != ""


def _private_definitions(trees: Iterable[ast.AST]) -> set[str]:
    """Return every private name that is defined somewhere, attributes of ``self`` included."""
    names: set[str] = set()
    for tree in trees:
        for node in ast.walk(tree):
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    names.add(name)
                case ast.ClassDef(name=name):
                    names.add(name)
                case ast.Name(id=name, ctx=ast.Store()):
                    names.add(name)
                case ast.Attribute(ast.Name("self" | "cls"), name, ast.Store()):
                    names.add(name)
    return {name for name in names if _is_private(name)}


def _uses(tree: ast.AST, foreign: set[str]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), names=names) if _is_core(module):
                for name in [*module.split("."), *(alias.name for alias in names)]:
                    if _is_private(name):
                        yield node.lineno, f"import of {name!r} from {module!r}"
            case ast.Import(names=names):
                for alias in names:
                    if _is_core(alias.name) and any(map(_is_private, alias.name.split("."))):
                        yield node.lineno, f"import of {alias.name!r}"
            case ast.Attribute(attr=name) if name in foreign:
                yield node.lineno, f"attribute {name!r}"


def _is_core(module: str) -> bool:
    return module == CORE or module.startswith(f"{CORE}.")
