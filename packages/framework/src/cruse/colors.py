"""What colour a function has, and the mark for sync functions that may run on the event loop."""

from __future__ import annotations

import inspect
from functools import partial
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cruse.typing import F

__all__ = ["MARK", "inline", "is_async", "is_inline"]

#: The attribute of a function that is marked with :func:`inline`.
MARK = "__cruse_inline__"
_OURS = {MARK}


def inline(function: F) -> F:
    """Mark a sync function as quick: under an async server it runs on the loop, without a hop.

    It must never wait (no file, no query, no lock): while it runs, every request waits.
    """
    setattr(function, MARK, True)
    return function


def is_inline(function: Any) -> bool:
    """Whether a function, or the function of a bound method, is marked as quick."""
    return bool(getattr(function, MARK, False))


def is_async(function: Any) -> bool:
    """Whether calling ``function`` gives a coroutine."""
    while isinstance(function, partial):
        function = function.func
    plain = function.__func__ if type(function) is MethodType else function
    if type(plain) is FunctionType and plain.__dict__.keys() <= _OURS:
        # Nobody has marked it: its code tells, at a tenth of what asking `inspect` costs.
        return bool(plain.__code__.co_flags & inspect.CO_COROUTINE)
    if inspect.iscoroutinefunction(function):
        return True
    if inspect.isclass(function):
        return False
    return inspect.iscoroutinefunction(getattr(type(function), "__call__", None))  # noqa: B004 - its colour
