"""What the wall remembers: people and their photos."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import String, UniqueConstraint

from cruse_auth import UserMixin
from cruse_db import ForeignKey, Mapped, Model, column, relationship

__all__ = ["CAPTION_LENGTH", "DESCRIPTION_LENGTH", "Photo", "User"]

CAPTION_LENGTH = 140  # characters
DESCRIPTION_LENGTH = 500  # characters


class User(UserMixin, Model):
    """Somebody who signed in. Issuer and subject are the name of theirs that never changes."""

    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[int] = column(primary_key=True)
    issuer: Mapped[str] = column(String(255))
    subject: Mapped[str] = column(String(255))
    name: Mapped[str] = column(String(100))


class Photo(Model):
    """A photo on the wall, in two sizes."""

    # SQLite gives the number of a deleted last row to the next one, unless told not to. Live
    # pages ask for what is behind the last number they know, and links should not change.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = column(primary_key=True)
    owner_id: Mapped[int] = column(ForeignKey("user.id"), index=True)
    owner: Mapped[User] = relationship(lazy="joined", innerjoin=True)
    caption: Mapped[str] = column(String(CAPTION_LENGTH))
    #: What can be seen, for those who can't see it.
    description: Mapped[str] = column(String(DESCRIPTION_LENGTH), default="")
    #: Where the picture is in the upload set, in the size for its own page.
    key: Mapped[str] = column(String(100), unique=True)
    #: Of that size, in pixels.
    width: Mapped[int]
    height: Mapped[int]
    posted_at: Mapped[datetime] = column(default=lambda: datetime.now(UTC))

    @property
    def alt(self) -> str:
        """What stands for the picture in pages."""
        return self.description or self.caption
