"""Finding an application's models: a model is known once its module was imported."""

from __future__ import annotations

import pkgutil
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Discovered", "import_models"]


class Discovered(NamedTuple):
    """Where models were looked for."""

    package: str
    #: The modules that were found, and imported.
    modules: list[str]

    def __str__(self) -> str:
        found = ", ".join(self.modules) or "none"
        return f"the modules named 'models' below {self.package!r}: {found}"


def import_models(import_name: str) -> Discovered:
    """Import every module named ``models``, and those in packages of that name.

    Args:
        import_name: That of the application.
    """
    root = import_name.partition(".")[0]
    module = sys.modules.get(root)
    path = getattr(module, "__path__", None)
    found = sorted(_models(root, path)) if path else []
    for name in found:
        import_module(name)
    return Discovered(root, found)


def _models(package: str, path: list[str]) -> Iterator[str]:
    """Yield the names of modules without importing anything but packages of models."""
    for info in pkgutil.iter_modules(path):
        name = f"{package}.{info.name}"
        if info.name == "models" or package.rpartition(".")[2] == "models":
            yield name
        if info.ispkg:
            yield from _models(name, [f"{path[0]}/{info.name}"])
