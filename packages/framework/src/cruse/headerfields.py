"""Header fields: what names they have, and as what they are kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from werkzeug.datastructures import Headers
from werkzeug.urls import iri_to_uri

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "GOOD_NAMES",
    "Fields",
    "ResponseHeaders",
    "as_uri",
    "check_names",
    "headers_of",
    "is_token",
    "without_controls",
]

_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # compiled at the first use


def is_token(text: str) -> bool:
    """Whether a text is a token (RFC 9110 section 5.6.2), as names of fields and cookies are.

    What else gets into a name may end it.
    """
    return re.fullmatch(_NAME, text, re.ASCII) is not None


#: What may be added to an answer whose headers nobody touches.
_ADDED = frozenset({"vary", "set-cookie"})


class Fields(list[tuple[str, str]]):
    """Header fields that many responses get, with their names in lower case looked up once."""

    __slots__ = ("alone", "apart", "encoded", "fine", "heads", "names")

    def __init__(self, fields: Iterable[tuple[str, str]]) -> None:
        super().__init__(fields)
        self.names = frozenset(name.lower() for name, _ in self)
        #: Whether none of them is one that the framework adds to single answers.
        self.apart = self.names.isdisjoint(_ADDED)
        #: With those of a kind of responses, as ASGI sends them; its gateway fills this.
        self.encoded: dict[object, list[tuple[bytes, bytes]]] = {}
        #: These alone, likewise.
        self.alone: list[tuple[bytes, bytes]] | None = None
        #: The heads of streams, as WSGI takes them.
        self.heads: dict[object, list[tuple[str, str]]] = {}
        #: The names of other fields, all of a response's in order, that were looked at: with any
        #: values but empty ones they are sent as they are, and these behind.
        self.fine: set[tuple[str, ...]] = set()

    def add_fine(self, fields: list[tuple[str, str]]) -> None:
        """Keep which names these fields have."""
        if len(self.fine) < _MAX_NAMES and len(fields) < _MANY:
            self.fine.add(tuple([name for name, _ in fields]))

    def add_head(self, kind: object, head: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Keep the head of a kind of streams, and return one to be sent."""
        if len(self.heads) < _MAX_NAMES:
            self.heads[kind] = head
        return head.copy()


class ResponseHeaders(Headers):
    """Werkzeug's, in which the usual new field is one call and not three."""

    def add(self, key: Any, value: Any, /, **options: Any) -> None:
        """Add a field; see werkzeug."""
        if type(key) is str and type(value) is str and value.isprintable() and not options:
            self._list.append((key, value))
        else:
            super().add(key, value, **options)

    def __setitem__(self, key: Any, value: Any) -> None:
        if type(key) is str and key.isascii() and type(value) is str and value.isprintable():
            wanted, size = key.lower(), len(key)
            for name, _ in self._list:
                if len(name) == size and name.lower() == wanted:  # what is ASCII keeps its length
                    break
            else:
                self._list.append((key, value))
                return
        super().__setitem__(key, value)

    def __repr__(self) -> str:
        return f"Headers({list(self)!r})"


def headers_of(fields: list[tuple[str, str]]) -> Headers:
    """Make ``Headers`` of fields that were checked before, without checking them again."""
    headers = object.__new__(ResponseHeaders)
    headers._list = fields
    return headers


#: Names of header fields, in lower case, that were looked at and are fine.
GOOD_NAMES: set[str] = set()
_MANY = 16  # fields, more than most responses have
_MAX_NAMES = 1_000  # views may make them of what clients send: the memory for them is bounded


def check_names(names: Iterable[str]) -> None:
    """Look whether these can be names of header fields.

    Raises:
        ValueError: When one cannot.
    """
    for name in names:
        if not is_token(name):
            raise ValueError(
                f"{name!r} is no name of a header field: it has letters, digits and hyphens only."
            )
        if len(GOOD_NAMES) < _MAX_NAMES:
            GOOD_NAMES.add(name)


_ASCII = "".join(map(chr, range(33, 127)))


def without_controls(url: str) -> str:
    """Return a URL with its control characters percent-encoded.

    Browsers drop line breaks and tabs, as ``urlsplit`` does, so that a tab between two slashes
    would hide that they name a host (WHATWG URL, section 4.4).
    """
    if url.isprintable():
        return url
    return "".join(char if char.isprintable() else quote(char, errors="replace") for char in url)


def as_uri(url: str) -> str:
    """Return a URL as it may stand in a header field, whatever is in it."""
    try:
        return iri_to_uri(without_controls(url))
    except ValueError:  # no URL, such as "http://[": the browser's to refuse
        return quote(url, safe=_ASCII, errors="replace")
