"""An extension uses what the core offers to everyone, and does not lean on another extension."""

import ast
from pathlib import Path

import pytest

from tools.imports import imports, modules

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {path.parent.name: path for path in sorted(ROOT.glob("packages/*-*/src"))}
PACKAGES = {next(path.glob("cruse_*")).name for path in SOURCES.values()}


# What a proxy stands for: public in Werkzeug and Flask, underscored not to hide an attribute.
PUBLIC = {"_get_current_object"}


def private(dotted: str) -> bool:
    """Whether a part of a dotted name is private: ``_x``, but not ``__version__``."""
    parts = dotted.split(".")
    return any(
        part.startswith("_") and not part.startswith("__") and part not in PUBLIC for part in parts
    )


@pytest.fixture(params=SOURCES, scope="module")
def source(request):
    return SOURCES[request.param]


def test_it_imports_nothing_private_of_the_core(source):
    for dotted, path in modules(source).items():
        for found in imports(dotted, path):
            if found.source == "cruse" or found.source.startswith("cruse."):
                assert not private(f"{found.source}.{found.name}"), found


def core_names(tree: ast.Module) -> set[str]:
    """The names that a module binds to something of the core by importing it."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            aliases = [alias for alias in node.names if alias.name.split(".")[0] == "cruse"]
            names.update((alias.asname or alias.name).split(".")[0] for alias in aliases)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "cruse":
            names.update(alias.asname or alias.name for alias in node.names)
    return names


def root_name(node: ast.expr) -> str | None:
    """The name that a chain such as ``request.app.config`` starts with."""
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def test_it_touches_no_private_attribute_of_the_core(source):
    for dotted, path in modules(source).items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        ours = core_names(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and private(node.attr):
                where = f"{dotted}:{node.lineno} {ast.unparse(node)}"
                assert root_name(node.value) not in ours, where


def test_it_imports_no_other_extension(source):
    for dotted, path in modules(source).items():
        others = PACKAGES - {dotted.split(".")[0]}
        for found in imports(dotted, path):
            if found.when == "import":
                assert found.source.split(".")[0] not in others, found
