"""Transactions that the database could not let run beside others, and what is done about it."""

from __future__ import annotations

import random
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import ServiceUnavailable

from cruse import has_request_context

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Try", "is_conflict", "tries"]

# Serialization failure and deadlock. Drivers raise different classes for them, with one code.
_CONFLICTS = frozenset({"40001", "40P01"})
_FIRST_PAUSE = 0.01  # seconds; each pause is twice as long, and of random length up to that
_RETRY_AFTER = 1  # seconds that a client is told to wait


def is_conflict(error: BaseException) -> bool:
    """Whether a transaction failed only because of others at the same time."""
    if not isinstance(error, DBAPIError):
        return False
    original = error.orig
    if isinstance(original, sqlite3.OperationalError):
        return getattr(original, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
    code = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    return code in _CONFLICTS


def tries(retry: int, *, nested: bool) -> Iterator[Try]:
    """Yield the tries of a transaction.

    Args:
        retry: How many there may be after the first.
        nested: Whether it is a savepoint: what failed then is the whole transaction.
    """
    if nested:
        retry = 0
    for number in range(retry + 1):
        longest = _FIRST_PAUSE * 2**number
        yield Try(random.uniform(0, longest), number == retry, retry > 0)  # noqa: S311 - no secret


class Try(NamedTuple):
    """One try of a transaction; a context manager around it."""

    #: Seconds to wait before the next one.
    pause: float
    is_last: bool
    #: Whether there were more tries than this one.
    is_one_of_many: bool

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        """Swallow a conflict when another try follows.

        Raises:
            ServiceUnavailable: In a request, when none follows.
        """
        if error is None or not is_conflict(error):
            return False
        if not self.is_last:
            return True
        if self.is_one_of_many and has_request_context():
            raise ServiceUnavailable(retry_after=_RETRY_AFTER) from error
        return False
