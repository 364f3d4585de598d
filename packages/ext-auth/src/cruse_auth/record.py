"""What the session says about a login: who, since when, through what. Never a token."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping

    from cruse import Cruse

__all__ = ["LoginRecord", "clear_session", "read_record", "renew_session", "write_record"]

#: The one key of the session that belongs to this extension.
KEY = "_auth"


@dataclass(frozen=True)
class LoginRecord:
    """One login of one browser."""

    #: What the user loader gets.
    user_id: str
    #: When it happened, seconds since the epoch.
    at: int
    #: Its own name, new for each login.
    sid: str
    #: The provider it came through; ``None`` when the application did it by itself.
    provider: str | None = None
    #: Whether the person was there; a login that is only remembered is not fresh.
    fresh: bool = True

    @classmethod
    def new(cls, user_id: str, provider: str | None, fresh: bool) -> LoginRecord:
        """Return the record of a login that happens now."""
        return cls(user_id, int(time.time()), secrets.token_urlsafe(16), provider, fresh)

    def is_fresh(self, lifetime: float) -> bool:
        """Whether the login is fresh and no older than ``lifetime`` seconds."""
        return self.fresh and time.time() - self.at <= lifetime


def read_record(session: MutableMapping[str, Any]) -> LoginRecord | None:
    """Return the login that a session holds."""
    match session.get(KEY):
        case {"id": str(user_id), "at": int(at), "sid": str(sid), **rest}:
            via = rest.get("via")
            provider = via if isinstance(via, str) else None
            return LoginRecord(user_id, at, sid, provider, rest.get("fresh") is True)
        case _:
            return None


def write_record(session: MutableMapping[str, Any], record: LoginRecord) -> None:
    """Keep a login in a session."""
    session[KEY] = {
        "id": record.user_id,
        "at": record.at,
        "sid": record.sid,
        "via": record.provider,
        "fresh": record.fresh,
    }


def renew_session(app: Cruse, session: MutableMapping[str, Any], keep: Iterable[str]) -> None:
    """Make a session new, so that what was known of the old one is worth nothing.

    Everything in it goes, but for the keys to keep: also the CSRF token, which somebody may have
    planted. A server-side store that can give the session another id is asked to.
    """
    kept = {key: session[key] for key in keep if key in session}
    clear_session(app, session)
    session.update(kept)


def clear_session(app: Cruse, session: MutableMapping[str, Any]) -> None:
    """Empty a session, and give it another id where it has one."""
    session.clear()
    rotate = getattr(session, "rotate", None)
    if callable(rotate):
        rotate()
    # What Flask-Session has for it.
    regenerate = getattr(app.session_interface, "regenerate", None)
    if callable(regenerate):
        regenerate(session)
