"""What can be done with photos. The pages and the API both do it through here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cruse import abort
from cruse_db import select
from photowall.extensions import auth, db, pictures
from photowall.models import Photo, User

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Select

    from cruse_uploads import Stored

__all__ = ["neighbours", "newest_first", "own_photo", "publish", "remove"]


def newest_first(owner: User | None = None) -> Select[Photo]:
    """Return the query for all photos, or for one person's."""
    statement = select(Photo).order_by(Photo.id.desc())
    return statement if owner is None else statement.where(Photo.owner_id == owner.id)


def neighbours(photo: Photo) -> tuple[Photo | None, Photo | None]:
    """Return the photos that were posted just after and just before one."""
    newer = select(Photo).where(Photo.id > photo.id).order_by(Photo.id).limit(1)
    older = newest_first().where(Photo.id < photo.id).limit(1)
    return db.session.scalar(newer), db.session.scalar(older)


def own_photo(photo_id: int) -> Photo:
    """Return a photo of the current user, to be changed.

    Raises:
        NotFound: When there is none (404).
        Forbidden: When it is somebody else's (403).
    """
    photo = db.get_or_404(Photo, photo_id)
    if photo.owner_id != auth.current_user.id:
        abort(403, "Only the person who posted a photo can change or delete it.")
    return photo


def publish(
    stored: Stored,
    owner_id: int,
    *,
    caption: str,
    description: str = "",
    posted_at: datetime | None = None,
) -> Photo:
    """Put a picture that was received on the wall.

    It is kept in two sizes, upright and without metadata. The original goes: it may say where it
    was taken, down to the house.

    Args:
        stored: The original. It is deleted when this fails.
        owner_id: Who posts it.
        caption: What is written below it.
        description: What can be seen, for those who can't see it.
        posted_at: When; now, unless given.

    Raises:
        UploadNotAllowed: When it can't be decoded (415).
    """
    try:
        large = pictures.variant(stored.key, "large")
        pictures.variant(stored.key, "small")
        photo = Photo(
            owner_id=owner_id,
            caption=caption,
            description=description,
            key=large.key,
            width=large.width,
            height=large.height,
        )
        if posted_at is not None:
            photo.posted_at = posted_at
        with db.transaction() as session:
            session.add(photo)
            pictures.delete(stored.key, thumbnails=False, on_commit=db.on_commit)
    except BaseException:
        stored.delete()
        raise
    return photo


def remove(photo: Photo) -> None:
    """Take a photo off the wall, with its files."""
    with db.transaction() as session:
        # Behind the commit: a row without its files would be a broken page.
        pictures.delete(photo.key, on_commit=db.on_commit)
        session.delete(photo)
