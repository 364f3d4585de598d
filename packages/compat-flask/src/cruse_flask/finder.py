"""Finds the modules called ``flask`` in this package, and answers for the distribution "flask"."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.metadata import Distribution, DistributionFinder
from pathlib import Path
from typing import TYPE_CHECKING

from cruse_flask.environment import mirror_environment
from cruse_flask.gone import GONE_MODULES

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = ["FLASK_VERSION", "install", "is_installed"]

#: The version of Flask whose names and signatures these are. Extensions ask for it.
FLASK_VERSION = "3.1.3"
#: The folder of the package ``flask``. A folder of its own, so that nothing else is found there.
FOLDER = Path(__file__).parent / "modules"


class _FlaskDistribution(Distribution):
    """What ``importlib.metadata`` says about "flask"; the real one need not be installed."""

    def read_text(self, filename: str) -> str | None:
        """Return the content of a file of its metadata."""
        if filename != "METADATA":
            return None
        return f"Metadata-Version: 2.1\nName: Flask\nVersion: {FLASK_VERSION}\n"

    def locate_file(self, path: str | os.PathLike[str]) -> Path:  # type: ignore[override,unused-ignore]
        """Return where a file of it is."""
        return FOLDER / path


class _Finder(DistributionFinder):
    """Goes before the finders that would find the real Flask."""

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Find the package; its submodules are found through its ``__path__`` as usual.

        Raises:
            ModuleNotFoundError: For a module that Flask had once; it says what to import instead.
        """
        if name in GONE_MODULES:
            raise ModuleNotFoundError(f"{name!r} is gone. {GONE_MODULES[name]}", name=name)
        return PathFinder.find_spec(name, [str(FOLDER)]) if name == "flask" else None

    def find_distributions(
        self,
        context: DistributionFinder.Context = DistributionFinder.Context(),  # noqa: B008 - the signature of the library
    ) -> Iterable[Distribution]:
        """Find the distribution "flask" by its name; a list of all of them is left alone."""
        if context.name is not None and context.name.lower() == "flask":
            yield _FlaskDistribution()


_FINDER = _Finder()


def is_installed() -> bool:
    """Whether ``import flask`` gives Cruse's classes."""
    return _FINDER in sys.meta_path


def install() -> None:
    """Let ``import flask`` give Cruse's classes, for the rest of the process.

    It may be called any number of times. The real Flask may be installed beside; it is not
    loaded. Environment variables of Flask (``FLASK_DEBUG`` and so on) are read from now on.

    Raises:
        RuntimeError: When the real Flask was imported before: whoever did that has its classes.
    """
    if not is_installed():
        loaded = sys.modules.get("flask")
        if loaded is not None:
            raise RuntimeError(
                f"Flask was imported before, from {getattr(loaded, '__file__', None)}: a part of "
                "the program has its classes, and others would get Cruse's. Call "
                "'cruse_flask.install()' before anything imports 'flask', or let a command do it: "
                "'cruse run --flask', 'python -m cruse_flask run', 'pytest -p cruse_flask.auto'."
            )
        sys.meta_path.insert(0, _FINDER)
    mirror_environment()
