"""Attributes that are computed when they are first read, and never for those who don't."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

__all__ = ["imported", "lazy"]

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801 - reads as a decorator, like property
    """Compute an attribute at its first use and keep it in the instance.

    It defines no ``__set__``, so the kept value is found before the descriptor: from the second
    use on, reading costs what a plain attribute costs. Assigning replaces it. There is no lock
    (``functools.cached_property`` has one on Python 3.11): two threads may both compute it, and
    both get what the first of them kept.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self.compute = compute
        self.name = compute.__name__
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> T | Self:
        if instance is None:
            return self
        value: T = instance.__dict__.setdefault(self.name, self.compute(instance))
        return value


class imported:  # noqa: N801 - reads as what it stands for
    """Stand for an object of another module, which is imported when the attribute is first read.

    Then the object itself is the class's attribute; a function is a method.

    Args:
        module: The module.
        name: The object in it.
    """

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    def __set_name__(self, owner: type, name: str) -> None:
        self.owner, self.attribute = owner, name

    def __get__(self, instance: object | None, owner: type) -> Any:
        value = getattr(import_module(self.module), self.name)
        setattr(self.owner, self.attribute, value)
        return getattr(owner if instance is None else instance, self.attribute)
