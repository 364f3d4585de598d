"""The first start: the tables, and a few pictures so that the wall is not empty."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from cruse_db import select
from photowall.extensions import db, pictures
from photowall.models import User
from photowall.photos import publish
from photowall.seeds import SEEDS, paint

if TYPE_CHECKING:
    from cruse import Cruse

__all__ = ["prepare"]

#: Who the people of the first pictures come from: no provider, so nobody can sign in as them.
ISSUER = "photowall"


def prepare(app: Cruse) -> None:
    """Make what an application needs to run; several processes may do it at the same time."""
    with app.app_context():
        db.upgrade()
        if app.config["SEED"] and (owners := _make_owners()):
            app.logger.info("Painting %d pictures for the new wall", len(SEEDS))
            _hang(owners)


def _make_owners() -> dict[str, int] | None:
    """Return the ids of the first pictures' owners, or ``None`` when they were made before.

    Of several processes that start at the same time, the one that gets these rows in paints.
    """
    names = dict.fromkeys(seed.owner for seed in SEEDS)
    users = [User(issuer=ISSUER, subject=name, name=name) for name in names]
    if db.session.scalar(select(User.id).filter_by(issuer=ISSUER).limit(1)):
        return None
    try:
        with db.transaction() as session:
            session.add_all(users)
    except IntegrityError:
        return None
    return {user.name: user.id for user in users}


def _hang(owners: dict[str, int]) -> None:
    now = datetime.now(UTC)
    for age, seed in zip(range(len(SEEDS), 0, -1), SEEDS, strict=True):
        stored = pictures.save(BytesIO(paint(seed)), name="painted.jpg")
        publish(
            stored,
            owners[seed.owner],
            caption=seed.caption,
            description=seed.description,
            # The older, the longer the pauses: hours, then days.
            posted_at=now - timedelta(hours=age**1.9),
        )
