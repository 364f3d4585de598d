"""The extension: the sets of an application, their storage, and the route that serves them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path  # noqa: TC003 (the settings' types are looked up when they are read)
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, BinaryIO

from werkzeug.exceptions import Forbidden, NotFound

from cruse import Blueprint, request
from cruse.extension import Extension, ExtensionState, SettingsError
from cruse_uploads import upkeep
from cruse_uploads.filetypes import DEFAULTS
from cruse_uploads.names import is_key
from cruse_uploads.sets import UploadSet
from cruse_uploads.signing import is_signed
from cruse_uploads.storage import Meta
from cruse_uploads.storage.local import LocalStorage
from cruse_uploads.variants import check_pillow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import click

    from cruse import Cruse, Response
    from cruse_uploads.filetypes import AllExcept, FileType
    from cruse_uploads.storage import Storage
    from cruse_uploads.upkeep import Swept
    from cruse_uploads.variants import Variant

__all__ = ["Uploads", "UploadsSettings", "UploadsState"]


@dataclass(frozen=True)
class UploadsSettings:
    """The settings, ``UPLOADS_FOLDER`` and so on in ``app.config``."""

    #: Where files are kept; relative to the instance folder.
    folder: str | Path = "uploads"
    #: Where they are served. Read when the extension is bound, so it has to be set before.
    url_prefix: str = "/_uploads"
    #: For how many seconds browsers may keep a file of a public set without asking.
    max_age: int = 24 * 60 * 60
    #: For how many seconds a URL of a private set works.
    url_expires: int = 60 * 60
    #: Whether a file is on the disk before it counts as kept.
    fsync: bool = True
    #: For how many seconds files that a scan refused are kept, in sets with ``quarantine=True``.
    quarantine_expires: int = 30 * 24 * 60 * 60

    #: Where nginx finds the folder: the path of an internal location, for X-Accel-Redirect.
    x_accel: str = ""
    #: Whether browsers are sent to the object store itself, by signed URLs.
    redirect: bool = False
    #: How many images are decoded at the same time in a process; each takes 4 bytes per pixel.
    decoders: int = 2

    def __post_init__(self) -> None:
        if self.decoders < 1:
            raise SettingsError("UPLOADS_DECODERS must be 1 or more.")
        for key, path in (("URL_PREFIX", self.url_prefix), ("X_ACCEL", self.x_accel or "/-")):
            if not path.startswith("/") or path.endswith("/"):
                raise SettingsError(f"UPLOADS_{key} must begin with a slash and not end in one.")


class UploadsState(ExtensionState[UploadsSettings]):
    """What belongs to one application."""

    extension: Uploads
    #: The prefix that the route was registered with.
    url_prefix: str

    @cached_property
    def storage(self) -> Storage:
        """Where its files are kept."""
        if self.extension.make_storage is not None:
            return self.extension.make_storage(self.app)
        folder = os.path.join(self.app.instance_path, self.settings.folder)
        return LocalStorage(folder, fsync=self.settings.fsync)

    @cached_property
    def decoders(self) -> BoundedSemaphore:
        """Held while an image is decoded."""
        return BoundedSemaphore(self.settings.decoders)


class Uploads(Extension[UploadsState]):
    """Receives, keeps and serves files that clients send.

    Args:
        app: Bind it to this application at once.
        storage: A function that makes an application's storage; without it, a folder on the
            local disk.
    """

    name = "uploads"
    prefix = "UPLOADS_"
    settings = UploadsSettings
    state_class = UploadsState

    def __init__(
        self, app: Cruse | None = None, *, storage: Callable[[Cruse], Storage] | None = None
    ) -> None:
        self.make_storage = storage
        #: The sets by their names.
        self.sets: dict[str, UploadSet] = {}
        super().__init__(app)

    def set(
        self,
        name: str,
        *,
        allow: Iterable[str | FileType] | AllExcept = DEFAULTS,
        max_size: int | str | None = "10 MB",
        max_pixels: int | None = 50_000_000,
        key: str = "{yyyy}/{mm}/{id}.{ext}",
        digest: str | None = None,
        dedupe: bool = False,
        variants: Mapping[str, Variant] | None = None,
        private: bool = False,
        scan: Callable[[BinaryIO], Any] | None = None,
        quarantine: bool = False,
        in_use: Callable[[str], bool] | None = None,
    ) -> UploadSet:
        """Declare an upload set.

        Args:
            name: What it is called in URLs and in storage.
            allow: The types it takes: a preset such as ``IMAGES``, extensions, :class:`FileType`
                objects, or ``ALL`` and ``AllExcept(...)``.
            max_size: The most bytes of a file, or a text such as ``"10 MB"`` or ``"512 KiB"``;
                ``None`` for any number.
            max_pixels: The most pixels of an image, width x height; ``None`` for any number.
            key: The template of its keys, see :class:`~cruse_uploads.names.KeyTemplate`.
            digest: Compute ``Stored.digest`` with this algorithm of ``hashlib``; ``"blake2b"`` is
                the quickest of the strong ones.
            dedupe: Keep the bytes of equal files once, told by a strong digest. Each file still
                has its own key and name, and can be deleted alone. For storage that can: the disk
                and memory, not object stores.
            variants: What may be asked for of its images by a URL, such as
                ``{"small": Variant(480)}``; see :class:`Variant`.
            private: Serve its files by signed, expiring URLs only.
            scan: Called with each file, open for reading, before anybody can see it; whether it
                is harmless. An async function is for ``areceive`` and ``asave`` alone.
            quarantine: Keep files that are not, for ``UPLOADS_QUARANTINE_EXPIRES`` seconds, where
                no URL leads to; they are deleted otherwise.
            in_use: Whether your database refers to a key; the sweep promotes temporary files that
                are in use, left when a process ended between commit and promotion.

        Raises:
            ValueError: When there is a set of this name, or an argument is not understood.
        """
        if name in self.sets:
            raise ValueError(f"There is an upload set named {name!r} already.")
        self.sets[name] = UploadSet(
            self,
            name,
            allow=allow,
            max_size=max_size,
            max_pixels=max_pixels,
            key=key,
            digest=digest,
            dedupe=dedupe,
            variants=variants,
            private=private,
            scan=scan,
            quarantine=quarantine,
            in_use=in_use,
        )
        return self.sets[name]

    # -- the contract ----------------------------------------------------------------------------

    def setup(self, state: UploadsState) -> None:
        """Add ``upload_url`` to the templates."""
        state.app.add_template_global(self.url_for, "upload_url")

    def url_for(
        self, name: str, key: str, expires: int | None = None, variant: str | None = None
    ) -> str:
        """Return where browsers get a file; in templates, ``upload_url("photos", photo.key)``.

        Args:
            name: The name of its set.
            key: Its key.
            expires: See :meth:`UploadSet.url_for`.
            variant: See there, too.
        """
        return self.sets[name].url_for(key, expires=expires, variant=variant)

    def make_blueprint(self, state: UploadsState) -> Blueprint:
        """Return the blueprint with the route that serves files."""
        # Not state.settings: reading them here would close them to what is configured later.
        # What is wrong with it is told at start.
        prefix = state.app.config.get("UPLOADS_URL_PREFIX")
        if not isinstance(prefix, str) or not prefix.startswith("/"):
            prefix = UploadsSettings.url_prefix
        state.url_prefix = prefix
        blueprint = Blueprint("uploads", __name__, url_prefix=state.url_prefix)
        blueprint.add_url_rule("/<upload_set>/<path:key>", "file", self.serve)
        return blueprint

    def commands(self, state: UploadsState) -> click.Command:
        """Return ``cruse uploads``."""
        from cruse_uploads.commands import make_group

        return make_group(self)

    def startup(self, state: UploadsState) -> None:
        """Check what was configured after the extension was bound."""
        if state.settings.url_prefix != state.url_prefix:
            raise SettingsError(
                "UPLOADS_URL_PREFIX was set after the extension was bound, when its route had "
                "been registered. Set it before 'app.use(uploads)'."
            )

        if declared := [each for known in self.sets.values() for each in known.variants.values()]:
            check_pillow(declared)
        sharing = [each.name for each in self.sets.values() if each.dedupe]
        if sharing and not state.storage.shares:
            raise SettingsError(
                f"The upload set {sharing[0]!r} has 'dedupe=True', and {state.storage!r} can't "
                "keep equal files once. Take it away, or keep files on the disk."
            )

    def health(self, state: UploadsState) -> Mapping[str, object]:
        """See whether the storage takes files, without leaving one there; return where it is.

        Raises:
            OSError: When it takes none, as what a storage of your own raises then.
            StorageFull: When there is no room left.
        """
        writer = state.storage.writer("health", Meta("health", "text/plain"))
        try:
            writer.write(b"health")  # a full disk takes a file, but nothing into it
        finally:
            writer.abort()
        return {"storage": repr(state.storage)}

    def sweep(self, older: float = 24 * 60 * 60) -> Swept:
        """Remove what nobody needs: temporary files that were not promoted, broken uploads.

        For a task that runs every day; ``cruse uploads sweep`` does the same.

        Args:
            older: Leave what is younger, in seconds.
        """
        return upkeep.sweep(self, older)

    def serve(self, upload_set: str, key: str) -> Response:
        """Answer with a file; the view of ``uploads.file``.

        Raises:
            NotFound: When there is no such set or file (404).
            Forbidden: When the set is private, and the URL not signed for now (403).
        """
        found = self.sets.get(upload_set)
        if found is None or not is_key(key):
            raise NotFound
        if found.private and not is_signed(self.state.app, found.name, key, request.args):
            raise Forbidden("This link has expired, or was never valid.")
        return found.send(key)
