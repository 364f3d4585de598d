"""Appending the body of one request to an upload, piece by piece as it arrives."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from cruse_uploads.errors import ObjectExistsError
from cruse_uploads.resumable.errors import ChecksumMismatch, Overtaken
from cruse_uploads.resumable.uploads import has_turn, take_turn, with_piece
from cruse_uploads.rules import Intake
from cruse_uploads.storage import Meta

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from cruse_uploads.resumable.asked import Checksum
    from cruse_uploads.resumable.uploads import ResumableUpload
    from cruse_uploads.sides import Side, Sink

__all__ = ["PIECE", "Appending"]

#: Bytes of a piece: what a killed process costs at most. Less than the 5 MiB from which on an
#: object goes up in parts, for only a single request has the condition that there is none.
PIECE = 4 * 1024 * 1024
STEP = 256 * 1024  # bytes taken at a time, so that no piece becomes much larger
_META = Meta("piece", "application/octet-stream")


class Appending:
    """What one request adds to an upload.

    Args:
        side: The side this runs on.
        upload: The upload as it stands.
        checksum: What the body has to hash to. Then it is kept whole or not at all (tus 1.0,
            "Checksum"), as one piece.
        progress: Called with the upload whenever a piece is kept.
    """

    def __init__(
        self,
        side: Side,
        upload: ResumableUpload,
        checksum: Checksum | None,
        progress: Callable[[ResumableUpload], Awaitable[None]],
    ) -> None:
        self.side = side
        #: As it stands now.
        self.upload = upload
        self._checksum = checksum
        self._digest: Any = hashlib.new(checksum.algorithm) if checksum is not None else None
        self._progress = progress
        self._turn = ""
        self._sink: Sink | None = None
        self._written = 0  # of the piece
        self._gathered = bytearray()
        # A file that is not allowed is refused at its first bytes, not when all have come.
        begins = upload.offset == 0 and not upload.partial
        self._intake = Intake(upload.upload_set.rules, upload.name or None) if begins else None

    async def take(self, chunks: AsyncIterator[bytes]) -> None:
        """Append all chunks; when they break off, those that came.

        Raises:
            UploadNotAllowed: When the file breaks a rule that its beginning shows.
            ChecksumMismatch: When the body is not what it was to be; none of it is kept.
            Overtaken: When another request appends.
            StorageFull: When there is no room left; what was kept before stays.
        """
        self._turn = await self.side.run(take_turn, self.upload)
        try:
            while (chunk := await self._next(chunks)) is not None:
                if self._intake is not None:
                    self._intake.feed(chunk)
                for start in range(0, len(chunk), STEP):  # whatever the server hands out at once
                    await self._add(chunk[start : start + STEP])
            await self._finish()
        except BaseException:
            await self._abort()
            raise

    async def _next(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        """Return the next chunk; keep what came before when reading it fails."""
        try:
            return await anext(chunks, None)
        except BaseException:
            if self._checksum is None:
                with suppress(Overtaken):
                    await self._publish()
            raise

    async def _finish(self) -> None:
        if self._checksum is not None:
            await self._flush()
            if self._digest.digest() != self._checksum.value:
                raise ChecksumMismatch
        await self._publish()

    async def _add(self, chunk: bytes) -> None:
        self._gathered += chunk
        if len(self._gathered) >= self.side.batch:
            await self._flush()
        if self._checksum is None and self._written >= PIECE:
            await self._publish()

    async def _flush(self) -> None:
        if not self._gathered:
            return
        data, self._gathered = self._gathered, bytearray()
        if self._digest is not None:
            await self.side.run(self._digest.update, data)
        if self._sink is None:
            key = self.upload.key(f"{self.upload.offset:020d}")
            self._sink = await self.side.writer(self.upload.upload_set.storage, key, _META)
        await self._sink.awrite(data)
        self._written += len(data)

    async def _publish(self) -> None:
        """Keep the current piece, if there is one."""
        await self._flush()
        sink = self._sink
        if sink is None:
            return
        if not await self.side.run(has_turn, self.upload, self._turn):
            raise Overtaken
        try:
            await sink.acommit()
        except ObjectExistsError:
            raise Overtaken from None
        self.upload = with_piece(self.upload, self._written)
        self._sink, self._written = None, 0
        await self._progress(self.upload)

    async def _abort(self) -> None:
        self._gathered.clear()
        self._written = 0
        sink, self._sink = self._sink, None
        if sink is not None:
            await sink.aabort()
