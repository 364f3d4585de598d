"""Looking after what is stored: sweeping leftovers, checking, counting, migrating."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cruse_uploads.errors import ObjectExistsError, ObjectNotFoundError
from cruse_uploads.filetypes import HEAD
from cruse_uploads.receiving import QUARANTINE, TEMPORARY
from cruse_uploads.resumable import sweeping
from cruse_uploads.resumable.uploads import RESUMABLE
from cruse_uploads.storage import Meta, copy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cruse_uploads.extension import Uploads
    from cruse_uploads.storage import Storage

__all__ = ["Swept", "Total", "migrate", "stats", "sweep", "verify"]


@dataclass
class Swept:
    """What a sweep did."""

    #: Temporary files that nobody promoted in time, and that are gone.
    temporary: int = 0
    #: Temporary files that were in use, and are promoted.
    promoted: int = 0
    #: Files that left quarantine for nowhere.
    quarantined: int = 0
    #: Resumable uploads that expired.
    expired: int = 0
    #: Pieces of uploads whose process was killed.
    pieces: int = 0


@dataclass
class Total:
    """The files of one set."""

    files: int = 0
    size: int = 0


def _older(storage: Storage, area: str, before: float) -> Iterator[tuple[str, str, str]]:
    """Iterate over what an area has from before a time: its full key, the set and the key."""
    for full in storage.keys(f"{area}/"):
        with suppress(ObjectNotFoundError):  # somebody else sweeps
            if storage.stat(full).modified < before:
                name, _, key = full.removeprefix(f"{area}/").partition("/")
                yield full, name, key


def sweep(uploads: Uploads, older: float) -> Swept:
    """Remove what nobody needs any more; in an application context.

    Args:
        uploads: The extension.
        older: Leave what is younger, in seconds.
    """
    state, now, done = uploads.state, time.time(), Swept()
    storage = state.storage
    for full, name, key in _older(storage, TEMPORARY, now - older):
        in_use = uploads.sets[name].in_use if name in uploads.sets else None
        if in_use is not None and in_use(key):
            with suppress(ObjectNotFoundError, ObjectExistsError):
                storage.move(full, f"{name}/{key}")
                done.promoted += 1
        else:
            storage.delete(full)
            done.temporary += 1
    kept = max(older, state.settings.quarantine_expires)
    for full, _, _ in _older(storage, QUARANTINE, now - kept):
        storage.delete(full)
        done.quarantined += 1
    done.expired = sweeping.sweep(uploads.sets, storage, now - older)
    done.pieces = storage.sweep(now - older)
    return done


def stats(uploads: Uploads) -> dict[str, Total]:
    """Count the files of each set, thumbnails included, and what is in quarantine or temporary."""
    storage = uploads.state.storage
    totals: dict[str, Total] = {name: Total() for name in sorted(uploads.sets)}
    keys = storage.keys()
    for key in keys:
        total = totals.setdefault(key.partition("/")[0], Total())
        with suppress(ObjectNotFoundError):
            total.size += storage.stat(key).size
            total.files += 1
    return totals


def verify(uploads: Uploads) -> Iterator[tuple[str, str]]:
    """Iterate over the keys in storage that something is wrong with, and what it is."""
    storage = uploads.state.storage
    keys = storage.keys()
    for full in keys:
        name, _, key = full.partition("/")
        if name in (QUARANTINE, TEMPORARY, RESUMABLE):
            continue
        upload_set = uploads.sets.get(name)
        if upload_set is None:
            yield full, "is in no upload set"
            continue
        try:
            facts = storage.stat(full)
            with storage.open(full) as file:
                head = file.read(HEAD)
        except ObjectNotFoundError:
            continue  # deleted meanwhile
        kind = upload_set.type_of(key)
        if not facts.size:
            yield full, "is empty"
        elif not kind.matches(head):
            yield full, f"does not look like {kind.media_type}"
        elif facts.meta is None:
            yield full, "has lost its name"


def migrate(keys: list[str], source: Storage, target: Storage) -> Iterator[tuple[str, bool]]:
    """Copy objects to other storage; iterate over their keys, and whether each was copied.

    What is there already in full is left, so that a migration that was interrupted goes on. The
    source is not changed: when the application uses the other storage, run it once more.
    """
    there = set(target.keys())
    for key in keys:
        try:
            facts = source.stat(key)
            if key in there and target.stat(key).size == facts.size:
                yield key, False
                continue
            meta = facts.meta or Meta(key.rpartition("/")[2], "application/octet-stream")
            with source.open(key) as file:
                target.delete(key)
                copy(file, target.writer(key, meta))
            if meta.content is not None and target.shares:
                target.share(key, meta.content)
        except ObjectNotFoundError:
            continue  # deleted meanwhile
        yield key, True
