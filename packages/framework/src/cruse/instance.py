"""Where an application keeps the files of one installation: the instance folder."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

__all__ = ["find_instance_path", "find_package"]


def find_package(import_name: str) -> tuple[str | None, str]:
    """Return the prefix that a module is installed under, if any, and the folder it lies in.

    The folder is that of the top-level package or module.
    """
    folder = _folder_of(import_name.partition(".")[0])
    prefix = Path(sys.prefix).resolve()
    if folder.is_relative_to(prefix):
        return str(prefix), str(folder)
    if folder.name.lower() == "site-packages":  # installed for another interpreter, or the user
        # "lib/site-packages" on Windows, "lib/python3.13/site-packages" elsewhere.
        parent = folder.parent
        lib = next((p for p in (parent, parent.parent) if p.name.lower() == "lib"), None)
        return str(parent if lib is None else lib.parent), str(folder)
    return None, str(folder)


def _folder_of(top_level: str) -> Path:
    try:
        spec = importlib.util.find_spec(top_level)
    except (ImportError, ValueError):  # "__main__" of an interactive session has no spec
        spec = None
    if spec is None or spec.origin in (None, "namespace", "built-in"):
        if spec is not None and spec.submodule_search_locations:
            return Path(next(iter(spec.submodule_search_locations))).resolve().parent
        main = getattr(sys.modules.get(top_level), "__file__", None)
        return Path(main).resolve().parent if main else Path.cwd()
    origin = Path(str(spec.origin)).resolve()
    return origin.parent.parent if spec.submodule_search_locations else origin.parent


def find_instance_path(import_name: str, name: str) -> str:
    """Return the instance folder: beside the package, or below the prefix it is installed in."""
    prefix, folder = find_package(import_name)
    if prefix is None:
        return os.path.join(folder, "instance")
    return os.path.join(prefix, "var", f"{name}-instance")
