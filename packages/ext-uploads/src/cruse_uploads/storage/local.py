"""Storage in a folder on a local disk.

Theory of operation
    An object is written into a file without a name in the folder it will live in (``O_TMPFILE``),
    which the system takes back by itself whatever happens to the process. Publishing gives it its
    name by ``link``, which is atomic and fails where the name is taken. Where the system or the
    file system has no such files, one whose name begins with a dot stands in; a killed process can
    leave it behind, but nobody can read or list it.

    What is known of ``ab.png`` beside its bytes is in ``.ab.png.meta``, as JSON. It is there
    before the object is, so nobody finds an object without it; when it is lost, that costs the
    name for the download, never the file. A crash between the two leaves some bytes behind.

    Equal objects can share their bytes, see ``cruse_uploads.storage.links``.

Durability
    With ``fsync`` (the default) bytes, name and folder are on the disk before ``commit`` returns,
    so an upload that was acknowledged survives a power cut. Without it, it survives the end of the
    process, and the system writes it within half a minute or so: some milliseconds less per file.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import stat
from dataclasses import asdict, replace
from io import FileIO
from typing import TYPE_CHECKING, BinaryIO

from cruse_uploads.errors import ObjectExistsError, ObjectNotFoundError, StorageFull
from cruse_uploads.names import is_key
from cruse_uploads.storage import Meta, ObjectStat, Storage, Writer, links

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LocalStorage"]

FILE_MODE = 0o644  # less the process's umask; never executable
_CONTENTS = ".contents"
# A file without a name gets one through /proc, which some containers lack.
_TMPFILE: int = getattr(os, "O_TMPFILE", 0) if os.path.isdir("/proc/self/fd") else 0
_CLOEXEC: int = getattr(os, "O_CLOEXEC", 0)
# What open() says where unnamed files are not known: old overlays, network and FUSE file systems.
_NO_TMPFILE = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL, errno.ENOSYS})


class LocalStorage(Storage):
    """Keeps objects as files in a folder, made when it is first needed.

    Args:
        folder: The folder. Nothing else should write there.
        fsync: Whether an object is on the disk before it counts as kept.
    """

    shares = True

    def __init__(self, folder: str | os.PathLike[str], *, fsync: bool = True) -> None:
        self.folder = os.path.abspath(folder)
        self.fsync = fsync

    def __repr__(self) -> str:
        return f"LocalStorage({self.folder!r})"

    def writer(self, key: str, meta: Meta) -> Writer:
        """Begin a new object."""
        if not is_key(key):
            raise ValueError(f"{key!r} is not a storage key.")
        with _full_is_507():
            return _LocalWriter(self._path(key), meta, self.fsync)

    def open(self, key: str) -> BinaryIO:
        """Open an object for reading and seeking."""
        try:
            return open(self._existing(key), "rb")
        except FileNotFoundError:
            raise ObjectNotFoundError(key) from None

    def stat(self, key: str) -> ObjectStat:
        """Return what is known of an object."""
        path = self._existing(key)
        meta = _read_meta(path)
        shared = meta is not None and meta.content is not None
        try:
            facts = os.stat(path)
            # Bytes that are shared may be older than the object is.
            dated = os.stat(_meta_path(path)) if shared else facts
        except FileNotFoundError:
            raise ObjectNotFoundError(key) from None
        return ObjectStat(facts.st_size, dated.st_mtime, meta)

    def delete(self, key: str) -> None:
        """Remove an object; it is no error when there is none."""
        try:
            path = self._existing(key)
        except ObjectNotFoundError:
            return
        meta = _read_meta(path)
        _remove(path)
        if meta is not None and meta.content is not None:
            links.remove_if_last(self._common(meta.content))

    def move(self, source: str, target: str) -> None:
        """Give an object another key: a second link to the same bytes, then the first is gone."""
        old = self._existing(source)
        if not is_key(target):
            raise ValueError(f"{target!r} is not a storage key.")
        new = self._path(target)
        os.makedirs(os.path.dirname(new), exist_ok=True)
        if os.path.lexists(new):
            raise ObjectExistsError(target)
        with _full_is_507(), _taken_back(new):
            meta = _read_meta(old)
            if meta is not None:
                _write_meta(new, meta, self.fsync)
            _name(old, new)
            if self.fsync:
                _sync_folder(os.path.dirname(new))
        _remove(old)

    def share(self, key: str, content: str) -> None:
        """Keep the bytes of equal objects once: as one file with many names."""
        path = self._existing(key)
        if not is_key(content):
            raise ValueError(f"{content!r} is not a storage key.")
        with _full_is_507():
            meta = _read_meta(path) or Meta(os.path.basename(path), "application/octet-stream")
            _write_meta(path, replace(meta, content=content), self.fsync)
            links.share(path, self._common(content))
            if self.fsync:
                _sync_folder(os.path.dirname(path))

    def sweep(self, before: float) -> int:
        """Remove files that wait for a name, names that wait for their file, unused contents."""
        found = 0
        contents = os.path.join(self.folder, _CONTENTS)
        for folder, _, names in os.walk(self.folder):
            there = set(names)
            for name in names:
                path = os.path.join(folder, name)
                if folder.startswith(contents):
                    found += links.remove_if_last(path)
                elif _is_debris(name, there) and _removed_if_old(path, before):
                    found += 1
        return found

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys that start with ``prefix``, in order."""
        folder = prefix.rpartition("/")[0]
        if folder and not is_key(folder):
            return []
        return sorted(key for key in self._walk(folder) if key.startswith(prefix))

    def path(self, key: str) -> str | None:
        """Return where the object is as a file.

        Raises:
            ObjectNotFoundError: When there is none.
        """
        return self._existing(key)

    def _path(self, key: str) -> str:
        return os.path.join(self.folder, *key.split("/"))

    def _common(self, content: str) -> str:
        """Return the path of the bytes that equal objects share."""
        return os.path.join(self.folder, _CONTENTS, content[-2:], content)

    def _existing(self, key: str) -> str:
        if is_key(key):
            path = self._path(key)
            with contextlib.suppress(OSError):
                if stat.S_ISREG(os.stat(path).st_mode):
                    return path
        raise ObjectNotFoundError(key)

    def _walk(self, folder: str) -> Iterator[str]:
        """Iterate over the keys below a folder, which is relative and may not exist."""
        try:
            entries = list(os.scandir(self._path(folder) if folder else self.folder))
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in entries:
            key = f"{folder}/{entry.name}" if folder else entry.name
            if not is_key(entry.name):  # our own, or nothing of ours
                continue
            if entry.is_dir():
                yield from self._walk(key)
            elif entry.is_file():
                yield key


