"""The parts of a multipart form (RFC 7578), one after the other as they arrive.

The parsing is ``multipart``'s push parser, exact at every split point of the input once the first
boundary is found; werkzeug's own decoder loses or adds bytes at some chunk edges (its issue 3285).
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from multipart import (
    MultipartError,
    MultipartSegment,
    ParserError,
    ParserLimitReached,
    PushMultipartParser,
)
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from cruse.headerfields import headers_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from cruse.body import BodyStream

__all__ = ["MemoryBudget", "Part", "Parts"]

PIECE = 128 * 1024  # bytes of a part asked for at a time
HEAD = 4 * 1024  # and between the parts, where what is searched through is not what a part is
MAX_BOUNDARY = 70  # characters, RFC 2046 section 5.1.1
MAX_PART_HEADERS = 8  # RFC 7578 section 4.8 allows three


def _translate(error: MultipartError) -> BadRequest | RequestEntityTooLarge:
    if isinstance(error, ParserLimitReached):
        return RequestEntityTooLarge(f"The form is too large: {error}.")
    return BadRequest(f"The multipart form is malformed: {error}.")


class _Parser(PushMultipartParser):
    """Refuses what its base class lets pass or not, depending on where the bytes are split.

    Inside a part it looks for the first carriage return before it looks for a boundary, which
    begins with one: the one character is found 20 times as fast as the whole line.
    """

    def parse(self, chunk: bytes) -> Iterator[MultipartSegment | bytes | None]:  # type: ignore[override]
        segment = self._segment
        if segment is not None and not segment.complete and not self._buffer:
            end = chunk.find(b"\r")
            if end < 0:
                return map(self._on_segment_payload, (bytes(chunk),))
            if end > len(chunk) // 2:  # else it takes longer to copy what follows
                return self._parse_from(end, chunk)
        return super().parse(chunk)

    def _parse_from(self, end: int, chunk: bytes) -> Iterator[MultipartSegment | bytes | None]:
        yield self._on_segment_payload(bytes(chunk[:end]))
        yield from super().parse(chunk[end:])

    def pass_by(self, stream: BodyStream) -> list[bytes]:
        """Return the next pieces that are there and can't be the end of a part, as parsed."""
        segment = self._segment
        if segment is None or segment.complete or self._buffer:
            return []
        run = stream.read_without(b"\r")
        if run:
            segment.bytes_received += sum(map(len, run))
            self._on_segment_payload(b"")  # holds the limits
        return run

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
        #: All headers of the part.
        self.headers = headers_of(segment.headerlist)
        self._begun: BytesIO | None = None  # what a cancelled `aread` has read

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts.next_payload, None)

    def in_pieces(self) -> Iterator[list[bytes]]:
        """Iterate over the rest of the part in as many pieces as are there at a time."""
        return iter(self._parts.next_pieces, None)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self  # and no generator: a wait that is cancelled would be the end of it

    async def __anext__(self) -> bytes:
        chunk = await self._parts.anext_payload()
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    def read(self) -> bytes:
        """Return the rest of the part; for fields, whose size in memory is limited."""
        whole = BytesIO()
        for chunk in self:
            self._parts.memory.spend(len(chunk))
            whole.write(chunk)
        return whole.getvalue()

    async def aread(self) -> bytes:
        """Return the rest of the part, without blocking the event loop.

        When it is cancelled, the next call returns what has come until then, too.
        """
        whole = self._begun or BytesIO()
        self._begun = whole
        async for chunk in self:
            self._parts.memory.spend(len(chunk))
            whole.write(chunk)
        self._begun = None
        return whole.getvalue()

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

    Args:
        stream: The body.
        boundary: What is between the parts.
        max_parts: The most of them; ``None`` for any number.
        memory: What :meth:`Part.read` may take.
        whole: Whether nobody wants a part before all have come.
    """

    def __init__(
        self,
        stream: BodyStream,
        boundary: str,
        max_parts: int | None,
        memory: MemoryBudget,
        *,
        whole: bool = False,
    ) -> None:
        self.stream = stream
        self._read = stream.read_bulk if whole else stream.read
        self.memory = memory
        self._parser = _push_parser(boundary, max_parts)
        # What comes before the first boundary, whose line may be the very first.
        self._preamble: bytes | None = b"\r\n"
        self._events: Iterator[MultipartSegment | bytes | None] = iter(())
        self._inside = False

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

    def _next(self, many: bool = False) -> MultipartSegment | bytes | list[bytes] | bool | None:
        """Return the next event, ``False`` at the end of the form.

        Inside a part it may be ``many`` pieces at once, if that is asked for.
        """
        while True:
            try:
                for event in self._events:
                    return event
                if many and (run := self._parser.pass_by(self.stream)):
                    return run
            except MultipartError as error:
                raise self._refused(error) from None
            if not self._feed(self._read(PIECE if self._inside else HEAD)):
                return False

    async def _anext(self) -> MultipartSegment | bytes | bool | None:
        while True:
            try:
                for event in self._events:
                    return event
            except MultipartError as error:
                raise self._refused(error) from None
            if not self._feed(await self.stream.aread()):
                return False

    def _refused(self, error: MultipartError) -> BadRequest | RequestEntityTooLarge:
        self._parser.close(check_complete=False)  # type: ignore[no-untyped-call]
        return _translate(error)

    def next_payload(self) -> bytes | None:
        """Return the next bytes of the part that is arriving, ``None`` at its end."""
        event = self._next() if self._inside else None
        if type(event) is bytes:
            return event
        self._inside = False
        return None

    def next_pieces(self) -> list[bytes] | None:
        """Return the next bytes as :meth:`next_payload` does, in all pieces that are there."""
        event = self._next(many=True) if self._inside else None
        if type(event) is list:
            return event
        if type(event) is bytes:
            return [event]
        self._inside = False
        return None

    async def anext_payload(self) -> bytes | None:
        """Return the next bytes of the part, without blocking the event loop."""
        event = await self._anext() if self._inside else None
        if type(event) is bytes:
            return event
        self._inside = False
        return None

    def __iter__(self) -> Iterator[Part]:
        while True:
            while self._inside:
                self.next_payload()  # what the last part's reader left
            event = self._next()
            if event is False:
                return
            if isinstance(event, MultipartSegment):
                self._inside = True
                yield Part(self, event)

    def __aiter__(self) -> AsyncIterator[Part]:
        return self

    async def __anext__(self) -> Part:
        while True:
            while self._inside:
                await self.anext_payload()
            event = await self._anext()
            if event is False:
                raise StopAsyncIteration
            if isinstance(event, MultipartSegment):
                self._inside = True
                return Part(self, event)
