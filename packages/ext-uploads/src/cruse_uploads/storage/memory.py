"""Storage in memory, for tests and for applications that forget."""

from __future__ import annotations

import time
from dataclasses import replace
from io import BytesIO
from typing import BinaryIO

from cruse_uploads.errors import ObjectExistsError, ObjectNotFoundError
from cruse_uploads.names import is_key
from cruse_uploads.storage import Meta, ObjectStat, Storage, Writer

__all__ = ["MemoryStorage"]


class MemoryStorage(Storage):
    """Keeps objects as long as the process lives."""

    shares = True

    def __init__(self) -> None:
        self._objects: dict[str, tuple[bytes, ObjectStat]] = {}

    def writer(self, key: str, meta: Meta) -> Writer:
        """Begin a new object."""
        if not is_key(key):
            raise ValueError(f"{key!r} is not a storage key.")
        return _MemoryWriter(self._objects, key, meta)

    def open(self, key: str) -> BinaryIO:
        """Open an object for reading and seeking."""
        return BytesIO(self._find(key)[0])

    def stat(self, key: str) -> ObjectStat:
        """Return what is known of an object."""
        return self._find(key)[1]

    def delete(self, key: str) -> None:
        """Remove an object; it is no error when there is none."""
        self._objects.pop(key, None)

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys that start with ``prefix``, in order."""
        return sorted(key for key in list(self._objects) if key.startswith(prefix))

    def share(self, key: str, content: str) -> None:
        """Keep the bytes of equal objects once."""
        data, facts = self._find(key)
        meta = replace(facts.meta, content=content) if facts.meta is not None else None
        for other, known in list(self._objects.values()):
            if known.meta is not None and known.meta.content == content:
                data = other
        self._objects[key] = data, replace(facts, meta=meta)

    def _find(self, key: str) -> tuple[bytes, ObjectStat]:
        try:
            return self._objects[key]
        except KeyError:
            raise ObjectNotFoundError(key) from None


class _MemoryWriter(Writer):
    def __init__(self, objects: dict[str, tuple[bytes, ObjectStat]], key: str, meta: Meta) -> None:
        self._objects = objects
        self._key = key
        self._meta = meta
        self._data = bytearray()

    def write(self, data: bytes | bytearray) -> None:
        self._data += data

    def commit(self) -> None:
        data = bytes(self._data)
        entry = data, ObjectStat(len(data), time.time(), self._meta)
        # One step of the interpreter, so of two writers exactly one gets its own entry back.
        if self._objects.setdefault(self._key, entry) is not entry:
            raise ObjectExistsError(self._key)

    def abort(self) -> None:
        self._data.clear()
