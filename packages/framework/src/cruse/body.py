"""Reading what a client sends, with its limits held while reading.

Three things are guarded for every protocol alike: a body longer than allowed is a 413 before the
rest is read, one shorter than announced is a 400 (werkzeug takes a cut body for a whole one where
the server terminates the input), and a read that fails is the client's disconnect, not a 500.
"""

from __future__ import annotations

import io
from itertools import takewhile
from operator import methodcaller
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

from werkzeug.exceptions import BadRequest, ClientDisconnected, RequestEntityTooLarge
from werkzeug.sansio.utils import get_content_length

from cruse.outages import fill_temporary

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import AsyncIterator, Iterator

    from _typeshed import WriteableBuffer

    from cruse.kept import Kept
    from cruse.requests import Request
    from cruse.typing import WSGIEnvironment

__all__ = [
    "BULK",
    "CHUNK",
    "IN_MEMORY",
    "PIECES",
    "PIECE_COST",
    "BodyStream",
    "Limit",
    "ReadAhead",
    "Waiting",
    "length_of",
    "read_once",
]

CHUNK = 64 * 1024  # bytes asked for at a time
BULK = 1024 * 1024  # bytes asked for at a time by who needs all of them anyway
#: Bytes that a request may keep in memory of its body, and of all files of its form together,
#: before they go to disk (small ones do not).
IN_MEMORY = 2 * 1024 * 1024
#: Bytes that a piece takes beside its own, so that millions of small ones are no way around that.
PIECE_COST = 64
PIECES = 1024  # of a body that are taken at a time, at most


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


#: What is no failure of reading: answers to the client, and mistakes of the application.
_OWN_ERRORS = (BadRequest, RequestEntityTooLarge, RuntimeError)


def length_of(environ: WSGIEnvironment) -> int | None:
    """Return how many bytes the body has, ``None`` when that was not announced."""
    try:
        length = environ["CONTENT_LENGTH"]
    except KeyError:
        length = None
    coding = environ.get("HTTP_TRANSFER_ENCODING")
    if coding is None and length and len(length) < 19 and length.isdecimal():
        return int(length)  # Latin-1 has no decimals but those of ASCII
    return get_content_length(length, coding)


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


class _Interrupted:
    """What is left of a body when who read it was cancelled: a part, which is no body."""

    def read(self, size: int, /) -> bytes:
        raise RuntimeError(
            "Reading the request's body was interrupted, by a time limit perhaps, and what had "
            "come of it is gone. It can't be read any more."
        )

    async def next_chunk(self) -> bytes:
        return self.read(0)


class Waiting(list["Future[None]"]):
    """The tasks that wait for another one to have read a body."""

    async def join(self) -> None:
        """Wait, too."""
        from asyncio import get_running_loop

        mine = get_running_loop().create_future()
        self.append(mine)
        await mine

    def wake(self) -> None:
        """Let all of them go on."""
        for future in self:
            if not future.done():  # it was cancelled meanwhile
                future.set_result(None)


