r"""Settings of the environment from ``.env`` files, for development.

A file holds one ``NAME=value`` a line. What is understood::

    # a comment; empty lines are skipped
    PLAIN=value with spaces          # a comment starts at a "#" after white space
    export SHELL_STYLE=1             # so that a shell can source the file, too
    SINGLE='taken as it is: $HOME, \n, #'
    DOUBLE="escapes: \n \r \t \\ \" \$, and line breaks
    within the quotes"
    URL=postgresql://${DB_HOST}/app  # ${NAME} in plain and double-quoted values
    PORT=${PORT:-8000}               # with a default for a variable that is unset or empty

``${NAME}`` means the real environment first, then the lines above; an unknown one is empty. A bare
``$NAME`` is text. That is all: no commands, no nesting.
"""

from __future__ import annotations

import os
import re
from collections import ChainMap
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping

__all__ = ["find_dotenv", "load_dotenv", "parse_dotenv"]

#: The files looked for, the one that wins last.
_FILES = (".cruseenv", ".env")

_LINE = re.compile(
    r"""
    [ \t]* (?: export [ \t]+ )? (?P<name> [^\s=\#'"]+ ) [ \t]* = [ \t]*
    (?:
        ' (?P<single> [^']* ) '
      | " (?P<double> (?: [^"\\] | \\. )* ) "
      | (?P<plain> (?!['"]) [^\n]*? )
    )
    [ \t]* (?: (?<=\s) \# [^\n]* )? (?: \n | \Z )
    """,
    re.VERBOSE | re.DOTALL,
)
_BLANK = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_VARIABLE = re.compile(r"\$\{(?P<name>[^}:]+)(?::-(?P<default>[^}]*))?\}")
_ESCAPE_OR_VARIABLE = re.compile(rf"\\(?P<escaped>.)|{_VARIABLE.pattern}", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "$": "$"}


def parse_dotenv(
    text: str, environ: MutableMapping[str, str] | None = None, source: str = ".env"
) -> dict[str, str]:
    """Read the variables of a ``.env`` file's text.

    Args:
        text: The content of the file.
        environ: Where ``${NAME}`` is looked up first; ``os.environ`` when it is not given.
        source: The name of the file, for error messages.

    Raises:
        ValueError: For a line that is not understood. The message holds its number, never its
            text, which may be a secret.
    """
    environ = os.environ if environ is None else environ
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    values: dict[str, str] = {}
    position = 0
    while position < len(text):
        if blank := _BLANK.match(text, position):
            position = blank.end()
            continue
        line = _LINE.match(text, position)
        if line is None:
            number = text.count("\n", 0, position) + 1
            raise ValueError(
                f"{source}, line {number}: expected NAME=value, with quotes that are closed."
            )
        values[line["name"]] = _value(line, ChainMap(environ, values))
        position = line.end()
    return values


def _value(line: re.Match[str], known: ChainMap[str, str]) -> str:
    """Return the value of one line with its escapes and variables resolved."""

    def expand(match: re.Match[str]) -> str:
        return known.get(match["name"]) or match["default"] or ""

    def unescape_or_expand(match: re.Match[str]) -> str:
        escaped = match["escaped"]
        return expand(match) if escaped is None else _ESCAPES.get(escaped, match[0])

    if line["single"] is not None:
        return line["single"]
    if line["double"] is not None:
        return _ESCAPE_OR_VARIABLE.sub(unescape_or_expand, line["double"])
    return _VARIABLE.sub(expand, line["plain"])


def find_dotenv(name: str, start: str | os.PathLike[str] = ".") -> Path | None:
    """Return the file of that name in the folder ``start`` or the nearest one above it."""
    folder = Path(start).resolve()
    for parent in (folder, *folder.parents):
        if (candidate := parent / name).is_file():
            return candidate
    return None


def load_dotenv(
    path: str | os.PathLike[str] | None = None,
    load_defaults: bool = True,
) -> bool:
    """Put the variables of ``.env`` files into ``os.environ``; what is set there already stays.

    Args:
        path: A file to read besides; it wins over the others.
        load_defaults: Look for ``.env`` and ``.cruseenv`` in the current folder and those above
            it; ``.env`` wins over ``.cruseenv``.

    Returns:
        Whether a file was read.

    Raises:
        OSError: When the file ``path`` cannot be read.
        ValueError: When a file is not in UTF-8, or holds a line that is not understood.
    """
    files = [found for name in _FILES if load_defaults and (found := find_dotenv(name))]
    if path is not None:
        files.append(Path(path))
    values: dict[str, str] = {}
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # UTF-16, which PowerShell's ">" writes
            raise ValueError(f"{file} is not in UTF-8. Save it in that encoding.") from None
        values |= parse_dotenv(text, source=str(file))
    for name, value in values.items():
        os.environ.setdefault(name, value)
    return bool(files)
