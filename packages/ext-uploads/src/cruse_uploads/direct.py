"""Uploads that clients send to the object store themselves, past the application.

Theory of operation
    An upload is announced, and authorized. The answer says where its bytes go: into the object
    store, by a request that was signed for this one object, its size and its type; or, where the
    storage has no such requests, here, by a signed URL of our own, so that an application is the
    same on a disk. Then the client confirms, and the file is looked at.

    It is a resumable upload (:mod:`cruse_uploads.resumable`) whose only piece its client writes.
    So what holds for those holds here: an upload has an owner and an end, the application is told
    once, a crash leaves nothing that a sweep does not find, and any worker answers any request.

    While a signed request is good, its object can change, whatever was found in it. So a file is
    first given a key that its client does not know and has no leave to write; then it is looked
    at, there. No file is ever seen under the key that it was sent to.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from werkzeug.exceptions import BadRequest, Conflict, Forbidden, LengthRequired, PreconditionFailed

from cruse import Blueprint, jsonify, request, url_for
from cruse_uploads.errors import ObjectExistsError
from cruse_uploads.events import telling
from cruse_uploads.filetypes import BINARY
from cruse_uploads.names import clean_name, extension_of
from cruse_uploads.resumable import uploads
from cruse_uploads.resumable.access import Access, make_view
from cruse_uploads.resumable.asked import MAX_METADATA, Creation
from cruse_uploads.resumable.errors import InconsistentLength
from cruse_uploads.resumable.finishing import finish, read
from cruse_uploads.rules import Intake
from cruse_uploads.signing import PUT, is_signed, sign
from cruse_uploads.storage import Meta, PutRequest
from cruse_uploads.stored import Stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from cruse import Response
    from cruse_uploads.filetypes import FileType
    from cruse_uploads.resumable.finishing import Hooks
    from cruse_uploads.resumable.uploads import ResumableUpload
    from cruse_uploads.sets import UploadSet
    from cruse_uploads.sides import Side

__all__ = ["make_blueprint"]

CONFIRM = 24 * 60 * 60  # seconds to send and confirm what was begun at the last moment
CHUNK = 64 * 1024  # bytes read at a time of what was sent
LARGEST = 10**15  # bytes; more is no size


def make_blueprint(
    upload_set: UploadSet, hooks: Hooks, expires: int, cors: Mapping[str, Any] | None
) -> Blueprint:
    """Return the blueprint of a set's direct uploads; see :meth:`UploadSet.direct`."""
    blueprint = Blueprint(f"direct_{upload_set.name}", __name__, error_format="problem", cors=cors)

    def access(side: Side) -> DirectUploads:
        return DirectUploads(side, upload_set, hooks, expires)

    view = partial(make_view, access=access, hooks=hooks, upload_set=upload_set)
    blueprint.add_url_rule("", "create", view(DirectUploads.create), methods=["POST"])
    one = "/<upload_id>"
    blueprint.add_url_rule(one, "confirm", view(DirectUploads.confirm), methods=["POST"])
    blueprint.add_url_rule(
        one, "receive", view(DirectUploads.receive), methods=["PUT"], stream=True
    )
    return blueprint


class DirectUploads(Access):
    """What one request does to the direct uploads of a set."""

    direct: ClassVar[bool] = True

    def __init__(self, side: Side, upload_set: UploadSet, hooks: Hooks, expires: int) -> None:
        super().__init__(side, upload_set, hooks, expires + CONFIRM)
        self.begins = expires  # seconds that there are to begin to send

    async def create(self) -> Response:
        """Announce an upload; tell where to send it to."""
        upload = self.announced(_announcement())
        owner = await self.authorized(upload)
        put = await self.side.run(self._put_request, upload) or self._own_request(upload)
        await self.side.run(uploads.save, upload, owner)
        response = jsonify(
            id=upload.id,
            method="PUT",
            url=put.url,
            headers=dict(put.headers),
            expires=self.begins,
            confirm=url_for(".confirm", upload_id=upload.id, _external=True),
        )
        response.status_code = 201
        response.cache_control.no_store = True  # who has the URL can send the file
        return response

    def _put_request(self, upload: ResumableUpload) -> PutRequest | None:
        storage, size = self.upload_set.storage, upload.length or 0
        return storage.put_request(upload.key(uploads.SENT), _meta(upload), size, self.begins)

    def _own_request(self, upload: ResumableUpload) -> PutRequest:
        app, name = self.upload_set.uploads.state.app, self.upload_set.name
        query = sign(app, name, upload.id, self.begins, PUT)
        url = url_for(".receive", upload_id=upload.id, _external=True, **query)
        return PutRequest(url, {"Content-Type": "application/octet-stream"})

    async def receive(self, upload_id: str) -> Response:
        """Take the bytes of an upload, as an object store does: for who has a signed URL."""
        app, name = self.upload_set.uploads.state.app, self.upload_set.name
        if not is_signed(app, name, upload_id, request.args, PUT):
            raise Forbidden("This URL has expired, or was never valid.")
        upload = await self.loaded(upload_id)
        if request.content_length is None:
            raise LengthRequired
        if request.content_length != upload.length:
            raise _wrong_size(upload, request.content_length)
        request.max_content_length = upload.length
        try:
            await _write(self.side, upload, self.side.chunks(request.stream))
        except ObjectExistsError:
            raise PreconditionFailed("It has been sent before.") from None
        return jsonify(sent=upload.length)

    async def confirm(self, upload_id: str) -> Response:
        """Make a file of what was sent, if it keeps the rules."""
        upload = await self.found(upload_id)
        fields: Mapping[str, str] = {}
        if not upload.is_finished:
            if upload.stored is None and uploads.SENT not in upload.entries:
                raise Conflict("The file has not been sent yet.")
            upload, fields = await finish(self.side, upload, self.hooks, _take)
        response = jsonify(self._told(upload.stored))
        response.headers.update(fields)
        return response

    def _told(self, stored: Stored | None) -> dict[str, Any]:
        """Return what its client is told of a file."""
        names = ("name", "size", "type", "width", "height")
        told = {name: getattr(stored, name) for name in names}
        if stored is not None and not self.hooks.temporary:
            told["url"] = stored.url()
        return told


