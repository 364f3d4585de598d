"""Storage in an object store: S3 and what speaks like it, Google Cloud, Azure (extra ``objects``).

Theory of operation
    Up to a part's size (5 MiB) an object is kept in memory and put at its end in one request, on
    the condition that there is none of its key. What is larger goes up in parts while it arrives,
    a few at a time, and shows when the last request completes it. A killed process can leave such
    parts behind. A sweep removes them from S3, below the store's prefix, where it knows the keys
    (``storage.s3``); elsewhere, give the bucket a rule that aborts incomplete multipart uploads
    after a day.

    That completing request knows no condition. So of two writers of one large object, the later
    wins; ours never meet, for the keys of upload sets are random.

    The name is in the object's metadata, percent-encoded, for those are ASCII. It is in the header
    field for downloads, too, for browsers that are sent to the store itself.
"""

from __future__ import annotations

import io
import re
import time
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import quote, unquote

from cruse_uploads.errors import ObjectExistsError, ObjectNotFoundError, StorageRefused
from cruse_uploads.filetypes import INLINE
from cruse_uploads.names import content_disposition, is_key
from cruse_uploads.storage import Meta, ObjectStat, PutRequest, Storage, Writer
from cruse_uploads.storage.s3 import Bucket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obstore.store import ObjectStore

__all__ = ["ObjectStorage"]

PART = 5 * 1024 * 1024  # bytes; the least that S3 takes as a part
CONCURRENCY = 4  # parts on their way at the same time, each in memory
MAX_PUT = 5 * 1024**3  # bytes that S3 takes in one request
S3_META = "x-amz-meta-"
_NAME = "name"  # of the metadata
_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w{1,100})</Code>")


class ObjectStorage(Storage):
    """Keeps objects in an object store.

    Args:
        store: A store of ``obstore.store``, such as ``S3Store("bucket", prefix="uploads")``.
        public: The same store as browsers reach it, where that is by another URL; what is signed
            for them is signed for that.

    Raises:
        RuntimeError: When obstore, the extra ``objects``, is not installed.
    """

    def __init__(self, store: ObjectStore, *, public: ObjectStore | None = None) -> None:
        try:
            import obstore
        except ImportError as error:
            raise RuntimeError(
                "Object stores need obstore. Install it with 'pip install cruse-uploads[objects]'."
            ) from error
        self._obstore = obstore
        self.store = store
        self.public = store if public is None else public

    def __repr__(self) -> str:
        return f"ObjectStorage({type(self.store).__name__})"  # the store's own may show its keys

    def writer(self, key: str, meta: Meta) -> Writer:
        """Begin a new object."""
        if not is_key(key):
            raise ValueError(f"{key!r} is not a storage key.")
        return _ObjectWriter(self, key, meta)

    def open(self, key: str) -> BinaryIO:
        """Open an object for reading and seeking; what is read is asked for piece by piece."""
        self._check(key)
        with _in_our_words("open", key):
            reader = self._obstore.open_reader(self.store, key)
        return cast("BinaryIO", _Reader(reader, key))

    def stat(self, key: str) -> ObjectStat:
        """Return what is known of an object."""
        self._check(key)
        with _in_our_words("look at", key):
            found = self._obstore.get(self.store, key, options={"head": True})
        facts: Any = found.meta
        attributes: dict[str, str] = dict(found.attributes)
        name, kind = attributes.get(_NAME), attributes.get("Content-Type")
        meta = Meta(unquote(name), kind) if name is not None and kind is not None else None
        return ObjectStat(facts["size"], facts["last_modified"].timestamp(), meta)

    def delete(self, key: str) -> None:
        """Remove an object; it is no error when there is none."""
        if is_key(key):
            with suppress(ObjectNotFoundError), _in_our_words("delete", key):
                self._obstore.delete(self.store, key)

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys that start with ``prefix``, in order."""
        folder = prefix.rpartition("/")[0]
        if folder and not is_key(folder):
            return []
        with _in_our_words("list", f"{folder}/"):
            pages = self._obstore.list(self.store, prefix=folder or None)
            paths = [str(each["path"]) for page in pages for each in page]
        return sorted(path for path in paths if path.startswith(prefix) and is_key(path))

    def move(self, source: str, target: str) -> None:
        """Give an object another key; the store copies it by itself."""
        self._check(source)
        if not is_key(target):
            raise ValueError(f"{target!r} is not a storage key.")
        if self.has(target):
            raise ObjectExistsError(target)
        with _in_our_words("copy", source):
            self._obstore.copy(self.store, source, target)
        self.delete(source)

    def url(self, key: str, seconds: int) -> str | None:
        """Return where browsers get an object from S3, Google Cloud or Azure itself."""
        from obstore.store import AzureStore, GCSStore, S3Store

        if not isinstance(self.public, S3Store | GCSStore | AzureStore):
            return None
        self._check(key)
        url: str = self._obstore.sign(self.public, "GET", key, timedelta(seconds=seconds))
        return url

    def put_request(self, key: str, meta: Meta, size: int, seconds: int) -> PutRequest | None:
        """Return how a client writes an object into S3, and what is like it, itself.

        Only where the keys are known: given to the store, or in the environment. The number of
        bytes and what is known of them are signed with it, so no other ones are taken.
        """
        from obstore.store import S3Store

        bucket = Bucket.of(self.public) if isinstance(self.public, S3Store) else None
        if bucket is None or size > MAX_PUT:
            return None
        headers = {name.lower(): value for name, value in _attributes(meta, S3_META).items()}
        headers["if-none-match"] = "*"
        prefix = getattr(self.public, "prefix", None)
        full = f"{prefix}/{key}" if prefix else key
        signed = {**headers, "content-length": str(size)}  # which clients add themselves
        return PutRequest(bucket.presign("PUT", full, signed, seconds, time.time()), headers)

    def sweep(self, before: float) -> int:
        """Abort multipart uploads that were begun and never completed, in S3 and what is like it.

        Only where the keys are known: given to the store, or in the environment; and only below
        the store's prefix, for without one the bucket may have others' uploads, too. For others,
        and other stores, the bucket needs a rule of its own.

        Raises:
            StorageRefused: When the store does not let these keys do so.
        """
        from obstore.store import S3Store

        bucket = Bucket.of(self.store) if isinstance(self.store, S3Store) else None
        prefix = getattr(self.store, "prefix", None)
        if bucket is None or not prefix:
            return 0
        done = 0
        for upload in bucket.open_uploads(f"{prefix}/"):
            if upload.begun < before:
                bucket.abort(upload)
                done += 1
        return done

    def has(self, key: str) -> bool:
        """Whether there is an object under a key."""
        try:
            with _in_our_words("look at", key):
                self._obstore.head(self.store, key)
        except ObjectNotFoundError:
            return False
        return True

    def _check(self, key: str) -> None:
        if not is_key(key):
            raise ObjectNotFoundError(key)


@contextmanager
def _in_our_words(asked: str, key: str) -> Iterator[None]:
    """Let what goes wrong in a store be told as with other storage.

    The errors of obstore go on for pages, with all that was signed.

    Raises:
        ObjectNotFoundError: When there is no such object.
        ObjectExistsError: When there is one already.
        StorageRefused: When the store does not do it, or does not answer.
    """
    from obstore.exceptions import AlreadyExistsError, BaseError

    try:
        yield
    except FileNotFoundError:
        raise ObjectNotFoundError(key) from None
    except AlreadyExistsError:
        raise ObjectExistsError(key) from None
    except BaseError as error:
        raise _refusal(f"{asked} {key!r}", str(error)) from None


def _refusal(asked: str, text: str) -> StorageRefused:
    """Return in a line what a store said at length."""
    status, code = _STATUS.search(text), _CODE.search(text)
    said = text.partition("\n")[0].rpartition(" - ")[2].partition(": <")[0][:200]
    if status is not None and code is not None:
        return StorageRefused(asked, code[1], int(status[1]))
    return StorageRefused(asked, said)


def _attributes(meta: Meta, prefix: str = "") -> dict[str, str]:
    """Return what a store keeps of an object; what is only ours has a prefix in S3's requests."""
    shown = "inline" if meta.type in INLINE else "attachment"
    return {
        "Content-Type": meta.type,
        "Content-Disposition": content_disposition(shown, meta.name),
        f"{prefix}{_NAME}": quote(meta.name),
    }


