"""Upload sets: the files of one purpose, such as photos, with the rules that hold for them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from werkzeug.datastructures import FileStorage

from cruse import request
from cruse_uploads import receiving, serving, variants
from cruse_uploads.errors import ObjectNotFoundError, UploadNotAllowed
from cruse_uploads.events import telling
from cruse_uploads.filetypes import BINARY, BY_EXTENSION, DEFAULTS, FileType
from cruse_uploads.images import HeaderReader, ImageError, has_header_reader
from cruse_uploads.names import KeyTemplate, extension_of, is_key, stem_of
from cruse_uploads.rules import Rules
from cruse_uploads.sides import Blocking, OnLoop, drive, in_thread
from cruse_uploads.signing import sign
from cruse_uploads.storage import Meta
from cruse_uploads.stored import Received, Stored
from cruse_uploads.variants import Variant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

    from werkzeug.datastructures import MultiDict

    from cruse import Blueprint, Response
    from cruse.parts import Parts
    from cruse_uploads.extension import Uploads
    from cruse_uploads.filetypes import AllExcept
    from cruse_uploads.resumable import ResumableUpload
    from cruse_uploads.sides import Side
    from cruse_uploads.storage import Storage

__all__ = ["UploadSet"]

#: What takes a function and calls it once a transaction is committed.
OnCommit = Callable[[Callable[[], Any]], Any]

CHUNK = 64 * 1024  # bytes read at a time of a file that is here already
OVERHEAD = 64 * 1024  # bytes of a form that are neither file nor field: boundaries and headers
#: Digests of which nobody has found two contents that have the same.
STRONG = frozenset({"blake2b", "blake2s", "sha256", "sha384", "sha512", "sha3_256", "sha3_512"})
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


class UploadSet:
    """The files of one purpose. Made by :meth:`Uploads.set`, which tells its arguments."""

    def __init__(
        self,
        uploads: Uploads,
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
    ) -> None:
        if not _NAME.fullmatch(name) or not is_key(name):
            raise ValueError(
                f"An upload set can't be called {name!r}: its name is part of URLs and keys. Use "
                "lower-case letters, digits, '-' and '_'."
            )
        self.uploads = uploads
        #: What it is called in URLs and in storage.
        self.name = name
        #: What it takes.
        self.rules = Rules.make(allow, max_size, max_pixels)
        self.keys = KeyTemplate(key)
        #: The hash algorithm for ``Stored.digest``.
        self.digest = _digest(digest, dedupe)
        #: Whether equal files share their bytes.
        self.dedupe = dedupe
        #: What is made of its images when a URL asks for it.
        self.variants = dict(variants or {})
        #: Whether only signed URLs show its files.
        self.private = private
        #: Whether a file is harmless; looked at before anybody can see it.
        self.scan = scan
        #: Whether files stay in quarantine that are not.
        self.quarantine = quarantine
        #: Whether a database refers to a key; asked by the sweep.
        self.in_use = in_use

    def __repr__(self) -> str:
        return f"<UploadSet {self.name!r}>"

    # -- receiving -------------------------------------------------------------------------------

    def receive(
        self,
        field: str | None = None,
        *,
        on_file: Callable[[MultiDict[str, str], str], Any] | None = None,
        progress: Callable[[int], Any] | None = None,
        temporary: bool = False,
    ) -> Received:
        """Store the file of the current request's form while it arrives.

        For a sync view whose route has ``stream=True``. The limits of this set hold instead of
        ``MAX_CONTENT_LENGTH``; a body that is announced too large is refused unread. The form's
        fields are in the result's ``form``, wherever they stood.

        Args:
            field: The name of the file's field; without it, the first file that comes.
            on_file: Called before the file's first byte is looked at, with the fields that stood
                before it and its name, cleaned; what it raises refuses the file.
            progress: Called with the number of bytes that came: after each MiB, and at the end.
            temporary: Keep it apart, seen by nobody, until :meth:`promote` is called.

        Raises:
            UploadNotAllowed: When the file breaks a rule, or there is none.
            BadRequest: When the form is malformed or cut short (400).
            RequestEntityTooLarge: When a limit for forms is exceeded (413).
            UnsupportedMediaType: When the body is no multipart form (415).
            StorageFull: When there is no room left (507).
        """
        return drive(
            self._receive(Blocking(), field, receiving.Watch(on_file, progress, temporary))
        )

    async def areceive(
        self,
        field: str | None = None,
        *,
        on_file: Callable[[MultiDict[str, str], str], Any] | None = None,
        progress: Callable[[int], Any] | None = None,
        temporary: bool = False,
    ) -> Received:
        """Do :meth:`receive` in an async view, without blocking the event loop.

        ``on_file`` and ``progress`` may be async here.
        """
        return await self._receive(OnLoop(), field, receiving.Watch(on_file, progress, temporary))

    async def _receive(self, side: Side, field: str | None, watch: receiving.Watch) -> Received:
        with telling(self) as tell:
            facts, form = await receiving.receive(side, self._parts(), self, field, watch)
            received = Received(**facts, form=form)
        tell(received)
        return received

    def save(
        self,
        file: FileStorage | BinaryIO,
        *,
        name: str | None = None,
        temporary: bool = False,
    ) -> Stored:
        """Store a file that is here already: one of ``request.files``, or any open file.

        Args:
            file: It is read from where it stands, and stays open.
            name: The client's name for it; that of a ``FileStorage`` unless given.
            temporary: Keep it apart, seen by nobody, until :meth:`promote` is called.

        Raises:
            UploadNotAllowed: When the file breaks a rule.
            StorageFull: When there is no room left (507).
        """
        side = Blocking()
        chunks = side.chunks(_chunks(file))
        return drive(self._save(side, chunks, _name_of(file, name), temporary))

    async def asave(
        self,
        file: FileStorage | BinaryIO,
        *,
        name: str | None = None,
        temporary: bool = False,
    ) -> Stored:
        """Do :meth:`save` without blocking the event loop."""
        side = OnLoop()
        return await self._save(side, _read_in_thread(file), _name_of(file, name), temporary)

    async def _save(
        self, side: Side, chunks: AsyncIterator[bytes], name: str, temporary: bool
    ) -> Stored:
        watch = receiving.Watch(temporary=temporary)
        with telling(self) as tell:
            try:
                stored = Stored(**await receiving.save(side, self, chunks, name, watch))
            except UploadNotAllowed as error:
                raise self._or_missing(error, name) from None
        tell(stored)
        return stored

    def check(self, file: FileStorage | BinaryIO, *, name: str | None = None) -> None:
        """Hold the rules over a file without storing it, and rewind it.

        For the validation of forms, whose field errors can show ``error.description``.

        Args:
            file: It is read from its beginning.
            name: The client's name for it; that of a ``FileStorage`` unless given.

        Raises:
            UploadNotAllowed: When the file breaks a rule.
        """
        name = _name_of(file, name)
        file.seek(0)
        try:
            receiving.check(self.rules, _chunks(file), name)
        except UploadNotAllowed as error:
            raise self._or_missing(error, name) from None
        finally:
            file.seek(0)

    def _or_missing(self, error: UploadNotAllowed, name: str | None) -> UploadNotAllowed:
        """Return a file input that was left empty as what it means."""
        return self.rules.refuse("missing") if error.reason == "empty" and not name else error

    def _parts(self) -> Parts:
        limit = self._body_limit()
        if limit is not None and (request.content_length or 0) > limit:
            raise self.rules.refuse("too_large")
        request.max_content_length = limit
        parts = request.parts()
        if request.stream.received:
            raise RuntimeError(
                "The body of this request was read before its upload was to be received. Give the "
                "route 'stream=True', and leave 'request.form' and 'request.files' alone before."
            )
        return parts

    def _body_limit(self) -> int | None:
        """Return how long a whole form with one file may be."""
        fields: int | None = request.max_form_memory_size
        if self.rules.max_size is None or fields is None:
            return None
        return self.rules.max_size + fields + OVERHEAD

    def resumable(
        self,
        *,
        authorize: Callable[[ResumableUpload], Any],
        on_finished: Callable[[Stored, ResumableUpload], Any] | None = None,
        on_progress: Callable[[ResumableUpload], Any] | None = None,
        expires: int = 24 * 60 * 60,
        temporary: bool = False,
        cors: Mapping[str, Any] | None = None,
    ) -> Blueprint:
        """Return a blueprint that receives files in several requests, so that they can be resumed.

        It speaks tus 1.0 with all its extensions, and the IETF's draft "Resumable Uploads for
        HTTP". Register it with an URL prefix, where uploads are created. Its views are async when
        one of the functions is; the plain ones then run in threads.

        Args:
            authorize: Called for every request with the upload as it stands, whether it is allowed
                (403 otherwise). A text, int or UUID says whose the upload is: then only requests
                for which it returns the same may go on with it.
            on_finished: Called with the file and the upload when all has come and kept the rules;
                once, and again only if it fails, takes minutes or the process ends meanwhile. An
                HTTP error below 500 refuses the file. A mapping that it returns is added to the
                answer's header.
            on_progress: Called with the upload whenever more of it is kept: each 4 MiB, and at the
                end of each request.
            expires: For how many seconds an upload is kept after its last byte.
            temporary: Leave the file apart, seen by nobody, until :meth:`promote` is called.
            cors: The arguments of :class:`cruse.CORSPolicy`, such as ``{"origins": "https://..."}``,
                for pages of other origins; which fields they may see is filled in.
        """
        from cruse_uploads.resumable.finishing import Hooks
        from cruse_uploads.resumable.routes import make_blueprint

        hooks = Hooks(authorize, on_finished, on_progress, temporary)
        return make_blueprint(self, hooks, expires, cors)

    # -- finding ---------------------------------------------------------------------------------

    @property
    def storage(self) -> Storage:
        """The storage of the current application."""
        return self.uploads.state.storage

    @property
    def max_age(self) -> int:
        """For how many seconds browsers may keep a file without asking."""
        return 0 if self.private else self.uploads.state.settings.max_age

    def storage_key(self, key: str, *, temporary: bool = False) -> str:
        """Return the key in storage, which all sets share."""
        full = f"{self.name}/{key}"
        return f"{receiving.TEMPORARY}/{full}" if temporary else full

    def type_of(self, key: str) -> FileType:
        """Return the type of a file by its key, whose extension we gave it."""
        extension = extension_of(key)
        for kind in self.rules.types or ():
            if kind.extension == extension:
                return kind
        return BY_EXTENSION.get(extension, BINARY)

    def get(self, key: str, *, temporary: bool = False) -> Stored:
        """Return a file by its key.

        Args:
            key: Its key.
            temporary: Look among those that nobody has promoted yet.

        Raises:
            ObjectNotFoundError: When there is none.
        """
        place = self.storage_key(key, temporary=temporary)
        facts = self.storage.stat(place)
        kind = self.type_of(key)
        width, height = self._dimensions(place, kind.media_type)
        meta = facts.meta or Meta(key.rpartition("/")[2], kind.media_type)
        return Stored(
            key,
            meta.name,
            facts.size,
            kind.media_type,
            width,
            height,
            digest=meta.content.rpartition("-")[2] if meta.content is not None else None,
            upload_set=self,
        )

    def restore(self, facts: Mapping[str, Any]) -> Stored:
        """Return a file by what :meth:`Stored.facts` said of it, without asking the storage.

        Whether it is still there, its use will tell.
        """
        return Stored(**facts, upload_set=self)

    async def aget(self, key: str, *, temporary: bool = False) -> Stored:
        """Do :meth:`get` without blocking the event loop."""
        return await in_thread(partial(self.get, key, temporary=temporary))

    def exists(self, key: str) -> bool:
        """Whether there is a file under this key."""
        try:
            self.storage.stat(self.storage_key(key))
        except ObjectNotFoundError:
            return False
        return True

    async def aexists(self, key: str) -> bool:
        """Do :meth:`exists` without blocking the event loop."""
        return await in_thread(self.exists, key)

    def open(self, key: str) -> BinaryIO:
        """Open a file for reading and seeking.

        Raises:
            ObjectNotFoundError: When there is none.
        """
        return self.storage.open(self.storage_key(key))

    def path(self, key: str) -> str | None:
        """Return where a file is on the disk; ``None`` when the storage has no files.

        Raises:
            ObjectNotFoundError: When there is none.
        """
        return self.storage.path(self.storage_key(key))

    def _dimensions(self, place: str, media_type: str) -> tuple[int | None, int | None]:
        if not has_header_reader(media_type):
            return None, None
        reader = HeaderReader(media_type)
        with self.storage.open(place) as file:
            try:
                for chunk in _chunks(file):
                    if reader.feed(chunk):
                        break
            except ImageError:
                return None, None  # put there by other means than ours
        return reader.size or (None, None)

    # -- serving ---------------------------------------------------------------------------------

    def url_for(
        self,
        key: str,
        *,
        variant: str | None = None,
        expires: int | None = None,
        external: bool = False,
    ) -> str:
        """Return where browsers get a file. Whether it exists is not looked up.

        Args:
            key: Its key.
            variant: The name of a declared variant of an image, which is made when the URL is
                asked for; the image itself unless given.
            expires: Sign the URL, so that it works for this many seconds; in a private set, whose
                URLs are always signed, ``UPLOADS_URL_EXPIRES`` unless given.
            external: Whether scheme and host are part of it.
        """
        state = self.uploads.state
        if variant is not None:
            key = self._variant(variant).key_for(key)
        query: dict[str, str] = {}
        if self.private:
            seconds = state.settings.url_expires if expires is None else expires
            query = sign(state.app, self.name, key, seconds)
        return state.app.url_for(
            "uploads.file", upload_set=self.name, key=key, _external=external, **query
        )

    def send(
        self, key: str, *, as_attachment: bool | None = None, name: str | None = None
    ) -> Response:
        """Answer with a file, ranges and conditional requests included.

        For views of your own that decide who may see it; signatures are not looked at.

        Args:
            key: Its key.
            as_attachment: Let the browser save it rather than show it. Unless given, that is up to
                its type: shown is only what can carry no script.
            name: The name to save it under; the client's own unless given.

        Raises:
            NotFound: When there is none (404).
        """
        return serving.send(self, key, as_attachment=as_attachment, name=name)

    # -- copies and removal ----------------------------------------------------------------------

    def variant(self, key: str, variant: str | Variant) -> Stored:
        """Return a variant of an image, made when it is first asked for and then kept.

        Args:
            key: The original's key.
            variant: One that this set declares, by its name, or any other.

        Raises:
            ObjectNotFoundError: When there is no original.
            UploadNotAllowed: When it can't be decoded.
            ValueError: When no variant of this name is declared.
            ServiceUnavailable: When too many others are being made (503).
            RuntimeError: When Pillow, the extra ``images``, is not installed.
        """
        return self.get(variants.make(self, key, self._variant(variant)))

    async def avariant(self, key: str, variant: str | Variant) -> Stored:
        """Do :meth:`variant` without blocking the event loop."""
        return await in_thread(self.variant, key, variant)

    def _variant(self, variant: str | Variant) -> Variant:
        if isinstance(variant, Variant):
            return variant
        try:
            return self.variants[variant]
        except KeyError:
            raise ValueError(f"{self!r} declares no variant {variant!r}.") from None

    def thumbnail(self, key: str, size: int | tuple[int, int]) -> Stored:
        """Return a smaller copy of an image: :meth:`variant` with ``Variant(size)``."""
        return self.variant(key, Variant(size))

    async def athumbnail(self, key: str, size: int | tuple[int, int]) -> Stored:
        """Do :meth:`thumbnail` without blocking the event loop."""
        return await in_thread(self.thumbnail, key, size)

    def delete(
        self,
        key: str,
        *,
        thumbnails: bool = True,
        on_commit: OnCommit | None = None,
    ) -> None:
        """Remove a file; it is no error when there is none.

        Args:
            key: Its key.
            thumbnails: Remove its variants, too. Without, what was made of it can be kept when
                the original says more than it should, such as where it was taken.
            on_commit: What calls a function once a transaction is committed, such as
                ``db.on_commit``; the file stays until then, and if it is rolled back.
        """
        if is_key(key):
            _now_or_then(partial(_delete, self.storage, self, key, thumbnails), on_commit)

    async def adelete(
        self,
        key: str,
        *,
        thumbnails: bool = True,
        on_commit: OnCommit | None = None,
    ) -> None:
        """Do :meth:`delete` without blocking the event loop."""
        if is_key(key):
            await _now_or_then_async(
                partial(_delete, self.storage, self, key, thumbnails), on_commit
            )

    def promote(self, key: str, *, on_commit: OnCommit | None = None) -> None:
        """Let a file be seen that was received with ``temporary=True``.

        Args:
            key: Its key.
            on_commit: What calls a function once a transaction is committed, such as
                ``db.on_commit``; until then the file stays temporary, and if it is rolled back it
                is swept in time.

        Raises:
            ObjectNotFoundError: When there is no temporary file of this key; with ``on_commit``
                that is told at once.
        """
        temporary, storage = self.storage_key(key, temporary=True), self.storage
        storage.stat(temporary)
        _now_or_then(partial(storage.move, temporary, self.storage_key(key)), on_commit)

    async def apromote(self, key: str, *, on_commit: OnCommit | None = None) -> None:
        """Do :meth:`promote` without blocking the event loop."""
        temporary, storage = self.storage_key(key, temporary=True), self.storage
        await storage.astat(temporary)
        move = partial(storage.move, temporary, self.storage_key(key))
        await _now_or_then_async(move, on_commit)


def _digest(digest: str | None, dedupe: bool) -> str | None:
    if digest is None:
        return "blake2b" if dedupe else None
    if digest not in hashlib.algorithms_available:
        raise ValueError(f"There is no digest {digest!r}; try 'blake2b' or 'sha256'.")
    if dedupe and digest not in STRONG:
        raise ValueError(
            f"Files can't be told equal by {digest!r}: somebody could make another file with the "
            "same digest. Use 'blake2b' or 'sha256'."
        )
    return digest


def _delete(storage: Storage, upload_set: UploadSet, key: str, thumbnails: bool) -> None:
    keys = [upload_set.storage_key(key)]
    if thumbnails:
        keys = storage.keys(f"{upload_set.storage_key(stem_of(key))}.")
    for each in keys:
        storage.delete(each)


def _now_or_then(function: Callable[[], None], on_commit: OnCommit | None) -> None:
    if on_commit is None:
        function()
    else:
        on_commit(function)


async def _now_or_then_async(function: Callable[[], None], on_commit: OnCommit | None) -> None:
    async def in_a_thread() -> None:
        await in_thread(function)

    if on_commit is None:
        await in_a_thread()
    else:
        on_commit(in_a_thread)


def _name_of(file: FileStorage | BinaryIO, name: str | None) -> str:
    if name is not None:
        return name
    if isinstance(file, FileStorage):
        return file.filename or ""
    name = getattr(file, "name", "")  # a number for an unnamed temporary file
    return name if isinstance(name, str) else ""


def _chunks(file: FileStorage | BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(CHUNK), b"")


async def _read_in_thread(file: FileStorage | BinaryIO) -> AsyncIterator[bytes]:
    while chunk := await in_thread(file.read, OnLoop.batch):
        yield chunk