class BodyStream(io.RawIOBase):
    """The body of a request as it arrives: a binary file, and an iterator over its chunks.

    Args:
        source: What the gateway gives: ``read(size)``; for async reading also a coroutine
            ``next_chunk()`` that returns ``b""`` at the end, ``gather(pieces, wanted)`` if it
            gives more than one at once, and ``read_ahead(size, most)`` if it is to be told how
            many bytes may be waited for at once.
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

    @classmethod
    def interrupted(cls) -> BodyStream:
        """Make what a body is when reading it was cancelled amid it: an error to whoever asks."""
        return cls(_Interrupted(), None, None)

    def __del__(self) -> None:
        """Do nothing: to be closed, as all that ``io`` has is at its end, takes long."""

    def readable(self) -> bool:
        """Say that it can be read (``io`` asks)."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Return up to ``size`` bytes, all that comes when it is negative; ``b""`` at the end."""
        if size is not None and size >= 0:
            return self._read(size) if size else b""
        data = self._read(BULK, bulk=True)
        if self.received == self.length:  # the usual case
            return data
        whole = io.BytesIO()  # and no list: of tiny pieces it would take many times their bytes
        while data:
            whole.write(data)
            data = self._read(BULK, bulk=True)
        return whole.getvalue()

    def complete(self, begun: bytes) -> bytes:
        """Return all, when the source has given the beginning of it."""
        return self._count(begun) + self.read()

    async def acomplete(self, begun: bytes) -> bytes:
        """Return all as :meth:`complete` does, without blocking the event loop."""
        pieces = [self._count(begun)]
        while data := await self.aread():
            pieces.append(data)
        return b"".join(pieces)

    def read_bulk(self, size: int) -> bytes:
        """Return up to ``size`` bytes, ``b""`` at the end; for who will read all of the body.

        An event loop is asked for many of its pieces at once, and not for each.
        """
        return self._read(size, bulk=True)

    def read_without(self, byte: bytes) -> list[bytes]:
        """Return the next pieces, as they came, that are there and don't have that byte in them.

        What is not there yet is not waited for: it is none of these.
        """
        return []

    def readall(self) -> bytes:
        """Return all that is left."""
        return self.read()

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill ``buffer`` and return the number of bytes, 0 at the end (``io`` calls it)."""
        view = memoryview(buffer)
        data = self._read(len(view))
        view[: len(data)] = data
        return len(data)

    def _read(self, size: int, bulk: bool = False) -> bytes:
        if self.length is not None:
            size = min(size, self.length - self.received)
            if size <= 0:
                return b""
        try:
            if bulk and hasattr(self.source, "read_ahead"):
                data: bytes = self.source.read_ahead(size, self._most())
            else:
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

    def _most(self, most: int = BULK) -> int:
        """Return how many bytes are read at once: no more than there are or may be."""
        if self.length is not None:
            most = min(most, self.length - self.received)
        if self.limit is not None:
            most = min(most, self.limit - self.received + 1)
        return most

    def _count(self, data: bytes) -> bytes:
        """Hold the limits over one more piece of the body, and cut what is behind its end."""
        if self.length is not None:
            data = data[: self.length - self.received]
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

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the body in chunks as they come, without blocking the event loop."""
        return self  # and no generator: a wait that is cancelled would be the end of it

    async def __anext__(self) -> bytes:
        """Return the next chunk; when it is cancelled, the chunk is left to the next call."""
        if data := await self.aread():
            return data
        raise StopAsyncIteration

    async def aread(self) -> bytes:
        """Return the next chunk; ``b""`` at the end.

        When it is cancelled, by a time limit perhaps, the chunk is left to the next call.
        """
        if self.length is not None and self.received >= self.length and self._kept is None:
            return b""
        next_chunk = getattr(self.source, "next_chunk", None)
        if next_chunk is None:  # a WSGI server's file: reading it blocks
            return await self._aread_in_thread()
        data: bytes = await next_chunk()
        received = self.received + len(data)
        most = self.limit if self.length is None else self.length  # which is within the limit
        if data and (most is None or received <= most):
            self.received = received
            return data
        return self._count(data)

    _kept: Kept | None = None

    async def _aread_in_thread(self) -> bytes:
        from asyncio import to_thread

        from cruse.kept import Kept

        if self._kept is None:
            self._kept = Kept()  # nobody can cancel a thread
        kept = self._kept
        data = await kept.read(lambda: to_thread(self._read, CHUNK))
        if self.received == self.length and not kept.waiting:  # all has been taken, too
            self._kept = None
        return data

    async def spool(self) -> tuple[BodyStream, IO[bytes] | None]:
        """Read all that is left, in memory or, when that is much, into a temporary file.

        Returns:
            A stream that begins there, and the file behind it, to be closed, if there is one.

        Raises:
            InsufficientStorage: When there is no room for that file.
        """
        pieces, much = await self._take()
        if not much:
            return ReadAhead(pieces), None
        from asyncio import to_thread

        with fill_temporary(_new_file) as file:
            while pieces:
                await to_thread(file.writelines, pieces)
                pieces.clear()  # before the next ones come
                pieces, _ = await self._take()
            size = file.tell()
        return BodyStream(file, size, None), file

    async def _take(self) -> tuple[list[bytes], bool]:
        """Return the next pieces, and whether they are more than is kept in memory."""
        pieces, room = [], IN_MEMORY
        while room >= 0 and (self.received != self.length or self._kept is not None):
            run = await self._gather(room + 1)
            if not run:
                break
            pieces += run
            room -= sum(map(len, run)) + PIECE_COST * len(run)
        return pieces, room < 0

    async def _gather(self, wanted: int) -> list[bytes]:
        """Return the next pieces, so many bytes if they come at once; none at the end."""
        gather = getattr(self.source, "gather", None)
        if gather is None:
            return [data] if (data := await self.aread()) else []
        run: list[bytes] = []
        try:
            await gather(run, self._most(wanted))
        except BaseException:
            self.received += sum(map(len, run))
            raise
        received = self.received + sum(map(len, run))
        most = self.limit if self.length is None else self.length  # as in `aread`
        if run and (most is None or received <= most):
            self.received = received
            return run
        return [data for piece in run or [b""] if (data := self._count(piece))]

    def spool_now(self) -> tuple[BodyStream, IO[bytes] | None]:
        """Read all that is left as :meth:`spool` does, from sync code."""
        pieces, room = [], IN_MEMORY
        while room >= 0 and (data := self.read_bulk(BULK)):
            pieces.append(data)
            room -= len(data) + PIECE_COST
        if room >= 0:
            return ReadAhead(pieces), None
        with fill_temporary(_new_file) as file:
            file.writelines(pieces)
            del pieces
            file.writelines(self)
            size = file.tell()
        return BodyStream(file, size, None), file


