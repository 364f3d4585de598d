"""New photos, sent to open pages as they are posted (server-sent events, HTML standard 9.2).

Each connection looks into the database about once a second. That is all that has to be shared, so
it works over any number of processes and machines, under every server.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from cruse import Blueprint, Response, abort, current_app, render_template, request
from cruse_db import select
from photowall.extensions import db
from photowall.models import Photo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

__all__ = ["blueprint"]

blueprint = Blueprint("live", __name__)

#: Numbers are given before the commit, so a lower one may come after a higher one. How far back
#: to look for it.
LOOK_BACK = 50
#: Seconds between signs of life. They keep proxies from hanging up, and under WSGI writing is the
#: only way to learn that the browser has.
HEARTBEAT = 5.0
#: Milliseconds after which a browser comes back when the stream has ended.
RETRY = 2000


@blueprint.get("/live")
async def events() -> Response:
    """Send photos as they are posted.

    Browsers that come back say in ``Last-Event-ID`` what they had; new ones in ``after``.
    """
    after = _number(request.headers.get("Last-Event-ID") or request.args.get("after", "0"))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(_events(after), headers=headers, mimetype="text/event-stream")


async def _events(after: int) -> AsyncIterator[str]:
    """Yield an event for each photo behind a number, until it is time to end."""
    yield f"retry: {RETRY}\n\n"
    config = current_app.config
    news = News(after)
    with _place() as stays:
        end = time.monotonic() + (config["LIVE_SECONDS"] if stays else 0)
        beat = time.monotonic() + HEARTBEAT
        while True:
            try:
                photos = await news.look()
            except SQLAlchemyError as error:
                # The browser comes back; until then the database may have, too.
                current_app.logger.warning("A live connection ends: %s", error)
                return
            for photo in photos:
                yield _event(photo)
            now = time.monotonic()
            if now >= end:
                return
            if now >= beat:
                yield ": still here\n\n"
                beat = now + HEARTBEAT
            await asyncio.sleep(config["LIVE_POLL"])


class News:
    """What one connection has not sent yet.

    Args:
        after: The number of the newest photo that the page has.
    """

    def __init__(self, after: int) -> None:
        self._from = max(0, after - LOOK_BACK)
        self._after = after
        self._sent: set[int] | None = None

    async def look(self) -> list[Photo]:
        """Return the photos that came since the last look, oldest first."""
        session = db.aio.session
        try:
            if self._sent is None:
                had = select(Photo.id).where(Photo.id > self._from, Photo.id <= self._after)
                self._sent = set(await session.scalars(had))
            new = select(Photo).where(Photo.id > self._from, Photo.id.not_in(self._sent))
            photos = list(await session.scalars(new.order_by(Photo.id)))
        finally:
            # Between two looks the connection to the database is free for others.
            await session.close()
        self._sent.update(photo.id for photo in photos)
        return photos


def _event(photo: Photo) -> str:
    """Write a photo's card as an event; a line break in it begins another line of data."""
    card = render_template("wall/_card.html", photo=photo)
    lines = "".join(f"data: {line}\n" for line in card.splitlines())
    return f"event: photo\nid: {photo.id}\n{lines}\n"


# Places of this process's threads, see LIVE_THREADS.
_taken = 0
_lock = threading.Lock()


@contextlib.contextmanager
def _place() -> Iterator[bool]:
    """Take a place for a connection that stays open, and tell whether there was one.

    On an event loop there always is. Under WSGI each connection keeps a thread busy, and a few
    open pages would use them all up: the others are told what is new and come back later.
    """
    global _taken
    if {"asgi.scope", "rsgi.scope"} & request.environ.keys():
        yield True
        return
    with _lock:
        free = _taken < current_app.config["LIVE_THREADS"]
        _taken += free
    try:
        yield free
    finally:
        with _lock:
            _taken -= free


def _number(text: str) -> int:
    """Read a photo's number.

    Raises:
        BadRequest: When it is none (400).
    """
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        abort(400, "A photo's number is expected.")
    return int(text)
