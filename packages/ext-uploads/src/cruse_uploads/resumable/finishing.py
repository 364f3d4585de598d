"""Finishing an upload: its pieces go through the rules of the set, as any file does.

The steps are in an order that lets another request take over wherever this one is killed: the file
is kept as a temporary one, *then* the note says what became of the upload, then the file is
promoted and the application is told, and then the note says so. What came before a crash is found
done; a temporary file whose note was not written is swept. So the application is told once, and
again only when the process ended, or the function failed, while it was being told. Who takes
longer than :data:`~cruse_uploads.resumable.uploads.CLAIM` to tell it is taken for one that ended.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from werkzeug.exceptions import Gone, HTTPException

from cruse_uploads.errors import ObjectExistsError, ObjectNotFoundError
from cruse_uploads.resumable import uploads
from cruse_uploads.resumable.errors import Unfinished

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from cruse_uploads.resumable.uploads import ResumableUpload
    from cruse_uploads.sides import Side
    from cruse_uploads.stored import Stored

    Take = Callable[[Side, ResumableUpload], Coroutine[Any, Any, Stored]]

__all__ = ["Hooks", "finish", "read"]

CHUNK = 1024 * 1024  # bytes of a piece read at a time


@dataclass(frozen=True)
class Hooks:
    """What an application wants to be asked and told; see ``UploadSet.resumable``."""

    authorize: Callable[[ResumableUpload], Any]
    on_finished: Callable[[Stored, ResumableUpload], Any] | None = None
    on_progress: Callable[[ResumableUpload], Any] | None = None
    #: Whether the file is left to be promoted.
    temporary: bool = False

    async def call(self, side: Side, function: Callable[..., Any], *args: Any) -> Any:
        """Call one of them; a plain function takes its time, so on a loop it runs in a thread."""
        call = side.call if inspect.iscoroutinefunction(function) else side.run
        return await call(function, *args)


class _Bytes(AsyncIterator[bytes]):
    """The bytes of an upload's pieces; not a generator, for the reason told in ``sides``."""

    def __init__(self, side: Side, upload: ResumableUpload) -> None:
        self._side = side
        self._upload = upload
        self._claimed = time.monotonic()
        self._keys: Iterator[str] = uploads.pieces_of(upload)
        self._file: BinaryIO | None = None

    async def __anext__(self) -> bytes:
        while True:
            if self._file is None:
                self._file = await self._side.run(self._open_next)
            if self._file is None:
                raise StopAsyncIteration
            if chunk := await self._side.run(self._file.read, CHUNK):
                return chunk
            self.close()

    def _open_next(self) -> BinaryIO | None:
        if time.monotonic() - self._claimed > uploads.CLAIM / 4:
            self._renew()
        key = next(self._keys, None)
        return None if key is None else self._upload.upload_set.storage.open(key)

    def _renew(self) -> None:
        """Show that this process still lives.

        Raises:
            Unfinished: When another has just taken its place.
        """
        uploads.release(self._upload)
        if not uploads.claim(self._upload):
            raise Unfinished
        self._claimed = time.monotonic()

    def close(self) -> None:
        """Close the piece that is open."""
        if self._file is not None:
            self._file.close()
            self._file = None


async def finish(
    side: Side, upload: ResumableUpload, hooks: Hooks, take: Take | None = None
) -> tuple[ResumableUpload, Mapping[str, str]]:
    """Make a file of an upload that has all come.

    Args:
        side: The side this runs on.
        upload: The upload.
        hooks: What the application wants to be told.
        take: What keeps its bytes as a temporary file; they are read from its pieces otherwise.

    Returns:
        The upload as it stands then, and header fields of the application's.

    Raises:
        Unfinished: When another request is about to.
        UploadNotAllowed: When the file breaks a rule; nothing is left of the upload.
        HTTPException: As the application's function raises it. Below 500 it refuses the file, and
            nothing is left of it; otherwise this can be tried again.
    """
    if not await side.run(uploads.claim, upload):
        raise Unfinished
    try:
        return await _finish(side, upload, hooks, take or read)
    except Unfinished:
        raise
    except HTTPException as error:
        refused = (error.code or 500) < 500
        await side.run(_forget if refused else uploads.release, upload)
        raise
    except BaseException:
        await side.run(uploads.release, upload)
        raise


async def _finish(
    side: Side, upload: ResumableUpload, hooks: Hooks, take: Take
) -> tuple[ResumableUpload, Mapping[str, str]]:
    upload = await side.run(uploads.load, upload.upload_set, upload.id)
    if upload.is_finished:  # since it was looked at
        await side.run(uploads.release, upload)
        return upload, {}
    stored = upload.stored or await _store(side, upload, take)
    if not hooks.temporary:
        with suppress(ObjectNotFoundError, ObjectExistsError):  # promoted before a crash
            await side.run(upload.upload_set.promote, stored.key)
    fields = None
    if hooks.on_finished is not None:
        fields = await hooks.call(side, hooks.on_finished, stored, upload)
    upload = await side.run(uploads.drop, upload, stored)
    return upload, fields if isinstance(fields, Mapping) else {}


def _forget(upload: ResumableUpload) -> None:
    """Delete an upload, and the file that became of it meanwhile."""
    with suppress(ObjectNotFoundError):
        uploads.delete(uploads.load(upload.upload_set, upload.id))


async def read(side: Side, upload: ResumableUpload) -> Stored:
    """Keep the bytes of all pieces as a temporary file, which the rules of its set are held over.

    Raises:
        UploadNotAllowed: When it breaks one of them.
    """
    chunks = _Bytes(side, upload)
    try:
        return await upload.upload_set._save(side, chunks, upload.name, temporary=True)
    finally:
        chunks.close()


async def _store(side: Side, upload: ResumableUpload, take: Take) -> Stored:
    """Keep the file as a temporary one, and note it.

    Raises:
        Unfinished: When another request has kept it, too, and was quicker.
        Gone: When a part of a concatenation was deleted meanwhile.
    """
    upload_set, stored = upload.upload_set, await take(side, upload)
    whole = upload.length in (None, stored.size)
    if whole and await side.run(uploads.record, upload, stored):
        return stored
    key = upload_set.storage_key(stored.key, temporary=True)
    await side.run(upload_set.storage.delete, key)
    raise Unfinished if whole else Gone("A part of the upload has expired or was deleted.")
