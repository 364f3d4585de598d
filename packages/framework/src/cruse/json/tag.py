"""JSON that keeps the types it does not have, by tags; the session's cookie is written in it.

A value of such a type becomes a dictionary with one key, the tag: ``(1, 2)`` is written as
``{" t": [1, 2]}``. The tags and what they hold are those of Flask, so each framework reads the
cookies that the other one signed.

To keep a type of your own, register a tag with the session's serializer::

    class TagSet(JSONTag):
        key = " s"

        def check(self, value):
            return isinstance(value, set)

        def to_json(self, value):
            return self.serializer.tag(sorted(value))

        def to_python(self, value):
            return set(value)

    app.session_interface.serializer.register(TagSet)
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import datetime
from typing import Any
from uuid import UUID

from markupsafe import Markup
from werkzeug.http import http_date, parse_date

from cruse.json import _provider
from cruse.json.provider import dumps_compact

__all__ = [
    "JSONTag",
    "PassDict",
    "PassList",
    "TagBytes",
    "TagDateTime",
    "TagDict",
    "TagMarkup",
    "TagTuple",
    "TagUUID",
    "TaggedJSONSerializer",
]

_ATOMS = frozenset({str, int, float, bool, type(None)})


def _has_atoms(values: dict[Any, Any]) -> bool:
    """Whether a dictionary has nothing but JSON's own types that hold no others."""
    for value in values.values():  # noqa: SIM110 - nearly all are small, and `all` is a call more
        if type(value) not in _ATOMS:
            return False
    return True


class JSONTag:
    """How one type is written and read.

    Args:
        serializer: The serializer that the tag belongs to, for the values within a value.
    """

    #: The key that marks the type; empty for a tag that only walks through a container.
    key: str = ""

    def __init__(self, serializer: TaggedJSONSerializer) -> None:
        self.serializer = serializer

    def check(self, value: Any) -> bool:
        """Whether this tag is the one for the value."""
        raise NotImplementedError

    def to_json(self, value: Any) -> Any:
        """Turn the value into one that JSON has; containers tag what they hold."""
        raise NotImplementedError

    def to_python(self, value: Any) -> Any:
        """Turn what :meth:`to_json` gave into the value again; what it held is so already."""
        raise NotImplementedError

    def tag(self, value: Any) -> dict[str, Any]:
        """Return the dictionary that stands for the value."""
        return {self.key: self.to_json(value)}


class TagDict(JSONTag):
    """A dictionary that looks like a tag: its one key gets two underscores more."""

    key = " di"

    def check(self, value: Any) -> bool:
        """Whether the value is a dictionary whose one key is a tag."""
        return (
            isinstance(value, dict)
            and len(value) == 1
            and next(iter(value)) in self.serializer.tags
        )

    def to_json(self, value: Any) -> Any:
        """Mark the key, so that it is no tag."""
        key = next(iter(value))
        return {f"{key}__": self.serializer.tag(value[key])}

    def to_python(self, value: Any) -> Any:
        """Take the mark off again."""
        key = next(iter(value))
        return {key[:-2]: value[key]}


class PassDict(JSONTag):
    """Any other dictionary: only its values are tagged."""

    def check(self, value: Any) -> bool:
        """Whether the value is a dictionary."""
        return isinstance(value, dict)

    def to_json(self, value: Any) -> Any:
        """Tag the values; JSON objects may only have strings as keys."""
        return {key: self.serializer.tag(inner) for key, inner in value.items()}

    tag = to_json


class TagTuple(JSONTag):
    """A tuple."""

    key = " t"

    def check(self, value: Any) -> bool:
        """Whether the value is a tuple."""
        return isinstance(value, tuple)

    def to_json(self, value: Any) -> Any:
        """Return a list."""
        return [self.serializer.tag(item) for item in value]

    def to_python(self, value: Any) -> Any:
        """Return the tuple."""
        return tuple(value)


class PassList(JSONTag):
    """A list: only its items are tagged."""

    def check(self, value: Any) -> bool:
        """Whether the value is a list."""
        return isinstance(value, list)

    def to_json(self, value: Any) -> Any:
        """Tag the items."""
        return [self.serializer.tag(item) for item in value]

    tag = to_json


class TagBytes(JSONTag):
    """Bytes, in base64."""

    key = " b"

    def check(self, value: Any) -> bool:
        """Whether the value is bytes."""
        return isinstance(value, bytes)

    def to_json(self, value: Any) -> Any:
        """Return the base64 text."""
        return b64encode(value).decode("ascii")

    def to_python(self, value: Any) -> Any:
        """Return the bytes."""
        return b64decode(value)