class _LocalWriter(Writer):
    """A file without a name, or with a hidden one, that is to become an object."""

    def __init__(self, path: str, meta: Meta, fsync: bool) -> None:
        self._path = path
        self._meta = meta
        self._fsync = fsync
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor, self._hidden = _unnamed_file(os.path.dirname(path))
        # Unbuffered: each write goes to the system once. Closed by garbage collection, if need be.
        self._file = FileIO(descriptor, "wb")

    def write(self, data: bytes | bytearray) -> None:
        """Add all of ``data``."""
        try:
            written = self._file.write(data) or 0
            while written < len(data):  # the system may take less than it is given
                written += self._file.write(memoryview(data)[written:]) or 0
        except OSError as error:  # not _full_is_507: this runs for each piece of every file
            if error.errno in StorageFull.ERRNOS:
                raise StorageFull from error
            raise

    def commit(self) -> None:
        """Publish the object."""
        folder = os.path.dirname(self._path)
        try:
            with _full_is_507():
                if self._fsync:
                    os.fsync(self._file.fileno())
                if os.path.lexists(self._path):  # whose name must stay its own
                    raise ObjectExistsError(self._path)
                with _taken_back(self._path):
                    _write_meta(self._path, self._meta, self._fsync)
                    _publish(self._file.fileno(), self._hidden, self._path)
                    if self._fsync:
                        _sync_folder(folder)
        finally:
            self.abort()  # takes the hidden name away; the published one stays

    def abort(self) -> None:
        """Throw away what was written."""
        self._file.close()
        if self._hidden is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._hidden)
            self._hidden = None


