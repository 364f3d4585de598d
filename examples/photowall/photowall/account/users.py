"""Who signs in: finding the person that a provider tells us about, and loading them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cruse_db import select
from photowall.extensions import auth, db
from photowall.models import User

if TYPE_CHECKING:
    from cruse_auth import Identity

__all__ = ["find_user", "load_user"]


@auth.user_loader
def load_user(user_id: str) -> User | None:
    """Return the user whose id is in the session."""
    return db.get(User, int(user_id))


@auth.on_login
@db.transaction
def find_user(identity: Identity) -> User:
    """Return the user of a person who signs in, made at their first time."""
    found = select(User).filter_by(issuer=identity.issuer, subject=identity.subject)
    user = db.session.scalar(found)
    if user is None:
        user = User(issuer=identity.issuer, subject=identity.subject)
        db.session.add(user)
    user.name = (identity.name or "Somebody")[:100]
    return user