class TagMarkup(JSONTag):
    """An object with ``__html__``; it comes back as :class:`markupsafe.Markup`."""

    key = " m"

    def check(self, value: Any) -> bool:
        """Whether the value can say its HTML."""
        return callable(getattr(value, "__html__", None))

    def to_json(self, value: Any) -> Any:
        """Return the HTML."""
        return str(value.__html__())

    def to_python(self, value: Any) -> Any:
        """Return the HTML as markup that is not escaped again."""
        return Markup(value)  # noqa: S704 - it was markup when the application signed it


class TagUUID(JSONTag):
    """A :class:`uuid.UUID`."""

    key = " u"

    def check(self, value: Any) -> bool:
        """Whether the value is a UUID."""
        return isinstance(value, UUID)

    def to_json(self, value: Any) -> Any:
        """Return the 32 hexadecimal digits."""
        return value.hex

    def to_python(self, value: Any) -> Any:
        """Return the UUID."""
        return UUID(value)


class TagDateTime(JSONTag):
    """A :class:`datetime.datetime`, to the second; it comes back in UTC. Naive ones are UTC."""

    key = " d"

    def check(self, value: Any) -> bool:
        """Whether the value is a datetime."""
        return isinstance(value, datetime)

    def to_json(self, value: Any) -> Any:
        """Return the date as HTTP writes it (RFC 9110, section 5.6.7)."""
        return http_date(value)

    def to_python(self, value: Any) -> Any:
        """Return the date, aware of its time zone."""
        return parse_date(value)


class TaggedJSONSerializer:
    """Writes and reads JSON with tags for the types that JSON does not have."""

    #: The tags of a new serializer, in the order in which they are tried.
    default_tags: tuple[type[JSONTag], ...] = (
        TagDict,
        PassDict,
        TagTuple,
        PassList,
        TagBytes,
        TagMarkup,
        TagUUID,
        TagDateTime,
    )

    def __init__(self) -> None:
        self.tags: dict[str, JSONTag] = {}
        self.order: list[JSONTag] = []
        for tag_class in self.default_tags:
            self.register(tag_class)
        # No default tag is for JSON's own types, so they need not be tried; one of yours may be.
        self._atoms = (
            _ATOMS if self.default_tags is TaggedJSONSerializer.default_tags else frozenset()
        )

    def register(
        self, tag_class: type[JSONTag], force: bool = False, index: int | None = None
    ) -> None:
        """Add a tag.

        Args:
            tag_class: The class of the tag.
            force: Replace a tag that has the same key.
            index: Where in the order it is tried; at the end when None. A tag for a subclass of a
                type that has a tag must come before it.

        Raises:
            KeyError: When the key is taken and ``force`` is not set.
        """
        tag = tag_class(self)
        if tag.key:
            if tag.key in self.tags and not force:
                raise KeyError(f"The tag {tag.key!r} is registered already.")
            self.order = [other for other in self.order if other.key != tag.key]
            self.tags[tag.key] = tag
        self.order.insert(len(self.order) if index is None else index, tag)
        self._atoms = frozenset()

    def tag(self, value: Any) -> Any:
        """Return the value with tags for what JSON does not have."""
        atoms, kind = self._atoms, type(value)
        if kind in atoms:
            return value
        if kind is dict and atoms and _has_atoms(value):
            if len(value) != 1:
                return value
            (key,) = value
            if key not in self.tags:  # there is nothing for a tag to do
                return value
        for tag in self.order:
            if tag.check(value):
                return tag.tag(value)
        return value

    def untag(self, value: dict[str, Any]) -> Any:
        """Turn a dictionary that is a tag into the value it stands for."""
        if len(value) != 1:
            return value
        (key,) = value
        tag = self.tags.get(key)
        return value if tag is None else tag.to_python(value[key])

    def dumps(self, value: Any) -> str:
        """Return the value as JSON text with tags."""
        return dumps_compact(_provider(), self.tag(value))

    def loads(self, value: str) -> Any:
        """Read JSON text with tags.

        Raises:
            ValueError: When it is no JSON.
        """
        return self._untag_all(_provider().loads(value))

    def _untag_all(self, value: Any) -> Any:
        """Untag from the inside out."""
        if isinstance(value, dict):
            if not _has_atoms(value):
                value = {key: self._untag_all(inner) for key, inner in value.items()}
            return self.untag(value)
        if isinstance(value, list):
            return [self._untag_all(item) for item in value]
        return value
