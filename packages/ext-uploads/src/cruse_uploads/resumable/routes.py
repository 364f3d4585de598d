"""The routes of resumable uploads: a URL that creates them, and one for each."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import BadRequest, Forbidden

from cruse import Blueprint, Response, g, request, url_for
from cruse_uploads.errors import ObjectExistsError, UploadNotAllowed
from cruse_uploads.events import telling
from cruse_uploads.resumable import draft, tus, uploads
from cruse_uploads.resumable.access import Access, make_view
from cruse_uploads.resumable.appending import PIECE, Appending
from cruse_uploads.resumable.draft import Draft
from cruse_uploads.resumable.errors import (
    CompletedUpload,
    InconsistentLength,
    OffsetMismatch,
    Overtaken,
    Unfinished,
    UnfinishedYet,
)
from cruse_uploads.resumable.finishing import Hooks, finish
from cruse_uploads.resumable.tus import Tus

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from cruse_uploads.resumable.asked import Append, Dialect
    from cruse_uploads.resumable.uploads import ResumableUpload
    from cruse_uploads.sets import UploadSet
    from cruse_uploads.sides import Side

    Answer = Callable[..., Coroutine[Any, Any, Response]]

__all__ = ["Resource", "make_blueprint"]

#: The fields that scripts of other origins have to be let see.
EXPOSED = (
    "Location",
    "Retry-After",
    "Tus-Checksum-Algorithm",
    "Tus-Extension",
    "Tus-Max-Size",
    "Tus-Resumable",
    "Tus-Version",
    "Upload-Complete",
    "Upload-Concat",
    "Upload-Defer-Length",
    "Upload-Expires",
    "Upload-Length",
    "Upload-Limit",
    "Upload-Metadata",
    "Upload-Offset",
)
_WHOLE = "_cruse_uploads_whole"  # in ``g``: whether the upload of this request has all come
MAX_SMALL_PIECES = 10_000  # that the clients of one upload may make beside those of full size


def make_blueprint(
    upload_set: UploadSet, hooks: Hooks, expires: int, cors: Mapping[str, Any] | None
) -> Blueprint:
    """Return the blueprint of a set's resumable uploads; see :meth:`UploadSet.resumable`."""
    blueprint = Blueprint(
        f"resumable_{upload_set.name}",
        __name__,
        error_format="problem",
        cors=None if cors is None else {"expose_headers": EXPOSED, **cors},
    )

    def access(side: Side) -> Resource:
        return Resource(side, upload_set, hooks, expires)

    def add(rule: str, endpoint: str, methods: list[str], answer: Answer) -> None:
        view = make_view(answer, access, hooks, upload_set)
        blueprint.add_url_rule(
            rule, endpoint, view, methods=methods, stream=True, provide_automatic_options=False
        )

    add("", "create", ["POST"], Resource.create)
    add("/<upload_id>", "upload", ["HEAD", "PATCH", "DELETE", "POST"], Resource.answer)
    for rule, endpoint in (("", "discover"), ("/<upload_id>", "discover_upload")):
        view = partial(_discover, upload_set, expires)
        blueprint.add_url_rule(
            rule, endpoint, view, methods=["OPTIONS"], provide_automatic_options=False
        )
    blueprint.after_request(partial(_mark, draft.limits(upload_set, expires)))
    return blueprint


def _mark(limits: str, response: Response) -> Response:
    """Say on every answer, errors too, what protocol it is in."""
    if response.status_code == 413:
        response.headers["Upload-Limit"] = limits
    if "Tus-Resumable" in request.headers or request.method == "OPTIONS":
        response.headers["Tus-Resumable"] = tus.VERSION
        if response.status_code == 412:
            response.headers["Tus-Version"] = tus.VERSION
    elif g.get(_WHOLE) and 400 <= response.status_code < 500:
        response.headers["Upload-Complete"] = "?1"  # the file is refused, not the request
    return response


def _discover(upload_set: UploadSet, expires: int, upload_id: str | None = None) -> Response:
    """Tell what is spoken here, in both protocols."""
    methods = "OPTIONS, POST" if upload_id is None else "DELETE, HEAD, OPTIONS, PATCH, POST"
    fields = {
        "Tus-Version": tus.VERSION,
        "Tus-Extension": ",".join(tus.EXTENSIONS),
        "Tus-Checksum-Algorithm": ",".join(tus.ALGORITHMS),
        "Accept-Patch": f"{tus.MEDIA_TYPE}, {draft.MEDIA_TYPE}",
        "Upload-Limit": draft.limits(upload_set, expires),
        "Allow": methods,
    }
    if upload_set.rules.max_size is not None:
        fields["Tus-Max-Size"] = str(upload_set.rules.max_size)
    return _empty(204, fields)


def _empty(status: int, fields: Mapping[str, str]) -> Response:
    response = Response(status=status, headers=dict(fields))
    del response.headers["Content-Type"]  # of nothing
    return response


