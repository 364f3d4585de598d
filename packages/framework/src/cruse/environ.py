"""A WSGI environ that is made only when somebody looks into it.

Under ASGI and RSGI there is none, but Flask's API and its extensions are built on it. Making it
takes a step for every header, so it waits until a key is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["LazyEnviron", "header_key"]

_keys: dict[str | bytes, str] = {}
_KEYS_LIMIT = 1_000  # header names come from clients: the memory for them is bounded


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
        if len(_keys) < _KEYS_LIMIT:
            _keys[name] = key
    return key


class LazyEnviron(dict[str, Any]):
    """An environ that ``fill(environ)`` completes at the first look."""

    __slots__ = ("_fill",)

    def __init__(self, fill: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._fill: Callable[[dict[str, Any]], None] | None = fill

    def complete(self) -> None:
        """Fill in what is not there yet; what somebody set before stays."""
        fill, self._fill = self._fill, None
        if fill is not None:
            before = dict(dict.items(self))
            made: dict[str, Any] = {}
            fill(made)
            dict.update(self, made)
            dict.update(self, before)

    def __missing__(self, key: str) -> Any:
        if self._fill is None:
            raise KeyError(key)
        self.complete()
        return self[key]

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, or ``default``."""
        if self._fill is not None and not dict.__contains__(self, key):
            self.complete()
        return dict.get(self, key, default)

    def __contains__(self, key: object) -> bool:
        self.complete()
        return dict.__contains__(self, key)

    def __iter__(self) -> Iterator[str]:
        self.complete()
        return dict.__iter__(self)

    def __len__(self) -> int:
        self.complete()
        return dict.__len__(self)

    def keys(self) -> Any:
        """Return the keys."""
        self.complete()
        return dict.keys(self)

    def values(self) -> Any:
        """Return the values."""
        self.complete()
        return dict.values(self)

    def items(self) -> Any:
        """Return the pairs."""
        self.complete()
        return dict.items(self)

    def copy(self) -> dict[str, Any]:
        """Return a plain dict of it."""
        self.complete()
        return dict(dict.items(self))

    def pop(self, key: str, *default: Any) -> Any:
        """Remove a key and return its value."""
        self.complete()
        return dict.pop(self, key, *default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, which becomes ``default`` when it is missing."""
        self.complete()
        return dict.setdefault(self, key, default)