class _ObjectWriter(Writer):
    """An object that is small so far, or goes up in parts."""

    def __init__(self, storage: ObjectStorage, key: str, meta: Meta) -> None:
        self._storage = storage
        self._key = key
        self._attributes: Any = _attributes(meta)
        self._small = bytearray()
        self._large: Any = None

    def write(self, data: bytes | bytearray) -> None:
        """Add all of ``data``."""
        if self._large is None:
            self._small += data
            if len(self._small) < PART:
                return
            self._large = self._storage._obstore.open_writer(
                self._storage.store,
                self._key,
                attributes=self._attributes,
                buffer_size=PART,
                max_concurrency=CONCURRENCY,
            )
            data, self._small = self._small, bytearray()
        with _in_our_words("write", self._key):
            self._large.write(bytes(data))  # which goes on afterwards, so it must not change

    def commit(self) -> None:
        """Publish the object."""
        if self._large is None:
            return self._put()
        if self._storage.has(self._key):
            self.abort()
            raise ObjectExistsError(self._key)
        with _in_our_words("write", self._key):
            self._large.close()
        return None

    def _put(self) -> None:
        with _in_our_words("write", self._key):
            self._storage._obstore.put(
                self._storage.store,
                self._key,
                bytes(self._small),
                attributes=self._attributes,
                mode="create",
                use_multipart=False,
            )

    def abort(self) -> None:
        """Throw away what was written."""
        self._small.clear()
        large, self._large = self._large, None
        if large is not None and not large.closed():
            error = RuntimeError("aborted")  # leaving it with an error takes the parts back
            large.__exit__(RuntimeError, error, None)


class _Reader(io.RawIOBase):
    """What obstore reads, as a raw file."""

    def __init__(self, reader: Any, key: str) -> None:
        super().__init__()
        self._reader = reader
        self._key = key

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        with _in_our_words("read", self._key):
            data = bytes(self._reader.read(len(view)))
        view[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._reader.seek(offset, whence))

    def tell(self) -> int:
        return int(self._reader.tell())
