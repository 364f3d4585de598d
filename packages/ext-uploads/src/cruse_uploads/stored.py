"""What an application holds of a file that was kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from werkzeug.datastructures import MultiDict

from cruse_uploads.names import stem_of

if TYPE_CHECKING:
    from cruse_uploads.sets import UploadSet

__all__ = ["Received", "Stored"]


@dataclass(frozen=True)
class Stored:
    """A file in an upload set.

    An application keeps ``key`` in its database and gets this back with ``photos.get(key)``, or
    keeps all :meth:`facts` and gets it back without asking the storage.
    """

    #: What finds it again, within its set: ``"2026/11/9f86d081….png"``.
    key: str
    #: The client's name for it, cleaned: to show, and to offer for download.
    name: str
    #: The number of bytes.
    size: int
    #: The media type that the content showed.
    type: str
    #: In pixels as stored, before any orientation that EXIF tells; of images whose header can be
    #: read.
    width: int | None
    #: See ``width``.
    height: int | None
    #: The hexadecimal digest of the content, where the set was asked for one.
    digest: str | None = field(default=None, kw_only=True)
    #: The set it is in.
    upload_set: UploadSet = field(repr=False, compare=False, kw_only=True)

    def facts(self) -> dict[str, Any]:
        """Return what is known of it, for a database; :meth:`UploadSet.restore` reads it.

        Texts, numbers and ``None``, so that it can be kept as JSON.
        """
        return {
            "key": self.key,
            "name": self.name,
            "size": self.size,
            "type": self.type,
            "width": self.width,
            "height": self.height,
            "digest": self.digest,
        }

    @property
    def id(self) -> str:
        """The random part of the key."""
        return stem_of(self.key).rpartition("/")[2]

    def url(
        self, *, variant: str | None = None, expires: int | None = None, external: bool = False
    ) -> str:
        """Return where browsers get it; see :meth:`UploadSet.url_for`."""
        return self.upload_set.url_for(
            self.key, variant=variant, expires=expires, external=external
        )

    def open(self) -> BinaryIO:
        """Open it for reading and seeking.

        Raises:
            ObjectNotFoundError: When it was deleted meanwhile.
        """
        return self.upload_set.open(self.key)

    def delete(self) -> None:
        """Remove it with its variants."""
        self.upload_set.delete(self.key)

    async def adelete(self) -> None:
        """Do :meth:`delete` without blocking the event loop."""
        await self.upload_set.adelete(self.key)


@dataclass(frozen=True)
class Received(Stored):
    """A file that came in a form, with the fields that came around it."""

    #: The form's fields, those before the file and those after it.
    form: MultiDict[str, str] = field(
        default_factory=MultiDict, repr=False, compare=False, kw_only=True
    )
