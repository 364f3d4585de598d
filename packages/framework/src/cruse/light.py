"""Let ``import werkzeug.something`` load that something only.

``werkzeug/__init__.py`` imports its development server and its test client, and with them the
standard library's HTTP server and client, ``email``, ``ssl`` and ``socket``: more than a third of
what importing a framework on it takes, and nothing that an application needs to serve. Python runs
a package's ``__init__`` before any of its modules. So the package is put in place without having
run; it runs when somebody asks for one of the names that it gives: ``werkzeug.Client``.
"""

from __future__ import annotations

import sys
import threading
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from typing import Any

__all__ = ["put_off"]


def put_off(name: str) -> None:
    """Let a package run when it is first asked for a name that it does not have yet.

    Args:
        name: The package. One that is imported already stays as it is.
    """
    if name in sys.modules:
        return
    spec = find_spec(name)
    loader = None if spec is None else spec.loader
    if spec is None or loader is None:
        return  # importing it says so
    package = module_from_spec(spec)
    names = package.__dict__
    running = threading.RLock()

    def run_and_get(attribute: str) -> Any:
        if find_spec(f"{name}.{attribute}") is not None:  # one of its modules
            return import_module(f"{name}.{attribute}")
        with running:
            if names.get("__getattr__") is run_and_get:
                del names["__getattr__"]
                try:
                    loader.exec_module(package)
                except BaseException:
                    names["__getattr__"] = run_and_get
                    raise
        return getattr(package, attribute)

    names["__getattr__"] = run_and_get
    sys.modules.setdefault(name, package)
