"""The parameters of a request: each once, none too long, and nothing in them that is no text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cruse_auth.server.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.datastructures import MultiDict

__all__ = ["Parameters"]

#: The longest value that is looked at, in characters, and the most of all together.
LONGEST = 4096
MOST = 16 * 1024
LONGEST_NAME = 100
#: What may be there several times (RFC 8707 section 2).
REPEATED = frozenset({"resource"})

#: No value has a use for them, and not every database can store them.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")


class Parameters:
    """The parameters of a request. What is empty is as if it were not there (RFC 6749 3.1).

    Args:
        values: The fields of the query or of the form.
    """

    def __init__(self, values: MultiDict[str, str]) -> None:
        self._values = {
            name: [value for value in found if value] for name, found in values.lists()
        }

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def get(self, name: str) -> str | None:
        """Return a value, or None.

        Raises:
            InvalidRequestError: When it is there more than once, or cannot be what it should.
        """
        found = self.all(name)
        if len(found) > 1:  # OAuth 2.1 sections 3.1 and 3.2
            raise InvalidRequestError("A parameter is there more than once.")
        return found[0] if found else None

    def need(self, name: str) -> str:
        """Return a value that has to be there; as :meth:`get`."""
        value = self.get(name)
        if value is None:
            raise InvalidRequestError(f"The parameter {name} is missing.")
        return value

    def all(self, name: str) -> list[str]:
        """Return all values of a name.

        Raises:
            InvalidRequestError: When one cannot be what it should.
        """
        found = self._values.get(name, [])
        for value in found:
            if len(value) > LONGEST or _CONTROL.search(value):
                raise InvalidRequestError("A parameter cannot be read.")
        return found

    def check(self) -> None:
        """Check all of them, as :meth:`get` does it for one.

        Raises:
            InvalidRequestError: When something is wrong with one, or they are too many.
        """
        for name in self._values:
            if len(name) > LONGEST_NAME or _CONTROL.search(name):
                raise InvalidRequestError("The name of a parameter cannot be read.")
            if name in REPEATED:
                self.all(name)
            else:
                self.get(name)
        # Names count, too: all of it may be kept.
        sizes = (len(name) + len(value) for name, found in self._values.items() for value in found)
        if sum(sizes) > MOST:
            raise InvalidRequestError("The request is too long.")

    def to_dict(self) -> dict[str, list[str]]:
        """Return everything, as it can be kept."""
        return {name: found for name, found in self._values.items() if found}
