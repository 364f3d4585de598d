"""Reading the ``Cookie`` field in a time that grows with its length, and not with its square.

What it says is what werkzeug says. But of a run of blanks behind a ``=`` that expression tries
each anew for where the value ends: 8 kB of them, which every server lets through, took seconds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cruse.formparser import as_multidict

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

__all__ = ["parse_cookies"]

# Nothing is tried twice ("*+", "++"): no part of a pair begins with what the one before may have.
_PAIR = re.compile(
    r"""[ \t]*+ (?P<name>[^ \t=";]++) [ \t]*+
    (?:= [ \t]*+ (?:"(?P<quoted>(?:[^"\\]|\\.)*+)"|(?P<plain>[^ \t";]*+)) [ \t]*+)?
    (?:;|\Z)""",
    re.VERBOSE,
)
_ESCAPE = re.compile(rb"\\(?:(?P<octal>[0-3][0-7]{2})|(?P<other>.))")


def parse_cookies(field: str, cls: type[MultiDict[str, Any]]) -> Any:
    """Return the cookies of a field (RFC 6265 section 4.2.1), each name with its values in order.

    What is no pair is skipped up to the next semicolon.

    Args:
        field: The field.
        cls: The class of the dictionary.
    """
    pairs: list[tuple[str, Any]] = []
    if '"' not in field:  # only in quotes there may be a semicolon or a blank
        for part in field.split(";"):
            name, _, value = part.partition("=")
            name, value = name.strip(" \t"), value.strip(" \t")
            if name and not (" " in name or "\t" in name or " " in value or "\t" in value):
                pairs.append((name, value))
        return as_multidict(cls, pairs)
    position, end = 0, len(field)
    while position < end:
        pair = _PAIR.match(field, position)
        if pair is None:
            position = field.find(";", position) + 1 or end
            continue
        position = pair.end()
        name, quoted, plain = pair.groups()
        pairs.append((name, plain or "" if quoted is None else _unescape(quoted)))
    return as_multidict(cls, pairs)


def _unescape(quoted: str) -> str:
    """Decode a quoted value: bytes as three octal digits, everything else behind a backslash."""
    if "\\" not in quoted:
        return quoted
    return _ESCAPE.sub(_byte, quoted.encode()).decode(errors="replace")


def _byte(escape: re.Match[bytes]) -> bytes:
    octal = escape["octal"]
    return escape["other"] if octal is None else bytes([int(octal, 8)])
