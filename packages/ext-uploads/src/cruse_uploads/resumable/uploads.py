"""A resumable upload as it is kept in storage; see the package for the idea.

Its objects have keys ``_resumable/<set>/<two digits>/<id>.<what>``, where ``<what>`` is ``info``
(what was announced at its creation), ``length`` (announced later), a number of twenty digits (the
piece that begins there), ``turn-...`` (of the request that may append), ``claim`` (of the one that
finishes it), ``stored`` (what became of it) and ``told`` (the application knows). One whose client
writes to the object store has ``sent`` in place of pieces. All of it is plain code; on an event
loop it runs in threads.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cruse_uploads.errors import ObjectExistsError, ObjectNotFoundError
from cruse_uploads.storage import Meta

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cruse_uploads.sets import UploadSet
    from cruse_uploads.storage import Storage
    from cruse_uploads.stored import Stored

__all__ = [
    "RESUMABLE",
    "SENT",
    "ResumableUpload",
    "claim",
    "create",
    "declare_length",
    "delete",
    "delete_area",
    "drop",
    "has_turn",
    "is_id",
    "load",
    "open_uploads",
    "pieces_of",
    "record",
    "release",
    "save",
    "take_turn",
    "with_piece",
]

RESUMABLE = "_resumable"  # where uploads are that have not all come; no set's name
SENT = "sent"  # the entry that the client of a direct upload writes by itself
CLAIM = 120  # seconds after which whoever was finishing an upload is taken for dead
_ID = re.compile(r"[0-9a-f]{32}")
_PIECE = re.compile(r"[0-9]{20}")


@dataclass(frozen=True)
class ResumableUpload:
    """An upload that comes in several requests, as it stands."""

    #: The random last part of its URL. Who knows it can go on with the upload.
    id: str
    #: The set it will be in.
    upload_set: UploadSet = field(repr=False)
    #: The client's name for the file, not cleaned; ``""`` when it gave none.
    name: str
    #: What the client said beside that (``Upload-Metadata``). Not to be trusted.
    metadata: Mapping[str, str]
    #: The number of bytes it will have, once that is known.
    length: int | None
    #: The number of bytes that came and are kept.
    offset: int = 0
    #: Who may go on with it, as ``authorize`` told at its creation.
    owner: str | None = None
    #: When nothing more is taken, in seconds since the epoch.
    expires_at: float = 0.0
    #: For how many seconds it is kept after its last byte.
    expires: int = 0
    #: Whether it is a part of a concatenation, and no file by itself.
    partial: bool = False
    #: The uploads that it is the concatenation of.
    parts: tuple[str, ...] = ()
    #: Whether its client writes it into the storage itself, in one piece.
    direct: bool = False
    #: What became of it.
    stored: Stored | None = None
    #: What of it there is in storage: the last parts of its objects' keys.
    entries: tuple[str, ...] = field(default=(), repr=False)

    @property
    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.expires_at <= time.time()

    @property
    def is_finished(self) -> bool:
        """Whether its file is kept and the application knows of it."""
        return "told" in self.entries

    @property
    def is_finishing(self) -> bool:
        """Whether a request has begun to finish it, and may have been killed."""
        return not self.is_finished and ("claim" in self.entries or self.stored is not None)

    def key(self, entry: str) -> str:
        """Return the key in storage of one of its objects."""
        return f"{RESUMABLE}/{self.upload_set.name}/{self.id[:2]}/{self.id}.{entry}"


def is_id(text: str) -> bool:
    """Whether a text can be the id of an upload."""
    return _ID.fullmatch(text) is not None


def create(
    upload_set: UploadSet,
    *,
    name: str,
    metadata: Mapping[str, str],
    length: int | None,
    expires: int,
    partial: bool = False,
    parts: tuple[str, ...] = (),
    direct: bool = False,
) -> ResumableUpload:
    """Return a new upload; nothing of it is in storage before :func:`save`."""
    return ResumableUpload(
        secrets.token_hex(16),
        upload_set,
        name,
        metadata,
        length,
        offset=(length or 0) if parts else 0,
        expires_at=time.time() + expires,
        expires=expires,
        partial=partial,
        parts=parts,
        direct=direct,
    )


def save(upload: ResumableUpload, owner: str | None) -> ResumableUpload:
    """Put a new upload into storage."""
    upload = replace(upload, owner=owner)
    info = {
        "name": upload.name,
        "metadata": dict(upload.metadata),
        "length": upload.length,
        "owner": owner,
        "created": time.time(),
        "expires": upload.expires,
        "partial": upload.partial,
        "parts": list(upload.parts),
        "direct": upload.direct,
    }
    _put(upload.upload_set.storage, upload.key("info"), info)
    return upload


def load(upload_set: UploadSet, upload_id: str) -> ResumableUpload:
    """Return an upload as it stands in storage.

    Raises:
        ObjectNotFoundError: When there is none.
    """
    if not is_id(upload_id):
        raise ObjectNotFoundError(upload_id)
    storage = upload_set.storage
    found = ResumableUpload(upload_id, upload_set, "", {}, None)
    prefix = found.key("")
    entries = tuple(key.removeprefix(prefix) for key in storage.keys(prefix))
    if "info" not in entries:  # also one whose deletion has begun
        raise ObjectNotFoundError(upload_id)
    info = _get(storage, found.key("info"))
    length = _get(storage, found.key("length")) if "length" in entries else info["length"]
    parts = tuple(info["parts"])
    offset, touched = length if parts else 0, info["created"]
    stored = None
    if "stored" in entries:
        stored = upload_set.restore(_get(storage, found.key("stored")))
        offset = length = stored.size
        touched = storage.stat(found.key("stored")).modified
    elif pieces := _pieces(entries):
        try:
            last = storage.stat(found.key(pieces[-1]))
        except ObjectNotFoundError:  # finished since they were listed
            return load(upload_set, upload_id)
        offset, touched = int(pieces[-1]) + last.size, last.modified
    return replace(
        found,
        name=info["name"],
        metadata=info["metadata"],
        length=length,
        offset=offset,
        owner=info["owner"],
        expires_at=touched + info["expires"],
        expires=info["expires"],
        partial=info["partial"],
        parts=parts,
        direct=info.get("direct", False),
        stored=stored,
        entries=entries,
    )


def with_piece(upload: ResumableUpload, size: int) -> ResumableUpload:
    """Return an upload with one more piece, which was just published, of so many bytes."""
    return replace(
        upload,
        offset=upload.offset + size,
        expires_at=time.time() + upload.expires,
        entries=(*upload.entries, f"{upload.offset:020d}"),
    )


def _pieces(entries: tuple[str, ...]) -> list[str]:
    return [entry for entry in entries if _PIECE.fullmatch(entry)]


def declare_length(upload: ResumableUpload, length: int) -> ResumableUpload:
    """Keep the length of an upload that was not known at its creation.

    Raises:
        ObjectExistsError: When another request has told one at the same time.
    """
    _put(upload.upload_set.storage, upload.key("length"), length)
    return replace(upload, length=length)


def take_turn(upload: ResumableUpload) -> str:
    """Let the current request append, and no earlier one; return its turn.

    An earlier one can hang on a connection that has long been cut. Its turn is deleted, which it
    sees before it publishes.
    """
    storage, turn = upload.upload_set.storage, f"turn-{secrets.token_hex(8)}"
    _put(storage, upload.key(turn), None)
    _delete_turns(upload)
    return turn


def _delete_turns(upload: ResumableUpload) -> None:
    for entry in upload.entries:
        if entry.startswith("turn-"):
            upload.upload_set.storage.delete(upload.key(entry))


def has_turn(upload: ResumableUpload, turn: str) -> bool:
    """Whether no other request has begun to append, and the upload was not deleted."""
    try:
        upload.upload_set.storage.stat(upload.key(turn))
    except ObjectNotFoundError:
        return False
    return True


def claim(upload: ResumableUpload) -> bool:
    """Whether the current request may finish an upload, because no other is about to."""
    storage, key = upload.upload_set.storage, upload.key("claim")
    with suppress(ObjectNotFoundError):
        if storage.stat(key).modified < time.time() - CLAIM:
            storage.delete(key)
    try:
        _put(storage, key, None)
    except ObjectExistsError:
        return False
    return True


def release(upload: ResumableUpload) -> None:
    """Let another request finish an upload, since this one could not."""
    upload.upload_set.storage.delete(upload.key("claim"))


def record(upload: ResumableUpload, stored: Stored) -> bool:
    """Keep what became of an upload; whether no other request has done so before."""
    try:
        _put(upload.upload_set.storage, upload.key("stored"), stored.facts())
    except ObjectExistsError:
        return False
    return True


def drop(upload: ResumableUpload, stored: Stored) -> ResumableUpload:
    """Note that an upload is finished, and delete its pieces; return it as it stands then."""
    storage = upload.upload_set.storage
    with suppress(ObjectExistsError):  # told twice, by who was taken for dead
        _put(storage, upload.key("told"), None)
    for entry in (*_pieces(upload.entries), "claim"):
        storage.delete(upload.key(entry))
    if upload.direct:
        storage.delete(upload.key(SENT))
    _delete_turns(upload)
    for part in _parts(upload):
        delete(part)
    return replace(
        upload,
        offset=stored.size,
        length=stored.size,
        stored=stored,
        expires_at=time.time() + upload.expires,
        entries=("info", "stored", "told"),
    )


def delete(upload: ResumableUpload) -> None:
    """Remove all of an upload from storage; its file, too, unless the application knows of it."""
    upload_set, storage = upload.upload_set, upload.upload_set.storage
    if upload.stored is not None and not upload.is_finished:
        upload_set.delete(upload.stored.key)
        storage.delete(upload_set.storage_key(upload.stored.key, temporary=True))
    _delete_turns(upload)
    storage.delete(upload.key("info"))  # from here on it is not found
    delete_area(storage, upload.key(""))


def delete_area(storage: Storage, prefix: str) -> None:
    """Remove what is left of an upload without its note."""
    for key in storage.keys(prefix):
        storage.delete(key)


def pieces_of(upload: ResumableUpload) -> Iterator[str]:
    """Iterate over the keys of all pieces of an upload, in order; those of its parts, too."""
    if upload.direct:
        yield upload.key(SENT)
    for part in _parts(upload):
        yield from map(part.key, _pieces(part.entries))
    yield from map(upload.key, _pieces(upload.entries))


def _parts(upload: ResumableUpload) -> Iterator[ResumableUpload]:
    for part in upload.parts:
        with suppress(ObjectNotFoundError):
            yield load(upload.upload_set, part)


def open_uploads(storage: Storage) -> Iterator[tuple[str, str, str]]:
    """Iterate over what is kept of uploads: the set's name, the id, and what their keys share."""
    seen = set()
    for key in storage.keys(f"{RESUMABLE}/"):
        prefix = key.partition(".")[0]
        if prefix not in seen and prefix.count("/") == 3:
            seen.add(prefix)
            _, name, _, upload_id = prefix.split("/")
            yield name, upload_id, f"{prefix}."


def _put(storage: Storage, key: str, content: Any) -> None:
    """Write a small object.

    Raises:
        ObjectExistsError: When there is one.
    """
    writer = storage.writer(key, Meta(key.rpartition(".")[2], "application/json"))
    try:
        writer.write(json.dumps(content).encode())
        writer.commit()
    except BaseException:
        writer.abort()
        raise


def _get(storage: Storage, key: str) -> Any:
    with storage.open(key) as file:
        return json.loads(file.read())
