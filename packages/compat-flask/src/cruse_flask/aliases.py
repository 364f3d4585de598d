"""Classes that stand for one of Cruse's."""

from __future__ import annotations

__all__ = ["Alias"]


class Alias(type):
    """The class of a subclass of one of Cruse's that has all instances of that one.

    So ``isinstance(app, flask.Flask)`` holds for an application made as ``Cruse(...)``. The class
    names the other in ``stands_for``.
    """

    stands_for: type

    def __instancecheck__(cls, instance: object) -> bool:
        if "stands_for" in cls.__dict__:
            return isinstance(instance, cls.stands_for)
        return super().__instancecheck__(instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        if "stands_for" in cls.__dict__:
            return issubclass(subclass, cls.stands_for)
        return super().__subclasscheck__(subclass)
