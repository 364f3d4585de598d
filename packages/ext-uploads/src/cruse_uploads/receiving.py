"""A file's way from the client to storage: once through memory, never through a temporary file.

Nothing is published before the whole form came and kept the rules. So whatever goes wrong, a rule,
a cut body, a client that leaves, a task that is cancelled, there is nothing to clean up but the
writer, which takes all of it back.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import MultiDict

from cruse_uploads.errors import UploadNotAllowed
from cruse_uploads.rules import Intake
from cruse_uploads.sides import Blocking, drive
from cruse_uploads.storage import Meta

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from cruse.parts import Parts
    from cruse_uploads.rules import Rules
    from cruse_uploads.sets import UploadSet
    from cruse_uploads.sides import Side, Sink

__all__ = ["Deposit", "check", "receive", "save"]


class Deposit:
    """One file being written to the storage of a set.

    Args:
        side: The side this runs on.
        upload_set: The set, whose rules hold.
        name: The client's file name.
    """

    def __init__(self, side: Side, upload_set: UploadSet, name: str | None) -> None:
        self.side = side
        self.upload_set = upload_set
        self.intake = Intake(upload_set.rules, name)
        self.key = ""
        self._digest: Any = hashlib.new(upload_set.digest) if upload_set.digest else None
        self._sink: Sink | None = None
        self._pending = bytearray()

    async def fill(self, chunks: AsyncIterator[bytes]) -> None:
        """Write all chunks, checking them as they come.

        Raises:
            UploadNotAllowed: When the file breaks a rule.
        """
        try:
            async for chunk in chunks:
                await self._take(self.intake.feed(chunk))
            await self._take(self.intake.finish())
            await self._flush()
        except BaseException:
            await self.abort()
            raise

    async def _take(self, data: bytes) -> None:
        if not self.side.batch:
            if data:
                await self._write(data)
            return
        self._pending += data
        if len(self._pending) >= self.side.batch:
            await self._flush()

    async def _flush(self) -> None:
        if self._pending:
            data, self._pending = self._pending, bytearray()
            await self._write(data)

    async def _write(self, data: bytes | bytearray) -> None:
        if self._sink is None:
            self._sink = await self._begin()
        if self._digest is not None:
            await self.side.run(self._digest.update, data)
        await self._sink.awrite(data)

    async def _begin(self) -> Sink:
        kind = self.intake.known_type
        self.key = self.upload_set.keys.make(kind.extension)
        meta = Meta(self.intake.name, kind.media_type)
        return await self.side.writer(
            self.upload_set.storage, self.upload_set.storage_key(self.key), meta
        )

    async def commit(self) -> dict[str, Any]:
        """Publish the file and return its facts, as :class:`Stored` takes them."""
        intake = self.intake
        if self._sink is None:
            raise RuntimeError("A file has to be filled before it can be published.")
        await self._sink.acommit()
        width, height = intake.dimensions or (None, None)
        return {
            "key": self.key,
            "name": intake.name,
            "size": intake.size,
            "type": intake.known_type.media_type,
            "width": width,
            "height": height,
            "digest": self._digest.hexdigest() if self._digest is not None else None,
            "upload_set": self.upload_set,
        }

    async def abort(self) -> None:
        """Throw away what was written."""
        self._pending.clear()
        if self._sink is not None:
            await self._sink.aabort()


async def receive(
    side: Side, parts: Parts, upload_set: UploadSet, field: str | None
) -> tuple[dict[str, Any], MultiDict[str, str]]:
    """Store the file of a multipart form as it arrives; return its facts and the form's fields.

    Args:
        side: The side this runs on.
        parts: The form.
        upload_set: Where to.
        field: The name of the file's field; ``None`` for whichever has one.

    Raises:
        UploadNotAllowed: When the file breaks a rule, there is none, or there are several.
        BadRequest: When the form is malformed or cut short.
        RequestEntityTooLarge: When a limit of the form is exceeded.
    """
    form: MultiDict[str, str] = MultiDict()
    deposit: Deposit | None = None
    try:
        async for part in side.parts(parts):
            if part.filename is None:
                form.add(part.name, await side.text(part))
                continue
            if field is not None and part.name != field:
                continue  # what is not read is skipped
            chunks = side.chunks(part)
            if deposit is not None:
                async for _ in chunks:
                    raise upload_set.rules.refuse("too_many")
                continue  # another file input, left empty
            deposit = await _deposit(side, upload_set, part.filename, chunks)
    except BaseException:
        if deposit is not None:
            await deposit.abort()
        raise
    if deposit is None:
        raise upload_set.rules.refuse("missing")
    return await deposit.commit(), form


async def _deposit(
    side: Side, upload_set: UploadSet, name: str, chunks: AsyncIterator[bytes]
) -> Deposit | None:
    """Write a file without publishing it; ``None`` for a file input that was left empty."""
    deposit = Deposit(side, upload_set, name)
    try:
        await deposit.fill(chunks)
    except UploadNotAllowed as error:
        if error.reason == "empty" and not name:  # how browsers send it
            return None
        raise
    return deposit


def save(upload_set: UploadSet, chunks: Iterable[bytes], name: str | None) -> dict[str, Any]:
    """Store a file that is here already; return its facts.

    Raises:
        UploadNotAllowed: When it breaks a rule.
    """

    async def run() -> dict[str, Any]:
        side = Blocking()
        deposit = Deposit(side, upload_set, name)
        await deposit.fill(side.chunks(chunks))
        return await deposit.commit()

    return drive(run())


def check(rules: Rules, chunks: Iterable[bytes], name: str | None) -> None:
    """Hold the rules over a file without storing it.

    Raises:
        UploadNotAllowed: When it breaks a rule.
    """
    intake = Intake(rules, name)
    for chunk in chunks:
        intake.feed(chunk)
    intake.finish()
