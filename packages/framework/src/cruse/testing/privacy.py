"""Finds where a package uses private names of the core."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["private_uses"]

CORE = "cruse"
#: Public in spite of its underscore: it is how werkzeug's and our proxies are seen through.
ALLOWED = {"_get_current_object"}


def private_uses(package: str) -> list[str]:
    """Return ``file:line: what`` for each private name of the core that ``package`` uses.

    An attribute counts when its name is private, the core defines it and the package itself does
    not. That is told from the source alone, so a name made up at run time is not seen.

    Args:
        package: The import name of an installed package, or of a module in one.
    """
    package = package.partition(".")[0]
    own = {path: ast.parse(path.read_bytes()) for path in _sources(package)}
    core = [ast.parse(path.read_bytes()) for path in _sources(CORE)]
    foreign = _private_definitions(core) - _private_definitions(own.values()) - ALLOWED
    return [
        f"{path}:{line}: {what}"
        for path, tree in own.items()
        for line, what in _uses(tree, foreign)
    ]


def _sources(package: str) -> list[Path]:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"There is no package {package!r} with source files.")
    folders = spec.submodule_search_locations
    if not folders:
        return [Path(spec.origin)]
    return sorted(path for folder in folders for path in Path(folder).rglob("*.py"))


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name.strip("_") != ""


def _private_definitions(trees: Iterable[ast.AST]) -> set[str]:
    """Return every private name that is defined or assigned to somewhere."""
    names: set[str] = set()
    for tree in trees:
        for node in ast.walk(tree):
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    names.add(name)
                case ast.ClassDef(name=name):
                    names.add(name)
                case (
                    ast.Attribute(attr=name, ctx=ast.Store()) | ast.Name(id=name, ctx=ast.Store())
                ):
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
