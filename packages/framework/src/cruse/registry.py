"""Live registries: plain lists and dicts that notice when they change.

Flask's registries are public, and extensions append to them at any time, some in the middle of a
request. Cruse compiles them into plans, so it must learn of every change: each container notes
the changes in one shared :class:`Changes`, which lets the plans go that were made before.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Changes", "LiveDict", "LiveList", "ScopedHooks", "note_everywhere"]

V = TypeVar("V")


class _Compiled(Protocol):
    """What was made of registries, and is out of date when one of them has changed."""

    changes: int

    def retire(self) -> None:
        """Take no short way from here on."""


class Changes:
    """Counts the changes of everything that shares it."""

    __slots__ = ("__weakref__", "_made", "count")

    def __init__(self) -> None:
        self.count = 0
        self._made: WeakKeyDictionary[_Compiled, None] | None = None
        _all[self] = None

    def note(self) -> None:
        """Count one more, and let what was made before know."""
        self.count += 1
        if self._made is not None:
            made, self._made = self._made, None
            for reference in made.keyrefs():
                if (compiled := reference()) is not None:
                    compiled.retire()

    def watch(self, compiled: _Compiled) -> None:
        """Let what was made know when it is out of date, which it may be already."""
        made = self._made
        if made is None:
            made = self._made = WeakKeyDictionary()
        made[compiled] = None
        if compiled.changes != self.count:
            compiled.retire()


# Sets of weak references can't be gone through while another thread adds to them, `keyrefs` can.
_all: WeakKeyDictionary[Changes, None] = WeakKeyDictionary()


def note_everywhere() -> None:
    """Note a change of what all registries of the process have in common."""
    for reference in _all.keyrefs():
        if (changes := reference()) is not None:
            changes.note()


def _counting(base: type, names: str) -> Callable[[type], type]:
    """Let the methods ``names`` of ``base`` count a change after they did their work."""

    def method(name: str) -> Callable[..., Any]:
        original = getattr(base, name)

        def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(self, *args, **kwargs)
            self.changes.note()
            return result

        counted.__name__ = name
        counted.__doc__ = original.__doc__
        return counted

    def decorate(cls: type) -> type:
        for name in names.split():
            if name not in cls.__dict__:
                setattr(cls, name, method(name))
        return cls

    return decorate


@_counting(
    list,
    "append extend insert remove pop clear sort reverse __setitem__ __delitem__ __iadd__ __imul__",
)
class LiveList(list[V]):
    """A list that counts its changes."""

    def __init__(self, changes: Changes, items: Any = ()) -> None:
        super().__init__(items)
        self.changes = changes


@_counting(dict, "pop popitem clear update setdefault __setitem__ __delitem__ __ior__")
class LiveDict(dict[str, V]):
    """A dict that counts its changes."""

    def __init__(self, changes: Changes, items: Any = ()) -> None:
        super().__init__(items)
        self.changes = changes


class ScopedHooks(defaultdict["str | None", list[V]]):
    """Functions by scope, ``None`` for the application and a name for a blueprint.

    A missing scope is an empty list. Any list put in becomes one that counts its changes.
    """

    def __init__(self, changes: Changes) -> None:
        super().__init__(lambda: LiveList(changes))
        self.changes = changes

    def __setitem__(self, scope: str | None, functions: list[V]) -> None:
        if not isinstance(functions, LiveList):
            functions = LiveList(self.changes, functions)
        super().__setitem__(scope, functions)
        self.changes.note()

    def __delitem__(self, scope: str | None) -> None:
        super().__delitem__(scope)
        self.changes.note()

    def setdefault(self, scope: str | None, default: list[V] | None = None) -> list[V]:
        """Return the functions of ``scope``, which become ``default`` when there are none."""
        if scope not in self:
            self[scope] = default or []
        return self[scope]

    def pop(self, scope: str | None, *default: Any) -> Any:
        """Remove a scope and return its functions."""
        self.changes.note()
        return super().pop(scope, *default)

    def clear(self) -> None:
        """Remove every scope."""
        self.changes.note()
        super().clear()

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Take over the functions of another mapping of scopes."""
        for scope, functions in dict(*args, **kwargs).items():
            self[scope] = functions
