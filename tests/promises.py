"""The tests that hold what an extension promises."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def names_in(folder, module):
    """Return the names of the tests, and other functions, in a module that is not imported.

    Args:
        folder: Its folder, from the root of the workspace.
        module: Its name.
    """
    tree = ast.parse((ROOT / folder / f"{module}.py").read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
