"""Where an application keeps the files of one installation: the instance folder."""

from __future__ import annotations

import importlib.util
import os
import sys

__all__ = ["find_instance_path", "find_package"]


def find_package(import_name: str) -> tuple[str | None, str]:
    """Return the prefix that a module is installed under, if any, and the folder it lies in.

    The folder is that of the top-level package or module.
    """
    folder = _folder_of(import_name.partition(".")[0])
    prefix = os.path.realpath(sys.prefix)
    if folder == prefix or folder.startswith(os.path.join(prefix, "")):
        return prefix, folder
    parent, name = os.path.split(folder)
    if name.lower() == "site-packages":  # installed for another interpreter, or the user
        # "lib/site-packages" on Windows, "lib/python3.13/site-packages" elsewhere.
        for lib in (parent, os.path.dirname(parent)):
            if os.path.basename(lib).lower() == "lib":
                return os.path.dirname(lib), folder
        return parent, folder
    return None, folder


def _folder_of(top_level: str) -> str:
    try:
        spec = importlib.util.find_spec(top_level)
    except (ImportError, ValueError):  # "__main__" of an interactive session has no spec
        spec = None
    if spec is None or spec.origin in (None, "namespace", "built-in"):
        if spec is not None and spec.submodule_search_locations:
            return _parent(next(iter(spec.submodule_search_locations)))
        main = getattr(sys.modules.get(top_level), "__file__", None)
        return _parent(main) if main else os.getcwd()
    folder = _parent(str(spec.origin))
    return os.path.dirname(folder) if spec.submodule_search_locations else folder


def _parent(path: str) -> str:
    return os.path.dirname(os.path.realpath(path))


def find_instance_path(import_name: str, name: str) -> str:
    """Return the instance folder: beside the package, or below the prefix it is installed in."""
    prefix, folder = find_package(import_name)
    if prefix is None:
        return os.path.join(folder, "instance")
    return os.path.join(prefix, "var", f"{name}-instance")