def _new_file() -> IO[bytes]:
    from tempfile import TemporaryFile

    return cast("IO[bytes]", TemporaryFile())


class ReadAhead(BodyStream):
    """A body that has come before it is asked for, in memory, in the pieces that it came in.

    Args:
        pieces: All of it, in order.
    """

    length: int

    def __init__(self, pieces: list[bytes]) -> None:
        self.length = sum(map(len, pieces))
        self.limit = None
        self.received = 0
        pieces.reverse()
        self._pieces = pieces  # the next one is the last of them
        self._at = 0  # where in it the next byte is

    def read(self, size: int | None = -1) -> bytes:
        """Return ``size`` bytes, all that are left when it is negative or there are no more."""
        wanted = self.length if size is None or size < 0 else size
        pieces = []
        while wanted and (data := self.read_bulk(wanted)):
            pieces.append(data)
            wanted -= len(data)
        return b"".join(pieces)

    def _read(self, size: int, bulk: bool = False) -> bytes:
        return self.read(size)

    def read_bulk(self, size: int) -> bytes:
        """Return what is left of a piece, up to ``size`` bytes, without a copy of a whole one."""
        if not self._pieces:
            return b""
        piece, start, end = self._pieces[-1], self._at, self._at + size
        if end < len(piece):
            self._at = end
        else:
            self._at = 0
            self._pieces.pop()
        data = piece[start:end]
        self.received += len(data)
        return data

    def read_without(self, byte: bytes) -> list[bytes]:
        """Return the next pieces, as they came, that don't have that byte in them."""
        pieces = self._pieces
        if self._at:  # a part of the next one was read
            return []
        places = map(methodcaller("find", byte), reversed(pieces))
        count = len(list(takewhile((-1).__eq__, places)))  # in C: that is all that is done to most
        run = pieces[: -count - 1 : -1]
        del pieces[len(pieces) - count :]
        self.received += sum(map(len, run))
        return run

    async def aread(self) -> bytes:
        """Return the next chunk; ``b""`` at the end."""
        return self.read_bulk(CHUNK)


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
