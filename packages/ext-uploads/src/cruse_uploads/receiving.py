"""A file's way from the client to storage: once through memory, never through a temporary file.

Nothing is published before the whole form came and kept the rules. So whatever goes wrong, a rule,
a cut body, a client that leaves, a task that is cancelled, there is nothing to clean up but the
writer, which takes all of it back.
"""

from __future__ import annotations

import hashlib
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from werkzeug.datastructures import FileStorage, MultiDict

from cruse_uploads.errors import UploadNotAllowed
from cruse_uploads.names import clean_name
from cruse_uploads.rules import Intake
from cruse_uploads.sides import OnLoop, in_thread
from cruse_uploads.storage import Meta

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

    from cruse.parts import Parts
    from cruse_uploads.rules import Rules
    from cruse_uploads.sets import UploadSet
    from cruse_uploads.sides import Side, Sink

__all__ = [
    "QUARANTINE",
    "TEMPORARY",
    "Deposit",
    "Watch",
    "check",
    "chunks_of",
    "name_of",
    "read_in_thread",
    "receive",
    "save",
]

QUARANTINE = "_quarantine"  # where files are that a scan has not let through; no set's name
TEMPORARY = "_temporary"  # where files are that nobody has promoted yet
PROGRESS = 1024 * 1024  # bytes between two reports
CHUNK = 64 * 1024  # bytes read at a time of a file that is here already


@dataclass(frozen=True)
class Watch:
    """What an application wants to be called for while a file comes in; see ``receive``."""

    on_file: Callable[[MultiDict[str, str], str], Any] | None = None
    progress: Callable[[int], Any] | None = None
    temporary: bool = False

    async def begin(self, side: Side, form: MultiDict[str, str], name: str) -> None:
        """Tell that a file begins, unless it is an input that was left empty."""
        if self.on_file is not None and name:
            await side.call(self.on_file, form, clean_name(name))


class Deposit:
    """One file being written to the storage of a set.

    Args:
        side: The side this runs on.
        upload_set: The set, whose rules hold.
        name: The client's file name.
        watch: What the application wants to be called for.
    """

    def __init__(
        self,
        side: Side,
        upload_set: UploadSet,
        name: str | None,
        watch: Watch,
    ) -> None:
        self.side = side
        self.progress = watch.progress
        self.temporary = watch.temporary
        self._told = 0
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
                if self.progress is not None and self.intake.size - self._told >= PROGRESS:
                    await self._tell(self.progress)
            await self._take(self.intake.finish())
            await self._flush()
            if self.progress is not None and self.intake.size > self._told:
                await self._tell(self.progress)
        except BaseException:
            await self.abort()
            raise

    async def _tell(self, progress: Callable[[int], Any]) -> None:
        self._told = self.intake.size
        await self.side.call(progress, self._told)

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
        key = self._final_key() if self.upload_set.scan is None else self._quarantined_key()
        return await self.side.writer(self.upload_set.storage, key, meta)

    def _final_key(self) -> str:
        return self.upload_set.storage_key(self.key, temporary=self.temporary)

    def _quarantined_key(self) -> str:
        return f"{QUARANTINE}/{self.upload_set.storage_key(self.key)}"

    async def commit(self) -> dict[str, Any]:
        """Publish the file and return its facts, as :class:`Stored` takes them."""
        intake = self.intake
        if self._sink is None:
            raise RuntimeError("A file has to be filled before it can be published.")
        await self._sink.acommit()
        if self.upload_set.scan is not None:
            await self._scan(self.upload_set.scan)
        if self.upload_set.dedupe:
            await self._share()
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

    async def _scan(self, scan: Callable[[BinaryIO], Any]) -> None:
        """Let a file out of quarantine when the scan finds nothing.

        Raises:
            UploadNotAllowed: When it finds something.
        """
        side, storage, key = self.side, self.upload_set.storage, self._quarantined_key()
        try:
            with await side.run(storage.open, key) as file:
                # A plain function takes its time, so on a loop it runs in a thread.
                call = side.call if inspect.iscoroutinefunction(scan) else side.run
                clean = await call(scan, file)
            if clean:
                return await side.run(storage.move, key, self._final_key())
        except BaseException:  # a scan that could not be made has found nothing out
            await side.run(storage.delete, key)
            raise
        if not self.upload_set.quarantine:
            await side.run(storage.delete, key)
        raise self.upload_set.rules.refuse("scan")

    async def _share(self) -> None:
        """Let equal files share their bytes."""
        side, storage, key = self.side, self.upload_set.storage, self._final_key()
        content = f"{self.upload_set.digest}-{self._digest.hexdigest()}"
        try:
            await side.run(storage.share, key, content)
        except BaseException:
            await side.run(storage.delete, key)
            raise

    async def abort(self) -> None:
        """Throw away what was written."""
        self._pending.clear()
        if self._sink is not None:
            await self._sink.aabort()


async def receive(
    side: Side, parts: Parts, upload_set: UploadSet, field: str | None, watch: Watch
) -> tuple[dict[str, Any], MultiDict[str, str]]:
    """Store the file of a multipart form as it arrives; return its facts and the form's fields.

    Args:
        side: The side this runs on.
        parts: The form.
        upload_set: Where to.
        field: The name of the file's field; ``None`` for whichever has one.
        watch: What the application wants to be called for.

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
            await watch.begin(side, form, part.filename)
            made = Deposit(side, upload_set, part.filename, watch)
            deposit = made if await _filled(made, part.filename, chunks) else None
    except BaseException:
        if deposit is not None:
            await deposit.abort()
        raise
    if deposit is None:
        raise upload_set.rules.refuse("missing")
    return await deposit.commit(), form


async def _filled(deposit: Deposit, name: str, chunks: AsyncIterator[bytes]) -> bool:
    """Write a file without publishing it; whether there was one: an input may be left empty."""
    try:
        await deposit.fill(chunks)
    except UploadNotAllowed as error:
        if error.reason == "empty" and not name:  # how browsers send it
            return False
        raise
    return True


async def save(
    side: Side,
    upload_set: UploadSet,
    chunks: AsyncIterator[bytes],
    name: str | None,
    watch: Watch,
) -> dict[str, Any]:
    """Store a file that is here already; return its facts.

    Raises:
        UploadNotAllowed: When it breaks a rule.
    """
    deposit = Deposit(side, upload_set, name, watch)
    await deposit.fill(chunks)
    return await deposit.commit()


def check(rules: Rules, chunks: Iterable[bytes], name: str | None) -> None:
    """Hold the rules over a file without storing it.

    Raises:
        UploadNotAllowed: When it breaks a rule.
    """
    intake = Intake(rules, name)
    for chunk in chunks:
        intake.feed(chunk)
    intake.finish()


def name_of(file: FileStorage | BinaryIO, name: str | None) -> str:
    """Return the client's name for a file that is here already; ``""`` when there is none."""
    if name is not None:
        return name
    if isinstance(file, FileStorage):
        return file.filename or ""
    name = getattr(file, "name", "")  # a number for an unnamed temporary file
    return name if isinstance(name, str) else ""


def chunks_of(file: FileStorage | BinaryIO) -> Iterator[bytes]:
    """Iterate over the bytes of a file from where it stands."""
    return iter(lambda: file.read(CHUNK), b"")


async def read_in_thread(file: FileStorage | BinaryIO) -> AsyncIterator[bytes]:
    """Iterate over the bytes of a file from where it stands, without blocking the event loop."""
    while chunk := await in_thread(file.read, OnLoop.batch):
        yield chunk
