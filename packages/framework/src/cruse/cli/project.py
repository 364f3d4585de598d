"""The settings of a project's command line: ``[tool.cruse]`` in its ``pyproject.toml``.

The nearest file that has the table counts, in the working directory or above it. Environment
variables, those of ``.env`` among them, go before it, and what is typed goes before both. Click
does that by itself once the table is the ``default_map`` of the command line.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

__all__ = ["Project", "find_project"]

_PATH, _PATHS = "a path", "a list of paths"
_NAMES = {str: "text", int: "a whole number", bool: "true or false", list: "a list of text"}

#: The keys of the table, in the words of the options: what each holds.
_GLOBAL: dict[str, Any] = {"app": str, "env-file": _PATH}
_RUN: dict[str, Any] = {
    "host": str,
    "port": int,
    "debug": bool,
    "reload": bool,
    "debugger": bool,
    "with-threads": bool,
    "cert": str,
    "key": _PATH,
    "extra-files": _PATHS,
    "exclude-patterns": list,
}
#: The keys of ``[tool.cruse.serve]``.
_SERVE: dict[str, Any] = {
    "host": str,
    "port": int,
    "workers": int,
    "threads": int,
    "interface": str,
    "access-log": bool,
    "cert": _PATH,
    "key": _PATH,
    "stop-timeout": int,
}


@dataclass(frozen=True)
class Project:
    """What a project says about its command line.

    Args:
        folder: Where its ``pyproject.toml`` is.
        everywhere: Values of the options in front of a command.
        run: Values of the options of ``cruse run``.
        serve: Values of the options of ``cruse serve``.
    """

    folder: Path
    everywhere: dict[str, Any] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)
    serve: dict[str, Any] = field(default_factory=dict)

    def default_map(self) -> dict[str, Any]:
        """Return the values as click takes them, for a group's context."""
        return {**self.everywhere, "run": self.run, "serve": self.serve}


def find_project(start: Path | None = None) -> Project:
    """Return the settings of the project that a folder is in, empty ones outside of a project.

    Args:
        start: The folder; the working directory unless given.

    Raises:
        click.UsageError: When the file can't be read, or a key is unknown or of a wrong type.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        table = _read(file) if file.is_file() else None
        if table is not None:
            return _project(file, table, start)
    return Project(start)


def _read(file: Path) -> Any:
    """Return the table of a file, ``None`` when it has none."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.UsageError(f"Cannot read {file}: {error}") from None
    return content.get("tool", {}).get("cruse")


def _project(file: Path, table: Any, start: Path) -> Project:
    if not isinstance(table, dict):
        raise click.UsageError(f"{file}: 'cruse' in [tool] must be a table: write [tool.cruse].")
    table = dict(table)
    serve = table.pop("serve", {})
    if not isinstance(serve, dict):
        raise click.UsageError(f"{file}: write [tool.cruse.serve] as a table.")
    values = _checked(file, "[tool.cruse]", table, {**_GLOBAL, **_RUN})
    everywhere = {_name(key): values.pop(_name(key)) for key in _GLOBAL if _name(key) in values}
    if "app" in everywhere and file.parent != start:
        # Found from a folder further down: the module is still beside the file.
        everywhere["app"] = str(file.parent / everywhere["app"])
    return Project(
        file.parent,
        everywhere,
        run=values,
        serve=_checked(file, "[tool.cruse.serve]", serve, _SERVE),
    )


def _name(key: str) -> str:
    """The parameter that the option ``--key`` sets."""
    return key.replace("-", "_")


def _checked(
    file: Path, where: str, table: dict[str, Any], known: dict[str, Any]
) -> dict[str, Any]:
    """Return a table's values by parameter, with paths made absolute.

    Raises:
        click.UsageError: When a key is unknown, or its value is of a wrong type.
    """
    values = {}
    for key, value in table.items():
        if key not in known:
            close = get_close_matches(key.replace("_", "-"), known, 1)
            hint = f"Did you mean {close[0]!r}?" if close else f"Known are: {', '.join(known)}."
            raise click.UsageError(f"{file}: {where} has an unknown key {key!r}. {hint}")
        kind = known[key]
        expected = {_PATH: str, _PATHS: list}.get(kind, kind)
        if type(value) is not expected or (
            expected is list and not all(isinstance(item, str) for item in value)
        ):
            raise click.UsageError(f"{file}: {key!r} in {where} must be {_NAMES[expected]}.")
        values[_name(key)] = _absolute(file.parent, value, kind)
    return values


def _absolute(folder: Path, value: Any, kind: Any) -> Any:
    if kind == _PATH:
        return str(folder / value)
    if kind == _PATHS:
        value = [str(folder / item) for item in value]
    # Several values of one option are separated as in PATH.
    return os.pathsep.join(value) if isinstance(value, list) else value
