"""What the modules of a package import, read from their source without running it.

The tests of the workspace hold rules on it: which floor may know which, what an extension may use.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

When = Literal["import", "call", "typing"]


@dataclass(frozen=True)
class Import:
    """One imported name.

    ``module`` imports ``source``, or ``name`` out of it (empty for ``import source``): when it is
    imported itself ("import"), when a function runs ("call"), or never at run time ("typing").
    """

    module: str
    source: str
    name: str
    when: When
    line: int
    relative: bool = False

    def __str__(self) -> str:
        what = f"{self.source}.{self.name}" if self.name else self.source
        return f"{self.module}:{self.line} imports {what}"


def modules(source: Path) -> dict[str, Path]:
    """Return the modules below a ``src`` folder, by their dotted names."""
    found = {}
    for path in sorted(source.rglob("*.py")):
        dotted = ".".join(path.relative_to(source).with_suffix("").parts)
        found[dotted.removesuffix(".__init__")] = path
    return found


def imports(module: str, path: Path) -> list[Import]:
    """Return all imports of a module, in no particular order."""
    return list(_walk(module, ast.parse(path.read_text(encoding="utf-8")), "import"))


def target(found: Import, known: dict[str, Path]) -> str | None:
    """Return which of the ``known`` modules an import names, if any."""
    for dotted in (f"{found.source}.{found.name}", found.source):
        if dotted in known:
            return dotted
    return None


def _walk(module: str, node: ast.AST, when: When) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(module, alias.name, "", when, node.lineno)
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield Import(
                module, node.module or "", alias.name, when, node.lineno, relative=node.level > 0
            )
    elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        yield from _walk_all(module, node.body, "typing")
        yield from _walk_all(module, node.orelse, when)
    else:
        function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        inside: When = "call" if function and when == "import" else when
        yield from _walk_all(module, ast.iter_child_nodes(node), inside)


def _walk_all(
    module: str, nodes: Iterator[ast.AST] | list[ast.stmt], when: When
) -> Iterator[Import]:
    for node in nodes:
        yield from _walk(module, node, when)
