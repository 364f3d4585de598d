"""Reading what a client sends, with its limits held while reading.

Three things are guarded for every protocol alike: a body longer than allowed is a 413 before the
rest is read, one shorter than announced is a 400 (werkzeug takes a cut body for a whole one where
the server terminates the input), and a read that fails is the client's disconnect, not a 500.
"""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

from werkzeug.exceptions import BadRequest, ClientDisconnected, RequestEntityTooLarge

from cruse.outages import fill_temporary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from _typeshed import WriteableBuffer

    from cruse.requests import Request

__all__ = ["CHUNK", "BodyStream", "Limit", "read_once", "spool"]

CHUNK = 64 * 1024  # bytes asked for at a time
SPOOL_IN_MEMORY = 500 * 1024  # bytes of one uploaded file kept in memory before it goes to disk


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


#: What is no failure of reading: answers to the client, and mistakes of the application.
_OWN_ERRORS = (BadRequest, RequestEntityTooLarge, RuntimeError)


def read_once(source: _Readable, size: int) -> bytes:
    """Return what a source gives when it is asked once for so many bytes.

    Raises:
        ClientDisconnected: When reading fails.
    """
    try:
        return source.read(size)
    except _OWN_ERRORS:
        raise
    except Exception as error:  # servers raise their own: a bad chunk, a reset connection
        raise ClientDisconnected from error


class BodyStream(io.RawIOBase):
    """The body of a request as it arrives: a binary file, and an iterator over its chunks.

    Args:
        source: What the gateway gives: ``read(size)``; for async reading also a coroutine
            ``next_chunk()`` that returns ``b""`` at the end.
        length: The announced length in bytes; ``None`` when the body is chunked.
        limit: The most bytes allowed; ``None`` for any number.
    """

    def __init__(self, source: _Readable, length: int | None, limit: int | None) -> None:
        self.source = source
        self.length = length
        self.limit = limit
        self.received = 0
        if length is not None and limit is not None and length > limit:
            raise RequestEntityTooLarge

    def __del__(self) -> None:
        """Do nothing: to be closed, as all that ``io`` has is at its end, takes long."""

    def readable(self) -> bool:
        """Say that it can be read (``io`` asks)."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Return up to ``size`` bytes, all that comes when it is negative; ``b""`` at the end."""
        if size is not None and size >= 0:
            return self._read(size) if size else b""
        data = self._read(CHUNK)
        if self.received == self.length:  # the usual case
            return data
        pieces = []
        while data:
            pieces.append(data)
            data = self._read(CHUNK)
        return b"".join(pieces)

    def complete(self, begun: bytes) -> bytes:
        """Return all, when the source has given the beginning of it."""
        return self._count(begun) + self.read()

    async def acomplete(self, begun: bytes) -> bytes:
        """Return all as :meth:`complete` does, without blocking the event loop."""
        pieces = [self._count(begun)]
        while data := await self.aread():
            pieces.append(data)
        return b"".join(pieces)

    def readall(self) -> bytes:
        """Return all that is left."""
        return self.read()

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill ``buffer`` and return the number of bytes, 0 at the end (``io`` calls it)."""
        view = memoryview(buffer)
        data = self._read(len(view))
        view[: len(data)] = data
        return len(data)

    def _read(self, size: int) -> bytes:
        if self.length is not None:
            size = min(size, self.length - self.received)
            if size <= 0:
                return b""
        try:
            data = self.source.read(size)
        except _OWN_ERRORS:
            raise
        except Exception as error:  # as in `read_once`
            raise ClientDisconnected from error
        received = self.received + len(data)
        if data and (self.limit is None or received <= self.limit):
            self.received = received
            return data
        return self._count(data)

    def _count(self, data: bytes) -> bytes:
        """Hold the limits over one more piece of the body."""
        self.received += len(data)
        if self.limit is not None and self.received > self.limit:
            raise RequestEntityTooLarge
        if not data and self.length is not None and self.received < self.length:
            raise BadRequest(
                f"The body ended after {self.received} of {self.length} announced bytes."
            )
        return data

    def __iter__(self) -> Iterator[bytes]:
        """Iterate over the body in chunks as they come."""
        return iter(lambda: self._read(CHUNK), b"")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the body in chunks as they come, without blocking the event loop."""
        while data := await self.aread():
            yield data

    async def aread(self) -> bytes:
        """Return the next chunk; ``b""`` at the end."""
        if self.length is not None and self.received >= self.length:
            return b""
        next_chunk = getattr(self.source, "next_chunk", None)
        if next_chunk is None:  # a WSGI server's file: reading it blocks
            from asyncio import to_thread

            return await to_thread(self._read, CHUNK)
        data: bytes = await next_chunk()
        received = self.received + len(data)
        if data and (self.limit is None or received <= self.limit):  # as in `_read`
            self.received = received
            return data
        return self._count(data)

    def spool_now(self, in_memory: int) -> tuple[IO[bytes], int]:
        """Read all that is left into a temporary file, as :meth:`spool` does, from sync code."""
        with fill_temporary(lambda: self._spool(in_memory)) as target:
            for data in self:
                target.write(data)
            size = target.tell()
        return target, size

    def _spool(self, in_memory: int) -> IO[bytes]:
        if self.length is None or self.length <= in_memory:
            return spool(in_memory)
        from tempfile import TemporaryFile

        return cast("IO[bytes]", TemporaryFile())  # memory would be a detour

    async def spool(self, in_memory: int) -> tuple[IO[bytes], int]:
        """Read all that is left into a temporary file and return it with its size in bytes."""
        data = await self.aread()
        if self.received == self.length and len(data) <= in_memory:  # all there is: the usual case
            return io.BytesIO(data), len(data)
        with fill_temporary(lambda: self._spool(in_memory)) as target:
            while data:
                target.write(data)
                data = await self.aread()
            size = target.tell()
        return target, size


class Limit:
    """A limit of one request: what was set on it, or the application's setting of that name.

    Args:
        default: The limit of a request outside of any application.
    """

    def __init__(self, default: int | None) -> None:
        self.default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self.setting = name.upper()

    def __get__(self, request: Request | None, owner: type) -> Any:
        if request is None:
            return self.default
        context = request.context
        return self.default if context is None else context.app.config[self.setting]

    if TYPE_CHECKING:  # what is set on a request is an attribute like any other, found before this

        def __set__(self, request: Request, value: int | None) -> None: ...


def spool(in_memory: int = SPOOL_IN_MEMORY) -> IO[bytes]:
    """Make a temporary file that stays in memory up to ``in_memory`` bytes."""
    from tempfile import SpooledTemporaryFile

    return cast("IO[bytes]", SpooledTemporaryFile(max_size=in_memory, mode="w+b"))