@contextlib.contextmanager
def _full_is_507() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in StorageFull.ERRNOS:
            raise StorageFull from error
        raise


@contextlib.contextmanager
def _taken_back(path: str) -> Iterator[None]:
    """Leave nothing of an object that can't be published, unless it is another's."""
    try:
        yield
    except ObjectExistsError:
        raise
    except BaseException:
        _remove(path)
        raise


def _unnamed_file(folder: str) -> tuple[int, str | None]:
    """Open a new file for writing; return its descriptor and, if it needs one, its hidden name."""
    if _TMPFILE:
        try:
            return os.open(folder, _TMPFILE | os.O_WRONLY | _CLOEXEC, FILE_MODE), None
        except OSError as error:
            if error.errno not in _NO_TMPFILE:
                raise
    return _hidden_file(folder)


def _hidden_file(folder: str) -> tuple[int, str]:
    """Open a new file for writing whose name nobody can ask for."""
    hidden = os.path.join(folder, f".{secrets.token_hex(16)}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _CLOEXEC | getattr(os, "O_BINARY", 0)
    return os.open(hidden, flags, FILE_MODE), hidden


def _publish(descriptor: int, hidden: str | None, path: str) -> None:
    """Give a file its name, unless that is taken.

    Raises:
        ObjectExistsError: When it is.
    """
    try:
        if hidden is None:
            # Only with a descriptor for the folder does Python call linkat(2), which follows the
            # link that /proc shows; link(2) takes the link itself and fails with EXDEV.
            source = f"/proc/self/fd/{descriptor}"
            os.link(source, path, src_dir_fd=descriptor, follow_symlinks=True)
        else:
            _name(hidden, path)  # abort() takes the other name away
    except FileExistsError:
        raise ObjectExistsError(path) from None


def _name(old: str, new: str) -> None:
    """Give a file a second name; on Windows, another one.

    Raises:
        ObjectExistsError: When it is taken.
    """
    try:
        if os.name == "nt":  # pragma: no cover
            os.rename(old, new)  # fails there where the name is taken
        else:
            os.link(old, new)
    except FileExistsError:
        raise ObjectExistsError(new) from None


def _is_debris(name: str, there: set[str]) -> bool:
    """Whether a file is ours and of no use: an unfinished one, or facts without their file."""
    if not name.startswith("."):
        return False
    if name.endswith(".meta"):
        return name[1:].removesuffix(".meta") not in there
    return name.endswith(".part")


def _removed_if_old(path: str, before: float) -> bool:
    try:
        if os.stat(path).st_mtime >= before:
            return False
        os.unlink(path)
    except FileNotFoundError:  # its process was quicker
        return False
    return True


def _remove(path: str) -> None:
    for each in (path, _meta_path(path)):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(each)


def _sync_folder(folder: str) -> None:
    if os.name == "nt":  # pragma: no cover
        return  # folders can't be opened there
    descriptor = os.open(folder, os.O_RDONLY | _CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _meta_path(path: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.meta")


def _write_meta(path: str, meta: Meta, fsync: bool) -> None:
    facts = {key: value for key, value in asdict(meta).items() if value is not None}
    text = json.dumps(facts, ensure_ascii=False)
    descriptor, hidden = _hidden_file(os.path.dirname(path))
    try:
        with open(descriptor, "wb") as file:
            file.write(text.encode())
            if fsync:
                file.flush()
                os.fsync(descriptor)
        os.replace(hidden, _meta_path(path))
    except BaseException:
        os.unlink(hidden)
        raise


def _read_meta(path: str) -> Meta | None:
    try:
        with open(_meta_path(path), encoding="utf-8") as file:
            kept = json.load(file)
        content = kept.get("content")
        if not (isinstance(content, str) and is_key(content)):
            content = None
        return Meta(str(kept["name"]), str(kept["type"]), content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # lost in a crash, or a file that somebody put there by hand
