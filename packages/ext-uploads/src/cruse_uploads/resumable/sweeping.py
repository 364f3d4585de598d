"""Removing uploads whose time is over, and what is left of those whose deletion broke off."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from cruse_uploads.errors import ObjectNotFoundError
from cruse_uploads.resumable.uploads import delete, delete_area, load, open_uploads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cruse_uploads.sets import UploadSet
    from cruse_uploads.storage import Storage

__all__ = ["sweep"]


def sweep(sets: Mapping[str, UploadSet], storage: Storage, before: float) -> int:
    """Remove expired uploads; return how many.

    Args:
        sets: The sets of the application.
        storage: Their storage.
        before: Of what is no whole upload, leave what was touched since then, in seconds since the
            epoch.
    """
    done = 0
    for name, upload_id, prefix in open_uploads(storage):
        try:
            if name not in sets:
                raise ObjectNotFoundError(name)
            upload = load(sets[name], upload_id)
        except ObjectNotFoundError:
            if _is_younger(storage, prefix, before):
                continue
            delete_area(storage, prefix)
        else:
            if not upload.is_expired:
                continue
            delete(upload)
        done += 1
    return done


def _is_younger(storage: Storage, prefix: str, than: float) -> bool:
    for key in storage.keys(prefix):
        with suppress(ObjectNotFoundError):
            if storage.stat(key).modified >= than:
                return True
    return False
