"""Where files are kept: the contract that every storage fulfils.

A storage keeps objects, bytes under a key, with two words about each: its name and its media type.
It writes an object in pieces and publishes it whole or not at all; it never overwrites. Whoever
implements the six plain methods has the asynchronous twins for nothing, each in a thread; a client
that is asynchronous by nature overrides them.

``cruse_uploads.testing.StorageContract`` holds all of this in tests, for yours as for ours.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, BinaryIO, ClassVar

from cruse_uploads.errors import ObjectExistsError, ObjectNotFoundError, StorageFull
from cruse_uploads.sides import in_thread

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Meta",
    "ObjectExistsError",
    "ObjectNotFoundError",
    "ObjectStat",
    "PutRequest",
    "Storage",
    "StorageFull",
    "Writer",
    "copy",
]

CHUNK = 1024 * 1024  # bytes copied at a time


@dataclass(frozen=True)
class Meta:
    """What is kept about an object beside its bytes."""

    #: The name to offer for download, cleaned.
    name: str
    #: The media type that the content showed.
    type: str
    #: What equal objects have in common, see :meth:`Storage.share`.
    content: str | None = None


@dataclass(frozen=True)
class ObjectStat:
    """What storage knows of an object."""

    #: The number of bytes.
    size: int
    #: When it was published, in seconds since the epoch.
    modified: float
    #: ``None`` when it was lost or never there; the caller falls back to the key.
    meta: Meta | None


@dataclass(frozen=True)
class PutRequest:
    """A request that writes one object into the storage itself, for who has no other leave to."""

    #: Where ``PUT`` sends the bytes. It is signed, so it is for nobody else.
    url: str = field(repr=False)
    #: The header fields that have to be sent as they are.
    headers: Mapping[str, str]


class Writer(ABC):
    """One object on its way in. Nothing can be read before :meth:`commit`.

    Exactly one of :meth:`commit` and :meth:`abort` ends it; abort may be called again.
    """

    @abstractmethod
    def write(self, data: bytes | bytearray) -> None:
        """Add all of ``data``.

        Raises:
            StorageFull: When there is no room.
        """

    @abstractmethod
    def commit(self) -> None:
        """Publish the object. When this returns, it is kept.

        Raises:
            ObjectExistsError: When there is one under this key; it stays as it is.
            StorageFull: When there is no room.
        """

    @abstractmethod
    def abort(self) -> None:
        """Throw away what was written, without a trace."""

    async def awrite(self, data: bytes | bytearray) -> None:
        """Do :meth:`write` without blocking the event loop."""
        await in_thread(self.write, data)

    async def acommit(self) -> None:
        """Do :meth:`commit` without blocking the event loop."""
        await in_thread(self.commit)

    async def aabort(self) -> None:
        """Do :meth:`abort` without blocking the event loop."""
        await in_thread(self.abort)


class Storage(ABC):
    """Keeps objects by key. Keys are relative paths of ASCII characters, with slashes."""

    #: Whether it has a :meth:`share`.
    shares: ClassVar[bool] = False

    @abstractmethod
    def writer(self, key: str, meta: Meta) -> Writer:
        """Begin a new object.

        Raises:
            ValueError: When the key is not one (``cruse_uploads.names.is_key``).
        """

    @abstractmethod
    def open(self, key: str) -> BinaryIO:
        """Open an object for reading and seeking.

        Raises:
            ObjectNotFoundError: When there is none.
        """

    @abstractmethod
    def stat(self, key: str) -> ObjectStat:
        """Return what is known of an object.

        Raises:
            ObjectNotFoundError: When there is none.
        """

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove an object; it is no error when there is none."""

    @abstractmethod
    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys that start with ``prefix``, in order."""

    def move(self, source: str, target: str) -> None:
        """Give an object another key, with what is known of it.

        Without a way of its own, storage copies it; a crash can leave both.

        Raises:
            ObjectNotFoundError: When there is none.
            ObjectExistsError: When there is one under the new key; both stay as they are.
            ValueError: When the new key is not one.
        """
        facts = self.stat(source)
        meta = facts.meta or Meta(source.rpartition("/")[2], "application/octet-stream")
        with self.open(source) as file:
            copy(file, self.writer(target, meta))
        self.delete(source)

    def share(self, key: str, content: str) -> None:
        """Keep the bytes of equal objects once. Each still has its own key, name and deletion.

        Args:
            key: An object that nobody knows of yet.
            content: A key that equal objects have in common and others have not, such as
                ``blake2b-9f86d081…``; :attr:`Meta.content` of the object from now on.

        Raises:
            ObjectNotFoundError: When there is no such object.
            NotImplementedError: When :attr:`shares` is false.
        """
        raise NotImplementedError(f"{self!r} can't share the bytes of equal objects.")

    def sweep(self, before: float) -> int:
        """Remove what writers left behind whose process was killed; return how many pieces.

        Args:
            before: Leave what was touched since then, in seconds since the epoch.
        """
        return 0

    def path(self, key: str) -> str | None:
        """Return where the object is as a file, ``None`` for storage that has no files.

        A path lets the operating system, or the server in front, send the file.
        """
        return None

    def url(self, key: str, seconds: int) -> str | None:
        """Return where browsers get an object from the storage itself, ``None`` for nowhere.

        Whether it exists is not looked up. What is sent there tells the type and the name of the
        object, and to save what could carry a script.

        Args:
            key: Its key.
            seconds: For how long the URL has to work.
        """
        return None

    def put_request(self, key: str, meta: Meta, size: int, seconds: int) -> PutRequest | None:
        """Return how a client writes an object into the storage itself, ``None`` for in no way.

        The storage takes nothing else by it: another size, another key or other facts.

        Args:
            key: A key that nobody has.
            meta: What is to be known of the object.
            size: The number of bytes that it will have.
            seconds: For how long it may begin.
        """
        return None

    async def awriter(self, key: str, meta: Meta) -> Writer:
        """Do :meth:`writer` without blocking the event loop."""
        return await in_thread(self.writer, key, meta)

    async def aopen(self, key: str) -> BinaryIO:
        """Do :meth:`open` without blocking the event loop."""
        return await in_thread(self.open, key)

    async def astat(self, key: str) -> ObjectStat:
        """Do :meth:`stat` without blocking the event loop."""
        return await in_thread(self.stat, key)

    async def adelete(self, key: str) -> None:
        """Do :meth:`delete` without blocking the event loop."""
        await in_thread(self.delete, key)

    async def amove(self, source: str, target: str) -> None:
        """Do :meth:`move` without blocking the event loop."""
        await in_thread(self.move, source, target)

    async def akeys(self, prefix: str = "") -> list[str]:
        """Do :meth:`keys` without blocking the event loop."""
        return await in_thread(self.keys, prefix)


def copy(file: IO[bytes], writer: Writer) -> None:
    """Write an open file and publish it; leave nothing when that fails."""
    try:
        while chunk := file.read(CHUNK):
            writer.write(chunk)
        writer.commit()
    except BaseException:
        writer.abort()
        raise
