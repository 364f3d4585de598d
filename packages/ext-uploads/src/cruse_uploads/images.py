"""The width and height of images, from their headers, while they arrive.

Nothing is decoded, so a picture of 65,000 x 65,000 pixels in a few kilobytes costs nothing to
refuse. Each format is a generator that says what it wants next: a positive number of bytes to look
at, or a negative number to skip. So a reader keeps a few bytes at most, and it does not matter how
the file is cut into chunks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import BinaryIO

    Size = tuple[int, int]
    Walk = Generator[int, bytes, Size]

__all__ = ["HeaderReader", "ImageError", "count_scans", "has_header_reader"]

# A camera's JPEG needs some hundred. Ten million fill bytes must not cost seconds.
MAX_STEPS = 10_000


class ImageError(ValueError):
    """The header of an image is not as its format wants it."""


def _png() -> Walk:
    """Walk a PNG: the first chunk has to be IHDR (PNG specification, section 5.6)."""
    head = yield 24
    if head[12:16] != b"IHDR":
        raise ImageError("no IHDR")
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def _gif() -> Walk:
    """Walk a GIF: the logical screen."""
    head = yield 10
    return int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")


def _bmp() -> Walk:
    """Walk a bitmap; a negative height means rows from the top."""
    head = yield 26
    if int.from_bytes(head[14:18], "little") == 12:  # OS/2's header of 16-bit sizes
        return int.from_bytes(head[18:20], "little"), int.from_bytes(head[20:22], "little")
    width = int.from_bytes(head[18:22], "little", signed=True)
    return width, abs(int.from_bytes(head[22:26], "little", signed=True))


def _webp() -> Walk:
    """Walk a WebP (RFC 9649): lossy, lossless or extended."""
    head = yield 30
    kind = head[12:16]
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = head[26:28], head[28:30]
        return (
            int.from_bytes(width, "little") & 0x3FFF,
            int.from_bytes(height, "little") & 0x3FFF,
        )
    if kind == b"VP8L" and head[20] == 0x2F:
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return (
            int.from_bytes(head[24:27], "little") + 1,
            int.from_bytes(head[27:30], "little") + 1,
        )
    raise ImageError("no VP8 chunk")


# Start of frame, in all its codings (ITU-T T.81, table B.1); C4, C8 and CC are other segments.
_SOF = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_SOS, _EOI = 0xDA, 0xD9
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a segment


def _jpeg() -> Walk:
    """Walk the segments of a JPEG to the start of its scan.

    A frame header may hide behind megabytes of metadata. There must be exactly one: decoders
    differ on which of several counts.
    """
    size: Size | None = None
    yield 2
    while True:
        if (yield 1) != b"\xff":
            raise ImageError("no marker")
        marker = 0xFF
        while marker == 0xFF:  # any number of fill bytes
            marker = (yield 1)[0]
        if marker in _ALONE:
            continue
        if marker in (_SOS, _EOI):
            if size is None:
                raise ImageError("no frame")
            return size
        length = int.from_bytes((yield 2), "big")
        if length < 2:
            raise ImageError("bad segment")
        if marker in _SOF:
            if size is not None or length < 8:
                raise ImageError("bad frame")
            frame = yield 5
            size = int.from_bytes(frame[3:5], "big"), int.from_bytes(frame[1:3], "big")
            length -= 5
        yield 2 - length


# Boxes to look into, and how many bytes stand before the boxes in them.
_OPENED = {b"meta": 4, b"iprp": 0, b"ipco": 0}


def _avif() -> Walk:
    """Walk the boxes of an AVIF (ISO 14496-12, 23008-12) to the end of its item properties.

    Each image in it, such as a thumbnail or a layer of transparency, has its size there as
    ``ispe``; the largest is that of the picture.
    """
    sizes: list[Size] = []
    left: int | None = None  # bytes of properties that are still to come
    while left is None or left > 0:
        head = yield 8
        kind, length, used = head[4:8], int.from_bytes(head[:4], "big"), 8
        if length == 1:
            length, used = int.from_bytes((yield 8), "big"), 16
        if length < used:  # zero, too: up to the end of the file, where no properties are
            raise ImageError("bad box")
        if left is not None:
            left -= length
        elif kind == b"ipco":
            left = length - used
        if kind == b"ispe" and left is not None and length >= used + 12:
            ispe = yield 12
            used += 12
            sizes.append((int.from_bytes(ispe[4:8], "big"), int.from_bytes(ispe[8:12], "big")))
        yield -_OPENED[kind] if kind in _OPENED else used - length
    return max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))


_WALKS: dict[str, Callable[[], Walk]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/gif": _gif,
    "image/webp": _webp,
    "image/bmp": _bmp,
    "image/avif": _avif,
}


def has_header_reader(media_type: str) -> bool:
    """Whether the headers of this type of image can be read."""
    return media_type in _WALKS


CHUNK = 64 * 1024  # bytes read at a time
# Those that a segment follows, and the end; what else stands after 0xFF is data.
_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd9-\xfe]")


def count_scans(file: BinaryIO) -> int:
    """Return how many scans a JPEG has, up to its end; what follows, such as a film, is not read.

    Each goes over the whole picture, which a few bytes can ask for.

    Args:
        file: It is read from where it stands.
    """
    found, skip, rest = 0, 0, b""
    while chunk := file.read(CHUNK):
        data = rest + chunk
        while (match := _MARKER.search(data, skip)) and match.end() + 2 <= len(data):
            marker, after = data[match.end() - 1], match.end()
            if marker == _EOI:
                return found
            found += marker == _SOS
            skip = after + int.from_bytes(data[after : after + 2], "big")
        start = match.start() if match else len(data) - 1
        rest, skip = data[max(start, skip) :], max(0, skip - len(data))
    return found


class HeaderReader:
    """Reads the header of one image.

    Args:
        media_type: A type that :func:`has_header_reader` knows.
    """

    def __init__(self, media_type: str) -> None:
        self._walk = _WALKS[media_type]()
        self._wanted = next(self._walk)
        self._kept = b""
        self._steps = 0
        #: Width and height in pixels, once the header is read.
        self.size: Size | None = None

    def feed(self, chunk: bytes) -> bool:
        """Look at the next bytes of the file; whether the header is read now.

        Raises:
            ImageError: When the header is not as it must be.
        """
        pos = 0
        while self.size is None:
            if self._wanted <= 0:
                skipped = min(-self._wanted, len(chunk) - pos)
                pos += skipped
                self._wanted += skipped
                if self._wanted < 0:
                    return False
                self._step(b"")
                continue
            missing = self._wanted - len(self._kept)
            piece = chunk[pos : pos + missing]
            self._kept += piece
            pos += len(piece)
            if len(piece) < missing:
                return False
            data, self._kept = self._kept, b""
            self._step(data)
        return True

    def _step(self, data: bytes) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise ImageError("too many segments")
        try:
            self._wanted = self._walk.send(data)
        except StopIteration as stop:
            width, height = stop.value
            if width <= 0 or height <= 0:
                raise ImageError("no pixels") from None
            self.size = width, height
