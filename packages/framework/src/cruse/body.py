"""Reading what a client sends, with its limits held while reading.

Three things are guarded for every protocol alike: a body longer than allowed is a 413 before the
rest is read, one shorter than announced is a 400 (werkzeug takes a cut body for a whole one where
the server terminates the input), and a read that fails is the client's disconnect, not a 500.
Multipart is parsed by ``multipart``'s push parser, exact at every split point.
"""

from __future__ import annotations

import asyncio
import io
import tempfile
from typing import IO, TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import parse_qsl

from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
)
from werkzeug.datastructures import FileStorage, Headers, MultiDict
from werkzeug.exceptions import BadRequest, ClientDisconnected, RequestEntityTooLarge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from _typeshed import WriteableBuffer

__all__ = ["BodyStream", "FormParser", "Part", "Parts", "parse_query", "spool"]

CHUNK = 64 * 1024  # bytes asked for at a time
SPOOL_IN_MEMORY = 500 * 1024  # bytes of one uploaded file kept in memory before it goes to disk
MAX_PART_HEADERS = 8  # RFC 7578 section 4.8 allows three


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class BodyStream(io.RawIOBase):
    """The body of a request as it arrives: a binary file, and an iterator over its chunks.

    Args:
        source: What the gateway gives: ``read(size)``; for async reading also a coroutine
            ``next_chunk()`` that returns ``b""`` at the end.
        length: The announced length in bytes; ``None`` when the body is chunked.
        limit: The most bytes allowed; ``None`` for any number.
    """

    def __init__(self, source: _Readable, length: int | None, limit: int | None) -> None:
        super().__init__()
        self.source = source
        self.length = length
        self.limit = limit
        self.received = 0
        if length is not None and limit is not None and length > limit:
            raise RequestEntityTooLarge

    def readable(self) -> bool:
        """Say that it can be read (``io`` asks)."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Return up to ``size`` bytes, all that comes when it is negative; ``b""`` at the end."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self._read(CHUNK), b""))
        return self._read(size) if size else b""

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
        except (BadRequest, RequestEntityTooLarge, RuntimeError):
            raise
        except Exception as error:  # servers raise their own: a bad chunk, a reset connection
            raise ClientDisconnected from error
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
            return await asyncio.to_thread(self._read, CHUNK)
        return self._count(await next_chunk())

    def spool_now(self, in_memory: int) -> tuple[IO[bytes], int]:
        """Read all that is left into a temporary file, as :meth:`spool` does, from sync code."""
        target = spool(in_memory)
        try:
            for data in self:
                target.write(data)
        except BaseException:
            target.close()
            raise
        size = target.tell()
        target.seek(0)
        return target, size

    async def spool(self, in_memory: int) -> tuple[IO[bytes], int]:
        """Read all that is left into a temporary file and return it with its size in bytes."""
        target = spool(in_memory)
        try:
            async for data in self:
                target.write(data)
        except BaseException:
            target.close()
            raise
        size = target.tell()
        target.seek(0)
        return target, size


def spool(in_memory: int = SPOOL_IN_MEMORY) -> IO[bytes]:
    """Make a temporary file that stays in memory up to ``in_memory`` bytes."""
    return cast("IO[bytes]", tempfile.SpooledTemporaryFile(max_size=in_memory, mode="w+b"))


def parse_query(query: str, what: str) -> list[tuple[str, str]]:
    """Split ``a=1&b=2`` into pairs of text.

    Args:
        query: The encoded pairs.
        what: What it is, for the error message.

    Raises:
        BadRequest: When the percent-encoded bytes are not UTF-8.
    """
    if "%" not in query and "+" not in query:  # nothing to decode: the usual case, 5 x faster
        pairs = (pair.partition("=") for pair in query.split("&") if pair)
        return [(name, value) for name, _, value in pairs]
    try:
        return parse_qsl(query, keep_blank_values=True, errors="strict")
    except ValueError:
        raise BadRequest(f"The {what} is not valid UTF-8.") from None


def _translate(error: MultipartError) -> BadRequest | RequestEntityTooLarge:
    if isinstance(error, ParserLimitReached):
        return RequestEntityTooLarge(f"The form is too large: {error}.")
    return BadRequest(f"The multipart form is malformed: {error}.")


def _push_parser(boundary: str, max_parts: int | None) -> PushMultipartParser:
    try:
        return PushMultipartParser(
            boundary,
            max_header_count=MAX_PART_HEADERS,
            max_segment_count=float("inf") if max_parts is None else max_parts,
            # Strict mode refuses the line end behind the last boundary when, and only when, it
            # comes in a chunk of its own; what it adds otherwise is no danger.
            strict=False,
        )
    except MultipartError as error:
        raise BadRequest(f"The multipart boundary is not usable: {error}.") from None


class FormParser:
    """Reads a form, urlencoded (URL standard) or multipart (RFC 7578), from a body.

    It has the interface of ``werkzeug.formparser.FormDataParser`` so that
    ``Request.form_data_parser_class`` stays what Flask users know.

    Args:
        stream_factory: Makes the file that an uploaded file is written to.
        max_form_memory_size: The most bytes all fields that are not files may have together.
        max_content_length: Held by the stream already.
        cls: The class of the results.
        max_form_parts: The most fields and files together.
    """

    def __init__(
        self,
        stream_factory: Any = None,
        max_form_memory_size: int | None = None,
        max_content_length: int | None = None,
        cls: type[MultiDict[str, Any]] | None = None,
        *,
        max_form_parts: int | None = None,
    ) -> None:
        self.stream_factory = stream_factory
        self.max_form_memory_size = max_form_memory_size
        self.max_content_length = max_content_length
        self.max_form_parts = max_form_parts
        self.cls: type[MultiDict[str, Any]] = cls or MultiDict

    def parse(
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: int | None,
        options: dict[str, str] | None = None,
    ) -> tuple[IO[bytes], MultiDict[str, Any], MultiDict[str, Any]]:
        """Return ``(stream, form, files)``, both empty when the body is no form.

        Raises:
            BadRequest: When the form is malformed or cut short.
            RequestEntityTooLarge: When it is over a limit.
        """
        if mimetype == "multipart/form-data":
            fields, files = self._multipart(stream, (options or {}).get("boundary", ""))
            return stream, self.cls(fields), self.cls(files)
        if mimetype == "application/x-www-form-urlencoded":
            return stream, self.cls(self._urlencoded(stream)), self.cls()
        return stream, self.cls(), self.cls()

    def _urlencoded(self, stream: IO[bytes]) -> list[tuple[str, str]]:
        limit = self.max_form_memory_size
        data = stream.read() if limit is None else _read_at_most(stream, limit)
        if self.max_form_parts is not None and data.count(b"&") >= self.max_form_parts:
            raise RequestEntityTooLarge("The form has too many fields.")
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise BadRequest("The form is not valid UTF-8.") from None
        return parse_query(text, "form")

    def _multipart(
        self, stream: IO[bytes], boundary: str
    ) -> tuple[list[tuple[str, str]], list[tuple[str, FileStorage]]]:
        fields: list[tuple[str, str]] = []
        files: list[tuple[str, FileStorage]] = []
        memory = _Budget(self.max_form_memory_size)
        try:
            for part in Parts(
                BodyStream(stream, None, None), boundary, self.max_form_parts, memory
            ):
                if part.filename is None:
                    fields.append((part.name, part.text()))
                else:
                    files.append((part.name, self._store(part)))
        except BaseException:
            for _, file in files:
                file.close()
            raise
        return fields, files

    def _store(self, part: Part) -> FileStorage:
        target = self.stream_factory(
            total_content_length=None,
            filename=part.filename,
            content_type=part.content_type,
            content_length=None,
        )
        try:
            for chunk in part:
                target.write(chunk)
        except BaseException:
            target.close()
            raise
        target.seek(0)
        return FileStorage(target, part.filename, part.name, headers=part.headers)


def _read_at_most(stream: IO[bytes], limit: int) -> bytes:
    chunks, size = [], 0
    while data := stream.read(CHUNK):
        size += len(data)
        if size > limit:
            raise RequestEntityTooLarge("The form's fields are too large.")
        chunks.append(data)
    return b"".join(chunks)


class _Budget:
    """The bytes that all fields of one form may still take in memory together."""

    def __init__(self, limit: int | None) -> None:
        self.left = limit

    def spend(self, size: int) -> None:
        if self.left is not None:
            self.left -= size
            if self.left < 0:
                raise RequestEntityTooLarge("The form's fields are too large.")


class Part:
    """One field or file of a multipart form, while it arrives.

    Iterate over it (``for`` in sync code, ``async for`` in async code) for its bytes in chunks.
    What is not read is skipped when the next part is asked for.
    """

    def __init__(self, parts: Parts, segment: MultipartSegment) -> None:
        self._parts = parts
        #: The name of the form field.
        self.name = segment.name or ""
        #: The client's file name, not to be trusted; ``None`` for a field that is no file.
        self.filename = segment.filename
        #: The client's media type, not to be trusted.
        self.content_type = segment.content_type
        try:
            #: All headers of the part.
            self.headers = Headers(segment.headerlist)
        except ValueError:  # a lone CR or LF, which the parser lets pass
            raise BadRequest("The multipart form is malformed: a broken header.") from None

    def __iter__(self) -> Iterator[bytes]:
        while (chunk := self._parts.next_payload()) is not None:
            yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (chunk := await self._parts.anext_payload()) is not None:
            yield chunk

    def read(self) -> bytes:
        """Return the rest of the part; for fields, whose size in memory is limited."""
        chunks = []
        for chunk in self:
            self._parts.memory.spend(len(chunk))
            chunks.append(chunk)
        return b"".join(chunks)

    async def aread(self) -> bytes:
        """Return the rest of the part, without blocking the event loop."""
        chunks = []
        async for chunk in self:
            self._parts.memory.spend(len(chunk))
            chunks.append(chunk)
        return b"".join(chunks)

    def text(self) -> str:
        """Return the rest of the part as text.

        Raises:
            BadRequest: When it is not UTF-8.
        """
        return self._decode(self.read())

    async def atext(self) -> str:
        """Return the rest of the part as text, without blocking the event loop."""
        return self._decode(await self.aread())

    def _decode(self, data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise BadRequest(f"The field {self.name!r} is not valid UTF-8.") from None


class Parts:
    """The parts of a multipart form (RFC 7578) in the order of their arrival.

    Iterate over it with ``for`` in sync code and with ``async for`` in async code. At no time is
    more than one chunk in memory.
    """

    def __init__(
        self,
        stream: BodyStream,
        boundary: str,
        max_parts: int | None,
        memory: _Budget,
    ) -> None:
        self.stream = stream
        self.memory = memory
        self._parser = _push_parser(boundary, max_parts)
        self._events: Iterator[MultipartSegment | bytes | None] = iter(())
        self._inside = False

    def _event(self) -> tuple[bool, MultipartSegment | bytes | None]:
        """Return the next event of what was fed, and whether there was one."""
        try:
            for event in self._events:
                return True, event
        except MultipartError as error:
            raise _translate(error) from None
        return False, None

    def _feed(self, data: bytes) -> bool:
        """Give the parser more bytes; whether the form goes on."""
        if self._parser.closed:
            return False
        if not data:
            try:
                self._parser.close()  # type: ignore[no-untyped-call]
            except MultipartError as error:
                raise _translate(error) from None
            return False
        self._events = self._parser.parse(data)
        return True

    def _next(self) -> MultipartSegment | bytes | bool | None:
        """Return the next event, ``False`` at the end of the form."""
        while True:
            found, event = self._event()
            if found:
                return event
            if not self._feed(self.stream.read(CHUNK)):
                return False

    async def _anext(self) -> MultipartSegment | bytes | bool | None:
        while True:
            found, event = self._event()
            if found:
                return event
            if not self._feed(await self.stream.aread()):
                return False

    def next_payload(self) -> bytes | None:
        """Return the next bytes of the part that is arriving, ``None`` at its end."""
        return self._payload(self._next()) if self._inside else None

    async def anext_payload(self) -> bytes | None:
        """Return the next bytes of the part, without blocking the event loop."""
        return self._payload(await self._anext()) if self._inside else None

    def _payload(self, event: object) -> bytes | None:
        if isinstance(event, bytes | bytearray):
            return bytes(event)
        self._inside = False
        return None

    def __iter__(self) -> Iterator[Part]:
        while True:
            while self.next_payload() is not None:
                continue  # skip what the last part's reader left
            event = self._next()
            if event is False:
                return
            if isinstance(event, MultipartSegment):
                self._inside = True
                yield Part(self, event)

    async def __aiter__(self) -> AsyncIterator[Part]:
        while True:
            while await self.anext_payload() is not None:
                continue
            event = await self._anext()
            if event is False:
                return
            if isinstance(event, MultipartSegment):
                self._inside = True
                yield Part(self, event)
