"""A WSGI environ whose keys are made when somebody asks for them.

Under ASGI and RSGI there is none, but Flask's API and its extensions are built on it. Making all
of it takes a step for every header; most requests ask for three keys.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ABSENT",
    "EVERYWHERE",
    "PENDING",
    "LazyEnviron",
    "add_header",
    "field_of",
    "header_key",
]

#: What stands for a key that there is not.
ABSENT: Any = object()
#: What stands for an environ that is made when it is first asked for.
PENDING: Any = object()
#: How the keys are made that say the same of every request (PEP 3333).
EVERYWHERE: dict[str, Callable[[Any], Any]] = {
    "wsgi.version": lambda environ: (1, 0),
    "wsgi.input_terminated": lambda environ: True,
    "wsgi.errors": lambda environ: sys.stderr,
    "wsgi.multithread": lambda environ: True,
    "wsgi.multiprocess": lambda environ: True,
    "wsgi.run_once": lambda environ: False,
}

_keys: dict[str | bytes, str] = {}
_header_names: dict[str, str] = {}
_LIMIT = 1_000  # header names come from clients: the memory for them is bounded


def header_key(name: str | bytes) -> str | None:
    """Return the environ key of a header (RFC 3875 section 4.1.18).

    ``None`` for a name with an underscore: ``X_Auth_User`` would pass for ``X-Auth-User``
    (CVE-2015-0219).
    """
    key = _keys.get(name)
    if key is None:
        text = name.decode("latin-1") if isinstance(name, bytes) else name
        if "_" in text:
            return None
        key = text.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        if len(_keys) < _LIMIT:
            _keys[name] = key
    return key


def field_of(key: object) -> str:
    """Return the name of the header, in lower case, that a key is of; of others an empty one."""
    name = _header_names.get(key)  # type: ignore[call-overload]
    if name is None:
        text = key if isinstance(key, str) and key.isascii() else ""
        name = text.removeprefix("HTTP_").lower().replace("_", "-")
        if header_key(name) != key:
            name = ""
        if len(_header_names) < _LIMIT and name:
            _header_names[text] = name
    return name  # type: ignore[no-any-return]


def add_header(environ: dict[str, Any], name: str | bytes, value: str) -> None:
    """Add a header field to an environ; repeated ones are joined (RFC 9110 section 5.3)."""
    key = header_key(name)
    if key is None:
        return
    if key in environ:
        joint = "; " if key == "HTTP_COOKIE" else ","
        value = f"{environ[key]}{joint}{value}"
    environ[key] = value


class LazyEnviron(dict[str, Any]):
    """An environ that has each key from the moment when it is asked for.

    What somebody has set stays as it is. Whoever looks at more than single keys, or takes some
    away, meets all of them.
    """

    __slots__ = ("pending",)

    #: Whether there may be keys that are not made yet; subclasses begin with True.
    pending: bool

    @abstractmethod
    def make(self, key: str) -> Any:
        """Return the value of one key, ``ABSENT`` when there is none."""

    @abstractmethod
    def make_all(self) -> dict[str, Any]:
        """Return all keys and values."""

    def complete(self) -> None:
        """Fill in what is not there yet."""
        if self.pending:
            self.pending = False
            before = dict(dict.items(self))
            dict.update(self, self.make_all())
            dict.update(self, before)

    def __bool__(self) -> bool:
        return True  # there is no environ without keys; to count them would make them all

    def __missing__(self, key: str) -> Any:
        value = self.make(key) if self.pending else ABSENT
        if value is ABSENT:
            raise KeyError(key)
        self[key] = value
        return value

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, or ``default``."""
        value = dict.get(self, key, ABSENT)
        if value is ABSENT and self.pending:
            value = self.make(key)
            if value is not ABSENT:
                self[key] = value
        return default if value is ABSENT else value

    def __contains__(self, key: object) -> bool:
        return self.get(key, ABSENT) is not ABSENT  # type: ignore[arg-type]

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, which becomes ``default`` when it is missing."""
        self.get(key)
        return dict.setdefault(self, key, default)

    def copy(self) -> dict[str, Any]:
        """Return a plain dict of it."""
        self.complete()
        return dict(dict.items(self))


def _completing(name: str) -> Callable[..., Any]:
    """Make the method ``name`` of a dictionary complete the environ first."""
    method = getattr(dict, name)

    def completed(self: LazyEnviron, *args: Any) -> Any:
        self.complete()
        return method(self, *args)

    completed.__name__ = name
    completed.__doc__ = method.__doc__
    return completed


for _name in (
    *("__delitem__", "__eq__", "__iter__", "__len__", "__ne__", "__or__", "__repr__"),
    *("__reversed__", "__ror__", "clear", "items", "keys", "pop", "popitem", "values"),
):
    setattr(LazyEnviron, _name, _completing(_name))
