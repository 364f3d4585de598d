"""Sessions that are kept on the server: the cookie has only an id.

The id is 256 random bits, so nobody can guess one, and a signature would add nothing: it needs no
``SECRET_KEY``, and a new key ends no session. The store gets a hash of it: who can read the store
(a dump, a log of its commands) cannot be anybody with what he finds there.

Opening and saving are coroutines that run on either side of the bridge, as the pipeline does.
"""

from __future__ import annotations

import hashlib
import math
import re
import secrets
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from werkzeug.exceptions import ServiceUnavailable

from cruse.bridge import call, drive
from cruse.colors import is_inline
from cruse.json.tag import TaggedJSONSerializer
from cruse.outages import unavailable
from cruse.responses import add_cookie, vary_by
from cruse.sessions import SecureCookieSession, SessionInterface, name_the_keys
from cruse.stores import make_store

if TYPE_CHECKING:
    from cruse.app import Cruse
    from cruse.bridge import Bridge
    from cruse.requests import Request
    from cruse.responses import Response
    from cruse.sessions import SessionMixin

__all__ = ["SessionUnavailable", "StoredSession", "StoredSessionInterface"]

ID_BYTES = 32
_ID = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)  # 32 bytes in base64
_COPIES = 3  # of the cookie that are looked at: one per domain and path a browser may have it for


class SessionUnavailable(ServiceUnavailable):
    """The store of the sessions cannot be reached (503); its own error is the cause."""

    description = "The session cannot be read or kept at the moment. Please try again."


class StoredSession(SecureCookieSession):
    """A session of the server.

    Args:
        initial: What the store had.
        sid: The id under which the store had it.
    """

    #: Whether it gets another id when it is saved.
    rotated = False

    def __init__(self, initial: Any = None, sid: str | None = None) -> None:
        super().__init__(initial)
        self.sid = sid

    def rotate(self) -> None:
        """Give the session another id; the old one is worth nothing from then on."""
        self.rotated = True
        super().rotate()

    def clear(self) -> None:
        """Empty the session; what is put into it afterwards has another id."""
        super().clear()
        self.rotated = True


class StoredSessionInterface(SessionInterface):
    """Keeps sessions in a store.

    Args:
        store: A store; see :class:`cruse.stores.SessionStore`.
    """

    #: Writes and reads the content.
    serializer = TaggedJSONSerializer()
    #: The class of the sessions.
    session_class: type[StoredSession] = StoredSession

    def __init__(self, store: Any) -> None:
        self.store = make_store(store)

    @property
    def waits(self) -> bool:
        """Whether the store is elsewhere, so that asking it takes time."""
        return not is_inline(self.store.get)

    def get_key(self, app: Cruse, sid: str) -> str:
        """Return the key of a session in the store."""
        digest = hashlib.sha256(sid.encode()).hexdigest()
        return f"{app.config['SESSION_KEY_PREFIX']}{digest}"

    def get_lifetime(self, app: Cruse) -> int:
        """Return how many seconds the store keeps a session after it was saved last."""
        return max(1, math.ceil(app.permanent_session_lifetime.total_seconds()))

    def open_session(self, app: Cruse, request: Request) -> SessionMixin:
        """Return the session of a request; outside of event loops."""
        return drive(self.open(app, request, app.bridge))

    def save_session(self, app: Cruse, session: SessionMixin, response: Response) -> None:
        """Keep the session; outside of event loops."""
        drive(self.save(app, session, response, app.bridge))

    async def open(self, app: Cruse, request: Request, bridge: Bridge) -> SessionMixin:
        """Return what the store has, or an empty session. An id that it does not know is ignored.

        Raises:
            SessionUnavailable: When the store fails (503).
        """
        copies = request.cookies.getlist(self.get_cookie_name(app))
        for sid in islice(filter(_ID.fullmatch, copies), _COPIES):
            text = await self._ask(app, bridge, self.store.get, self.get_key(app, sid))
            content = None if text is None else self._read(app, text)
            if content is not None:
                return self.session_class(content, sid)
        return self.session_class()

    def _read(self, app: Cruse, text: str | bytes) -> dict[str, Any] | None:
        try:
            content = self.serializer.loads(text if isinstance(text, str) else text.decode())
            return dict(content)
        except (TypeError, ValueError):
            app.logger.warning("The session store has a session that cannot be read: left out.")
            return None

    async def save(
        self, app: Cruse, session: SessionMixin, response: Response, bridge: Bridge
    ) -> None:
        """Keep the session and set the cookie, or delete both when it was emptied.

        Raises:
            SessionUnavailable: When the store fails (503).
        """
        session = cast("StoredSession", session)
        if not (session.accessed or session.modified):
            return  # opened ahead of a view that did not look
        vary_by(response, "Cookie")
        if session.sid is not None and (session.rotated or not session):
            await self._ask(app, bridge, self.store.delete, self.get_key(app, session.sid))
            session.sid = None
        session.rotated = False
        if not session:
            if session.modified:
                self.delete_cookie(app, response)
        elif self.should_set_cookie(app, session) and await self._keep(app, session, bridge):
            cookie = self.dump_cookie(app, session, cast("str", session.sid))
            add_cookie(response, cookie)

    async def _keep(self, app: Cruse, session: StoredSession, bridge: Bridge) -> bool:
        """Keep the content. False when another request has ended the session meanwhile."""
        store, lifetime = self.store, self.get_lifetime(app)
        known = session.sid is not None
        sid = session.sid or secrets.token_urlsafe(ID_BYTES)
        key = self.get_key(app, sid)
        if session.modified or not known:
            try:
                text = self.serializer.dumps(dict(session))
            except TypeError as error:
                name_the_keys(error, self.serializer, session)
                raise
            kept = await self._ask(app, bridge, store.set, key, text, lifetime, known)
        else:
            kept = await self._ask(app, bridge, store.touch, key, lifetime)
        if not kept:
            app.logger.info("A session was ended while another request used it: not kept.")
            return False
        session.sid = sid
        return True

    async def _ask(self, app: Cruse, bridge: Bridge, method: Any, *args: Any) -> Any:
        try:
            return await call(bridge, method, *args)
        except Exception as error:
            said = f"The session store failed: {type(error).__name__}: {error}"
            raise unavailable(app.logger, said, SessionUnavailable) from error