class Resource(Access):
    """What one request does to the uploads of a set."""

    def __init__(self, side: Side, upload_set: UploadSet, hooks: Hooks, expires: int) -> None:
        super().__init__(side, upload_set, hooks, expires)
        tus_spoken = "Tus-Resumable" in request.headers
        self.dialect: Dialect = Tus(request) if tus_spoken else Draft()

    async def create(self) -> Response:
        """Create an upload, with what of it the request has; 201."""
        asked = self.dialect.creation(request)
        first = None if asked.parts else self.dialect.first(request)
        upload = self.announced(asked)
        owner = await self.authorized(upload)
        if asked.parts:
            upload = await self._concatenation(upload, owner)
        upload = await self.side.run(uploads.save, upload, owner)
        if first is not None:
            try:
                upload = await self._append(upload, first)
                complete = self.dialect.completes(upload, first)
            except BaseException:  # nobody knows its URL yet, so nobody can go on with it
                await self.side.run(uploads.delete, upload)
                raise
        else:
            complete = self.dialect.completes(upload, None)
        fields: Mapping[str, str] = {}
        if complete:
            upload, fields = await self._finish(upload)
        location = {"Location": url_for(".upload", upload_id=upload.id)}
        return _empty(201, {**self.dialect.answer(upload), **location, **fields})

    async def answer(self, upload_id: str) -> Response:
        """Do what is asked of one upload."""
        method = request.method
        if method == "POST":  # from where other methods can't be sent
            method = request.headers.get("X-HTTP-Method-Override", "").upper()
        does = {"HEAD": self._head, "PATCH": self._patch, "DELETE": self._delete}.get(method)
        if does is None:
            raise BadRequest("X-HTTP-Method-Override is missing, or not HEAD, PATCH or DELETE.")
        upload = await self.found(upload_id)
        return await does(upload)

    async def _head(self, upload: ResumableUpload) -> Response:
        # Where all has come and yet nothing became of it, a process was killed at its last step.
        whole = upload.is_finishing or self.dialect.completes(upload, None)
        if whole and not upload.is_finished:
            with suppress(UnfinishedYet):  # the draft can tell so: it is not complete
                upload, _ = await self._finish(upload)
        fields = {**self.dialect.head(upload), "Cache-Control": "no-store"}
        return _empty(200, fields)

    async def _patch(self, upload: ResumableUpload) -> Response:
        asked = self.dialect.append(request)
        if upload.parts:
            raise Forbidden("Nothing can be appended to a concatenation.")
        if asked.offset != upload.offset:
            raise OffsetMismatch(upload.offset, asked.offset)
        if upload.is_finished and asked.complete is not None:
            raise CompletedUpload
        upload = await self._append(upload, asked)
        fields: Mapping[str, str] = {}
        if not upload.is_finished and self.dialect.completes(upload, asked):
            upload, fields = await self._finish(upload)
        return _empty(204, {**self.dialect.answer(upload), **fields})

    async def _delete(self, upload: ResumableUpload) -> Response:
        if not upload.is_finished:  # nobody may be about to tell the application of it
            if not await self.side.run(uploads.claim, upload):
                raise self.dialect.unfinished
            upload = await self.found(upload.id)  # it may just have been finished
        await self.side.run(uploads.delete, upload)
        return _empty(204, {})

    async def _finish(self, upload: ResumableUpload) -> tuple[ResumableUpload, Mapping[str, str]]:
        setattr(g, _WHOLE, True)
        try:
            return await finish(self.side, upload, self.hooks)
        except Unfinished:
            raise self.dialect.unfinished from None

    async def _concatenation(self, upload: ResumableUpload, owner: str | None) -> ResumableUpload:
        """Return the concatenation of uploads that have all come."""
        length = 0
        if len(set(upload.parts)) < len(upload.parts):  # a few bytes would make any number
            raise BadRequest("A concatenation has each of its parts once.")
        for part_id in upload.parts:
            part = await self.found(part_id)
            if not part.partial or part.owner != owner or part.offset != part.length:
                raise BadRequest("A concatenation is of partial uploads that have all come.")
            length += part.offset
        if length > (self.upload_set.rules.max_size or length):
            raise self.upload_set.rules.refuse("too_large")
        return replace(upload, length=length, offset=length)

    async def _append(self, upload: ResumableUpload, asked: Append) -> ResumableUpload:
        """Append the body of the request; return the upload as it stands then."""
        upload = await self._with_length(upload, asked)
        limit = self.upload_set.rules.max_size if upload.length is None else upload.length
        request.max_content_length = None if limit is None else limit - upload.offset
        stream = request.stream  # announced longer, it is refused here
        if stream.length == 0 or upload.is_finished:
            return upload
        if len(upload.entries) > MAX_SMALL_PIECES + upload.offset // PIECE:
            raise BadRequest("The upload came in too many pieces; send more at a time.")
        appending = Appending(self.side, upload, asked.checksum, self._progress)
        try:
            with telling(self.upload_set):
                await appending.take(self.side.chunks(stream))
        except UploadNotAllowed:
            await self.side.run(uploads.delete, upload)
            raise
        except Overtaken:
            upload = await self.found(upload.id)
            raise OffsetMismatch(upload.offset, asked.offset) from None
        return appending.upload

    async def _with_length(self, upload: ResumableUpload, asked: Append) -> ResumableUpload:
        """Return an upload with the length that is told only now."""
        if asked.length is None or asked.length == upload.length:
            return upload
        if upload.length is not None or asked.length < upload.offset:
            raise InconsistentLength(f"The upload cannot have {asked.length} bytes.")
        if asked.length > (self.upload_set.rules.max_size or asked.length):
            raise self.upload_set.rules.refuse("too_large")
        try:
            return await self.side.run(uploads.declare_length, upload, asked.length)
        except ObjectExistsError:
            raise InconsistentLength("Another request has told the length.") from None

    async def _progress(self, upload: ResumableUpload) -> None:
        if self.hooks.on_progress is not None:
            await self.hooks.call(self.side, self.hooks.on_progress, upload)
