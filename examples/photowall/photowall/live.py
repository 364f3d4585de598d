"""New photos, sent to open pages as they are posted (server-sent events, HTML standard 9.2).

Each connection looks into the database about once a second. That is all that has to be shared, so
it works over any number of processes and machines, under every server. It is an extension like
those of the framework: settings that are checked, a state for each application, a route, hooks.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from cruse import (
    Blueprint,
    Event,
    EventStream,
    Extension,
    ExtensionState,
    abort,
    app_ctx,
    render_template,
    request,
)
from cruse_db import select
from photowall.extensions import db
from photowall.models import Photo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cruse import Cruse

__all__ = ["Live"]

#: Numbers are given before the commit, so a lower one may come after a higher one. How far back
#: to look for it.
LOOK_BACK = 50
#: Seconds that streams get to end when the process does.
PATIENCE = 5.0


@dataclass(frozen=True)
class LiveSettings:
    """The settings ``LIVE_POLL`` and so on; times are seconds."""

    #: Between two looks for new photos.
    poll: float = 1.0
    #: Between two signs of life. They keep proxies from hanging up, and under WSGI writing is the
    #: only way to learn that the browser has.
    heartbeat: float = 5.0
    #: How long a connection lasts. Then the browser makes a new one: a server that is stopped
    #: waits for its connections, and should not wait for ever.
    lifetime: float = 20.0
    #: After which a browser comes back when its connection has ended.
    retry: float = 2.0
    #: How many connections a process of a WSGI server keeps open: there, each costs a thread.
    threads: int = 2


class LiveState(ExtensionState[LiveSettings]):
    """What is known of the connections of this process."""

    def __init__(self, app: Cruse, extension: Live) -> None:
        super().__init__(app, extension)
        #: Whether connections are to end.
        self.ending = False
        #: Set while there are none. Streams run on one event loop, under every server.
        self.idle = asyncio.Event()
        self.idle.set()
        self._streams = 0

    def enter(self) -> bool:
        """Count a connection, and tell whether it may stay open.

        On an event loop it may. Under WSGI it keeps a thread busy, and a few open pages would use
        them all up: the others are told what is new and come back later.
        """
        on_loop = bool({"asgi.scope", "rsgi.scope"} & request.environ.keys())
        stays = on_loop or self._streams < self.settings.threads
        self._streams += 1
        self.idle.clear()
        # When everything else that belongs to the request is gone: it was registered later.
        app_ctx.call_on_teardown(self._leave)
        return stays

    async def _leave(self, exc: BaseException | None) -> None:
        self._streams -= 1
        if not self._streams:
            self.idle.set()


class Live(Extension[LiveState]):
    """Photos that appear on open pages."""

    name = "live"
    requires = ("db",)
    prefix = "LIVE_"
    settings = LiveSettings
    state_class = LiveState

    def make_blueprint(self, state: LiveState) -> Blueprint:
        """Return the route that pages connect to."""
        blueprint = Blueprint("live", __name__)
        blueprint.add_url_rule("/live", "events", self.events)
        return blueprint

    async def events(self) -> EventStream:
        """Send photos as they are posted.

        Browsers that come back say in ``Last-Event-ID`` what they had; new ones in ``after``.
        """
        after = _number(request.last_event_id or request.args.get("after", "0"))
        state = self.state
        lifetime = state.settings.lifetime if state.enter() else 0.0
        settings = state.settings
        stream = _events(state, after, lifetime)
        return EventStream(stream, heartbeat=settings.heartbeat, retry=settings.retry)

    def startup(self, state: LiveState) -> None:
        """Let connections stay."""
        state.ending = False

    async def shutdown(self, state: LiveState) -> None:
        """Let connections end by themselves before what they use is gone."""
        state.ending = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await state.idle.wait()


async def _events(state: LiveState, after: int, lifetime: float) -> AsyncIterator[Event]:
    """Yield an event for each photo behind a number, until it is time to end."""
    news = News(after)
    end = time.monotonic() + lifetime
    while True:
        try:
            photos = await news.look()
        except SQLAlchemyError as error:
            # The browser comes back; until then the database may have, too.
            state.app.logger.warning("A live connection ends: %s", error)
            return
        for photo in photos:
            card = render_template("wall/_card.html", photo=photo)
            yield Event(card, event="photo", id=photo.id)
        if time.monotonic() >= end or state.ending:
            return
        await asyncio.sleep(state.settings.poll)


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


def _number(text: str) -> int:
    """Read a photo's number.

    Raises:
        BadRequest: When it is none (400).
    """
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        abort(400, "A photo's number is expected.")
    return int(text)
