"""The parts of a multipart form (RFC 7578), one after the other as they arrive.

The parsing is ``multipart``'s push parser, exact at every split point of the input once the first
boundary is found; werkzeug's own decoder loses or adds bytes at some chunk edges (its issue 3285).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from multipart import (
    MultipartError,
    MultipartSegment,
    ParserError,
    ParserLimitReached,
    PushMultipartParser,
)
from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from cruse.body import BodyStream

__all__ = ["MemoryBudget", "Part", "Parts"]

PIECE = 256 * 1024  # bytes of a form asked for at a time, half of what a file has in memory
MAX_BOUNDARY = 70  # characters, RFC 2046 section 5.1.1
MAX_PART_HEADERS = 8  # RFC 7578 section 4.8 allows three


def _translate(error: MultipartError) -> BadRequest | RequestEntityTooLarge:
    if isinstance(error, ParserLimitReached):
        return RequestEntityTooLarge(f"The form is too large: {error}.")
    return BadRequest(f"The multipart form is malformed: {error}.")


class _Parser(PushMultipartParser):
    """Refuses what its base class lets pass or not, depending on where the bytes are split."""

    def _on_segment_headerline(self, line: bytes) -> None:
        if b"\n" in line or b"\r" in line:
            raise ParserError("Invalid line break in segment header")
        super()._on_segment_headerline(line)


def _push_parser(boundary: str, max_parts: int | None) -> _Parser:
    if len(boundary) > MAX_BOUNDARY:
        raise BadRequest(f"The multipart boundary is longer than {MAX_BOUNDARY} characters.")
    try:
        return _Parser(
            boundary,
            max_header_count=MAX_PART_HEADERS,
            max_segment_count=float("inf") if max_parts is None else max_parts,
            # Strict mode refuses the line end behind the last boundary when, and only when, it
            # comes in a chunk of its own; what it adds otherwise is no danger.
            strict=False,
        )
    except MultipartError as error:
        raise BadRequest(f"The multipart boundary is not usable: {error}.") from None


class MemoryBudget:
    """The bytes that all fields of one form may still take in memory together.

    Args:
        limit: How many; ``None`` for any number.
    """

    def __init__(self, limit: int | None) -> None:
        self.left = limit

    def spend(self, size: int) -> None:
        """Take ``size`` bytes off.

        Raises:
            RequestEntityTooLarge: When that is more than are left.
        """
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
        memory: MemoryBudget,
    ) -> None:
        self.stream = stream
        self.memory = memory
        self._parser = _push_parser(boundary, max_parts)
        # What comes before the first boundary, whose line may be the very first.
        self._preamble: bytes | None = b"\r\n"
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
        if self._preamble is not None:
            data = self._skip_preamble(self._preamble + data)
        if data:
            self._events = self._parser.parse(data)
        return True

    def _skip_preamble(self, data: bytes) -> bytes:
        """Return what begins with the first boundary, nothing before that has come.

        The parser itself finds it or refuses the form, depending on where the bytes are split.
        """
        line = b"\r\n--" + self._parser.boundary
        start = data.find(line)
        if start < 0:
            self._preamble = data[1 - len(line) :]
            return b""
        self._preamble = None
        return data[start:]

    def _next(self) -> MultipartSegment | bytes | bool | None:
        """Return the next event, ``False`` at the end of the form."""
        while True:
            found, event = self._event()
            if found:
                return event
            if not self._feed(self.stream.read(PIECE)):
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
        if type(event) is bytes:
            return event
        if isinstance(event, bytearray):
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