def _announcement() -> Creation:
    """Read what the client says of its file.

    Raises:
        BadRequest: When it is malformed.
    """
    told = request.get_json()
    told = told if isinstance(told, dict) else {}
    name, size, metadata = told.get("name", ""), told.get("size"), told.get("metadata", {})
    if not isinstance(name, str) or type(size) is not int or not 0 <= size <= LARGEST:
        raise BadRequest('The body is an object such as {"name": "a.png", "size": 1234}.')
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise BadRequest("'metadata' is an object of texts.")
    if len(name) + sum(len(key) + len(text) for key, text in metadata.items()) > MAX_METADATA:
        raise BadRequest("'name' and 'metadata' are too long.")
    return Creation(size, name, metadata)


def _claimed(upload: ResumableUpload) -> FileType | None:
    """Return the type that an upload's name claims; ``None`` when it claims none."""
    return upload.upload_set.rules.named(extension_of(clean_name(upload.name)))


def _meta(upload: ResumableUpload) -> Meta:
    return Meta(clean_name(upload.name), (_claimed(upload) or BINARY).media_type)


def _wrong_size(upload: ResumableUpload, size: int) -> InconsistentLength:
    return InconsistentLength(f"The file was announced with {upload.length} bytes, not {size}.")


async def _write(side: Side, upload: ResumableUpload, chunks: AsyncIterator[bytes]) -> None:
    """Put the body of the request where an object store would.

    Raises:
        ObjectExistsError: When there is one already.
        StorageFull: When there is no room left.
    """
    storage, gathered = upload.upload_set.storage, bytearray()
    sink = await side.writer(storage, upload.key(uploads.SENT), _meta(upload))
    try:
        async for chunk in chunks:
            gathered += chunk
            if len(gathered) >= side.batch:
                data, gathered = gathered, bytearray()
                await sink.awrite(data)
        await sink.awrite(gathered)
        await sink.acommit()
    except BaseException:
        await sink.aabort()
        raise


async def _take(side: Side, upload: ResumableUpload) -> Stored:
    """Keep what was sent as a temporary file, if it keeps the rules.

    It is copied by the store, without its bytes coming here, and its beginning is looked at. All
    of it is read where the set wants to: for a digest, for a scan, or since the store has been
    told no type.

    Raises:
        UploadNotAllowed: When it breaks a rule.
        InconsistentLength: When it has another size than was announced.
    """
    upload_set, kind = upload.upload_set, _claimed(upload)
    facts = await side.run(upload_set.storage.stat, upload.key(uploads.SENT))
    if facts.size != upload.length:
        raise _wrong_size(upload, facts.size)
    if kind is None or upload_set.digest is not None or upload_set.scan is not None:
        return await read(side, upload)
    with telling(upload_set) as tell:
        stored = await side.run(_moved, upload, kind, facts.size)
    tell(stored)
    return stored


def _moved(upload: ResumableUpload, kind: FileType, size: int) -> Stored:
    """Give what was sent the key of a temporary file, and look at it there."""
    upload_set, storage = upload.upload_set, upload.upload_set.storage
    key = upload_set.keys.make(kind.extension)
    place = upload_set.storage_key(key, temporary=True)
    storage.move(upload.key(uploads.SENT), place)
    try:
        intake = _looked_at(upload, place)
    except BaseException:
        storage.delete(place)
        raise
    width, height = intake.dimensions or (None, None)
    return Stored(key, intake.name, size, kind.media_type, width, height, upload_set=upload_set)


def _looked_at(upload: ResumableUpload, place: str) -> Intake:
    """Hold the rules over the beginning of a file: as much of it as tells what it is."""
    intake = Intake(upload.upload_set.rules, upload.name)
    with upload.upload_set.storage.open(place) as file:
        while not intake.is_settled and (chunk := file.read(CHUNK)):
            intake.feed(chunk)
    if not intake.is_settled:
        intake.finish()
    return intake
