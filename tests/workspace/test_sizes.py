"""A function fits on a screen, and a module can be read in one sitting."""

import ast
from pathlib import Path

import pytest

from tools.imports import modules

ROOT = Path(__file__).resolve().parents[2]
LONGEST_FUNCTION = 50
LONGEST_MODULE = 600
SOURCES = sorted(ROOT.glob("packages/*/src"))

Function = ast.FunctionDef | ast.AsyncFunctionDef


def length(function: Function) -> int:
    """The lines of a function, without its docstring."""
    told = ast.get_docstring(function) is not None
    docstring = function.body[0] if told else None
    lines = (function.end_lineno or 0) - function.lineno + 1
    return lines - ((docstring.end_lineno or 0) - docstring.lineno + 1 if docstring else 0)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.parent.name)
def test_no_function_is_longer_than_a_screen(source):
    long = [
        f"{dotted}:{node.lineno} {node.name}: {length(node)} lines"
        for dotted, path in modules(source).items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, Function) and length(node) > LONGEST_FUNCTION
    ]
    assert long == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.parent.name)
def test_no_module_is_longer_than_one_reads(source):
    sizes = {dotted: path.read_text().count("\n") for dotted, path in modules(source).items()}
    assert {dotted: lines for dotted, lines in sizes.items() if lines > LONGEST_MODULE} == {}
