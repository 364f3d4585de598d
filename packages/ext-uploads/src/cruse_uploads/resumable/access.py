"""How a request gets at uploads: what may be announced, who may, and which are found."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from uuid import UUID

from werkzeug.exceptions import Forbidden, Gone, NotFound

from cruse_uploads.errors import ObjectNotFoundError
from cruse_uploads.events import telling
from cruse_uploads.names import clean_name, extension_of
from cruse_uploads.resumable import uploads
from cruse_uploads.sides import Blocking, OnLoop, drive

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from cruse import Response
    from cruse_uploads.resumable.asked import Creation
    from cruse_uploads.resumable.finishing import Hooks
    from cruse_uploads.resumable.uploads import ResumableUpload
    from cruse_uploads.sets import UploadSet
    from cruse_uploads.sides import Side

__all__ = ["Access", "make_view"]

A = TypeVar("A", bound="Access")


class Access:
    """The uploads of a set, for one request.

    Args:
        side: The side this runs on.
        upload_set: The set.
        hooks: What the application wants to be asked and told.
        expires: For how many seconds an upload is kept after its last byte.
    """

    #: Whether these are the uploads that go to the object store directly.
    direct: ClassVar[bool] = False

    def __init__(self, side: Side, upload_set: UploadSet, hooks: Hooks, expires: int) -> None:
        self.side = side
        self.upload_set = upload_set
        self.hooks = hooks
        self.expires = expires

    def announced(self, asked: Creation) -> ResumableUpload:
        """Return a new upload, unless what is said of it breaks a rule already."""
        rules = self.upload_set.rules
        with telling(self.upload_set):
            if asked.length is not None and asked.length > (rules.max_size or asked.length):
                raise rules.refuse("too_large")
            if asked.length == 0 and not asked.partial:
                raise rules.refuse("empty")
            if asked.name:
                rules.named(extension_of(clean_name(asked.name)))
        return uploads.create(
            self.upload_set,
            name=asked.name,
            metadata=asked.metadata,
            length=asked.length,
            expires=self.expires,
            partial=asked.partial,
            parts=tuple(url.rstrip("/").rpartition("/")[2] for url in asked.parts),
            direct=self.direct,
        )

    async def authorized(self, upload: ResumableUpload) -> str | None:
        """Ask the application; return whom the upload belongs to.

        Raises:
            Forbidden: When it does not allow it (403).
            TypeError: When it says so in no way that is known.
        """
        allowed = await self.hooks.call(self.side, self.hooks.authorize, upload)
        if not allowed:
            raise Forbidden
        if not isinstance(allowed, str | int | UUID):  # an object may not be the same next time
            raise TypeError(
                f"{self.hooks.authorize!r} returned {type(allowed).__name__}. Return whose upload "
                "it is, as text, int or UUID; True for whoever knows its URL; False for nobody."
            )
        return None if allowed is True else str(allowed)

    async def found(self, upload_id: str) -> ResumableUpload:
        """Return an upload that the client may go on with.

        Raises:
            ObjectNotFoundError: When there is none.
            NotFound: When it is another's (404).
            Gone: When its time is over (410).
        """
        upload = await self.loaded(upload_id)
        if await self.authorized(upload) != upload.owner:
            raise NotFound("There is no such upload.")
        return upload

    async def loaded(self, upload_id: str) -> ResumableUpload:
        """Return an upload, whosever it is.

        Raises:
            ObjectNotFoundError: When there is none.
            Gone: When its time is over (410).
        """
        upload = await self.side.run(uploads.load, self.upload_set, upload_id)
        if upload.direct is not self.direct:
            raise ObjectNotFoundError(upload_id)
        if upload.is_expired:
            raise Gone("The upload has expired.")
        return upload


def make_view(
    answer: Callable[..., Coroutine[Any, Any, Response]],
    access: Callable[[Side], A],
    hooks: Hooks,
    upload_set: UploadSet,
) -> Callable[..., Any]:
    """Return a view; an async one where a function of the application is async.

    Args:
        answer: A method of the class that ``access`` makes.
        access: What makes it for a side.
        hooks: What the application wants to be asked and told.
        upload_set: The set, whose ``scan`` may be async.
    """
    asked = (hooks.authorize, hooks.on_finished, hooks.on_progress, upload_set.scan)

    async def on_loop(**values: str) -> Response:
        return await _found(answer(access(OnLoop()), **values))

    def blocking(**values: str) -> Response:
        return drive(_found(answer(access(Blocking()), **values)))

    return on_loop if any(map(inspect.iscoroutinefunction, asked)) else blocking


async def _found(answer: Coroutine[Any, Any, Response]) -> Response:
    """Answer; with 404 also where the upload is deleted meanwhile."""
    try:
        return await answer
    except ObjectNotFoundError:
        raise NotFound("There is no such upload.") from None
