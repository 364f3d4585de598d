"""The names of Flask-Uploads and Flask-Reuploaded, for applications that come from there.

Such an application changes its imports to this module and keeps its views, its settings
(``UPLOADED_PHOTOS_DEST`` and its like, ``UPLOADS_DEFAULT_DEST``, ``UPLOADS_AUTOSERVE``), its files
and their URLs. What is safer than there comes by itself: a file is looked into, not only at its
name; it appears whole or not at all, and never in the place of another; and it is served with
header fields that keep a browser from running it.

What is new is better written with :class:`cruse_uploads.Uploads`. An application has one of both.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import FileStorage
from werkzeug.utils import secure_filename

from cruse import Blueprint, abort, current_app, send_from_directory, url_for
from cruse_uploads import errors, filetypes
from cruse_uploads.errors import ObjectExistsError
from cruse_uploads.filetypes import (
    ARCHIVES,
    AUDIO,
    BINARY,
    BY_EXTENSION,
    DATA,
    DOCUMENTS,
    EXECUTABLES,
    HEAD,
    SCRIPTS,
    TEXT,
)
from cruse_uploads.names import clean_name, is_key
from cruse_uploads.serving import protect
from cruse_uploads.storage import Meta, copy
from cruse_uploads.storage.local import LocalStorage

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from cruse import Cruse, Response

__all__ = [
    "ALL",
    "ARCHIVES",
    "AUDIO",
    "DATA",
    "DEFAULTS",
    "DOCUMENTS",
    "EXECUTABLES",
    "IMAGES",
    "SCRIPTS",
    "SOURCE",
    "TEXT",
    "AllExcept",
    "TestingFileStorage",
    "UploadConfiguration",
    "UploadNotAllowed",
    "UploadSet",
    "addslash",
    "config_for_set",
    "configure_uploads",
    "extension",
    "lowercase_ext",
    "patch_request_class",
]

#: With SVG, as there; browsers get it for saving only.
IMAGES = (*filetypes.IMAGES, "svg")
SOURCE = (
    *filetypes.SOURCE,
    *("ada", "f", "for", "f90", "f95", "f03", "dd", "di", "hs", "fs", "cbl", "cob", "asm", "s"),
)
DEFAULTS = TEXT + DOCUMENTS + IMAGES + DATA
ATTEMPTS = 100  # to find a name that is free, while others look for one, too
_STATE = "reuploaded"  # our place in app.extensions


class UploadNotAllowed(errors.UploadNotAllowed):
    """A file that is refused; left alone, 415.

    Args:
        description: One or two sentences for the user.
        reason: Which rule it broke.
    """

    def __init__(
        self,
        description: str = "Files of this type are not accepted here.",
        reason: errors.Reason = "name",
    ) -> None:
        super().__init__(reason, description)


class TestingFileStorage(FileStorage):
    """A file for tests: a set checks its name only, and writes nothing."""

    __test__ = False  # for pytest, which goes by the name
    #: Where it would have been written.
    saved: str | None = None

    def save(self, dst: Any, buffer_size: int = 16384) -> None:
        """Note where it would be written."""
        self.saved = os.fspath(dst)


class AllExcept:
    """All extensions but some."""

    def __init__(self, items: Container[str]) -> None:
        self.items = items

    def __contains__(self, item: str) -> bool:
        return item not in self.items


ALL = AllExcept(())


def extension(filename: str) -> str:
    """Return the extension of a name, as it is written and without its dot."""
    return os.path.splitext(filename)[1][1:]


def lowercase_ext(filename: str) -> str:
    """Return a name with its extension in lower case."""
    stem, dotted = os.path.splitext(filename)
    return stem + dotted.lower()


def addslash(url: str) -> str:
    """Return a URL that ends in a slash."""
    return url if url.endswith("/") else f"{url}/"


@dataclass
class UploadConfiguration:
    """Where the files of one set are, by which URL, and what is allowed or denied besides."""

    destination: str
    base_url: str | None = None
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


def config_for_set(
    uset: UploadSet, app: Cruse, defaults: dict[str, str | None] | None = None
) -> UploadConfiguration:
    """Read the settings of one set.

    Args:
        uset: The set.
        app: The application.
        defaults: ``dest`` and ``url`` for sets without their own.

    Raises:
        RuntimeError: When it is not told where its files go.
    """
    prefix, defaults = f"UPLOADED_{uset.name.upper()}_", defaults or {}
    destination, base_url = (app.config.get(prefix + key) for key in ("DEST", "URL"))
    if destination is None and uset.default_dest is not None:
        destination = uset.default_dest(app)
    if destination is None:
        folder, url = defaults.get("dest"), defaults.get("url")
        if folder is None:
            raise RuntimeError(
                f"The upload set {uset.name!r} has no destination. Set {prefix}DEST."
            )
        destination = os.path.join(folder, uset.name)
        if base_url is None and url is not None:
            base_url = f"{addslash(url)}{uset.name}/"
    allow, deny = (tuple(app.config.get(prefix + key, ())) for key in ("ALLOW", "DENY"))
    return UploadConfiguration(os.fspath(destination), base_url, allow, deny)


def configure_uploads(app: Cruse, upload_sets: UploadSet | Iterable[UploadSet]) -> None:
    """Read the settings of upload sets; with ``UPLOADS_AUTOSERVE``, serve their files.

    Args:
        app: The application, configured.
        upload_sets: One or more. May be called again for others.

    Raises:
        RuntimeError: When a set is not told where its files go.
    """
    sets = (upload_sets,) if isinstance(upload_sets, UploadSet) else upload_sets
    known: dict[str, UploadConfiguration] = app.extensions.setdefault(_STATE, {})
    defaults = {key.lower(): app.config.get(f"UPLOADS_DEFAULT_{key}") for key in ("DEST", "URL")}
    for each in sets:
        known[each.name] = config_for_set(each, app, defaults)
    served = any(each.base_url is None for each in known.values())
    if app.config.get("UPLOADS_AUTOSERVE") and served and "_uploads" not in app.blueprints:
        blueprint = Blueprint("_uploads", __name__, url_prefix="/_uploads")
        blueprint.add_url_rule("/<setname>/<path:filename>", "uploaded_file", uploaded_file)
        app.register_blueprint(blueprint)


def patch_request_class(app: Cruse, size: int | None = 64 * 1024 * 1024) -> None:
    """Limit the bytes of a request, as ``MAX_CONTENT_LENGTH`` does.

    Args:
        app: The application.
        size: The most bytes; ``None`` leaves what is configured.
    """
    if size is not None:
        app.config["MAX_CONTENT_LENGTH"] = size


def uploaded_file(setname: str, filename: str) -> Response:
    """Answer with a file; the view of ``_uploads.uploaded_file``.

    Raises:
        NotFound: When there is no such set or file (404).
    """
    config: UploadConfiguration | None = current_app.extensions[_STATE].get(setname)
    if config is None or not is_key(filename):
        abort(404)
    kind = BY_EXTENSION.get(extension(filename).lower(), BINARY)
    folder = os.path.abspath(config.destination)
    response = send_from_directory(folder, filename, mimetype=kind.media_type)
    return protect(response, filename.rpartition("/")[2], attached=not kind.inline)


class UploadSet:
    """The files of one purpose, kept under names that clients chose.

    Args:
        name: What it is called in settings and URLs: letters and digits.
        extensions: What it takes: presets, added up, or any container.
        default_dest: Called with the application for where the files go, unless a setting says.

    Raises:
        ValueError: When the name has other characters.
    """

    def __init__(
        self,
        name: str = "files",
        extensions: Container[str] = DEFAULTS,
        default_dest: Callable[[Cruse], str] | None = None,
    ) -> None:
        if not name.isalnum():
            raise ValueError(f"An upload set can't be called {name!r}: use letters and digits.")
        self.name = name
        self.extensions = extensions
        self.default_dest = default_dest
        self._config: UploadConfiguration | None = None

    @property
    def config(self) -> UploadConfiguration:
        """Its settings in the current application.

        Raises:
            RuntimeError: When ``configure_uploads`` was not called for it.
        """
        if self._config is not None:
            return self._config
        try:
            config: UploadConfiguration = current_app.extensions[_STATE][self.name]
        except KeyError:
            raise RuntimeError(
                f"The upload set {self.name!r} is not configured. Call 'configure_uploads(app, "
                "...)' with it."
            ) from None
        return config

    def url(self, filename: str) -> str:
        """Return where browsers get a file. Whether it exists is not looked up."""
        if (base := self.config.base_url) is not None:
            return base + filename
        return url_for(
            "_uploads.uploaded_file", setname=self.name, filename=filename, _external=True
        )

    def path(self, filename: str, folder: str | None = None) -> str:
        """Return where a file is on the disk. Whether it exists is not looked up."""
        return os.path.join(self.config.destination, folder or "", filename)

    def extension_allowed(self, ext: str) -> bool:
        """Whether files of an extension are taken."""
        config = self.config
        return ext in config.allow or (ext in self.extensions and ext not in config.deny)

    def file_allowed(self, storage: FileStorage, basename: str) -> bool:
        """Whether a file is taken under a name: by its extension, to be overridden."""
        return self.extension_allowed(extension(basename))

    def get_basename(self, filename: str) -> str:
        """Return the name that a file is kept under for the one that the client gave."""
        return lowercase_ext(secure_filename(filename))

    def resolve_conflict(self, target_folder: str, basename: str) -> str:
        """Return another name, with a number, for one that is taken in a folder."""
        stem, dotted = os.path.splitext(basename)
        number = 1
        while os.path.exists(os.path.join(target_folder, f"{stem}_{number}{dotted}")):
            number += 1
        return f"{stem}_{number}{dotted}"

    def save(
        self, storage: FileStorage, folder: str | None = None, name: str | None = None
    ) -> str:
        """Keep a file; return its name, which begins with the folder if there is one.

        Args:
            storage: One of ``request.files``.
            folder: A folder within that of the set.
            name: What to call it, instead of what the client does; with its extension if this
                ends in a dot. May begin with the folder.

        Raises:
            UploadNotAllowed: When it is not allowed, not what its name claims, or has no name.
            TypeError: When it is no ``FileStorage``.
        """
        if not isinstance(storage, FileStorage):
            raise TypeError(f"What is saved is a FileStorage, not {storage!r}.")
        if folder is None and name is not None and "/" in name:
            folder, _, name = name.rpartition("/")
        basename = self.get_basename(storage.filename or "")
        if not self.file_allowed(storage, basename):
            raise UploadNotAllowed
        if name:
            basename = _chosen(name, basename)
            if extension(basename) and not self.extension_allowed(extension(basename)):
                raise UploadNotAllowed
        folder = secure_filename(folder or "")
        if not is_key(_key(folder, basename)):
            raise UploadNotAllowed("This file has no name that it can be kept under.")
        return self._keep(storage, folder, basename)

    def _keep(self, storage: FileStorage, folder: str, basename: str) -> str:
        """Write a file under its name, or under another if that is taken."""
        kind = BY_EXTENSION.get(extension(basename), BINARY)
        start = storage.stream.tell()
        head = storage.stream.read(HEAD)
        if not (kind.matches(head) or isinstance(storage, TestingFileStorage)):
            message = f"This file is named .{kind.extension} but holds other data."
            raise UploadNotAllowed(message, "mismatch")
        place, target = LocalStorage(self.config.destination), self.path("", folder)
        meta = Meta(clean_name(storage.filename), kind.media_type)
        for _ in range(ATTEMPTS):
            free = basename
            if os.path.lexists(os.path.join(target, basename)):
                free = self.resolve_conflict(target, basename)
            key = _key(folder, free)
            if isinstance(storage, TestingFileStorage):
                storage.save(self.path(key))
                return key
            storage.stream.seek(start)
            try:
                copy(storage.stream, place.writer(key, meta))
            except ObjectExistsError:  # by another request, just now
                continue
            return key
        raise ObjectExistsError(basename)


def _key(folder: str, basename: str) -> str:
    return f"{folder}/{basename}" if folder else basename


def _chosen(name: str, basename: str) -> str:
    """Return the name that an application chose, with the extension of the file if it ends so."""
    chosen = secure_filename(name)
    if name.rstrip().endswith("."):
        chosen = f"{chosen}.{extension(basename)}"
    return lowercase_ext(chosen)
