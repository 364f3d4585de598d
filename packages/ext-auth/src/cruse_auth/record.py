"""What the session says about a login: who, since when, through what. Never a token."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping

    from cruse import Cruse

__all__ = [
    "Evidence",
    "LoginRecord",
    "clear_session",
    "read_record",
    "renew_session",
    "write_record",
]

#: The one key of the session that belongs to this extension.
KEY = "_auth"
#: How many authentication methods are noted.
MOST_METHODS = 8


@dataclass(frozen=True)
class Evidence:
    """By what somebody was recognized at their login."""

    #: The provider that said so; ``None`` when the application found out by itself.
    provider: str | None = None
    #: The provider's name for the person, and for their session there.
    subject: str | None = field(default=None, repr=False)
    provider_sid: str | None = field(default=None, repr=False)
    #: How sure it is, in the terms of who said it (``acr``, OpenID Connect Core section 2).
    acr: str | None = None
    #: By what methods, such as ``("pwd", "otp")`` (``amr``, RFC 8176).
    amr: tuple[str, ...] = ()
    #: What was shown here besides, where a provider says the rest.
    shown: tuple[str, ...] = ()
    #: What the provider calls itself: one that depends on the request is several.
    issuer: str | None = None

    @classmethod
    def of(cls, provider: str, claims: Mapping[str, Any]) -> Evidence:
        """Return what the claims of an ID token say; what is too long is left out."""
        methods = claims.get("amr")
        amr = methods[:MOST_METHODS] if isinstance(methods, list) else []
        return cls(
            provider,
            _text(claims.get("sub")),
            _text(claims.get("sid")),
            _text(claims.get("acr")),
            tuple(method for method in amr if _text(method, 64)),
            issuer=_text(claims.get("iss")),
        )


def _text(value: Any, longest: int = 255) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= longest else None


@dataclass(frozen=True)
class LoginRecord:
    """One login of one browser."""

    #: What the user loader gets.
    user_id: str
    #: When it happened, seconds since the epoch.
    at: int
    #: Its own name, new for each login.
    sid: str
    #: What it rests on; in the session only what views may ask for.
    evidence: Evidence = Evidence()
    #: Whether the person was there; a login that is only remembered is not fresh.
    fresh: bool = True

    @classmethod
    def new(cls, user_id: str, evidence: Evidence, fresh: bool) -> LoginRecord:
        """Return the record of a login that happens now."""
        return cls(user_id, int(time.time()), secrets.token_urlsafe(16), evidence, fresh)

    def is_fresh(self, lifetime: float) -> bool:
        """Whether the login is fresh and no older than ``lifetime`` seconds."""
        return self.fresh and time.time() - self.at <= lifetime


def read_record(session: MutableMapping[str, Any]) -> LoginRecord | None:
    """Return the login that a session holds."""
    match session.get(KEY):
        case {"id": str(user_id), "at": int(at), "sid": str(sid), **rest}:
            via, acr, amr = rest.get("via"), rest.get("acr"), rest.get("amr")
            shown = rest.get("shown")
            evidence = Evidence(
                via if isinstance(via, str) else None,
                acr=acr if isinstance(acr, str) else None,
                amr=tuple(amr) if isinstance(amr, list) else (),
                shown=tuple(shown) if isinstance(shown, list) else (),
            )
            return LoginRecord(user_id, at, sid, evidence, rest.get("fresh") is True)
        case _:
            return None


def write_record(session: MutableMapping[str, Any], record: LoginRecord) -> None:
    """Keep a login in a session."""
    session[KEY] = {
        "id": record.user_id,
        "at": record.at,
        "sid": record.sid,
        "via": record.evidence.provider,
        "fresh": record.fresh,
        **({"acr": record.evidence.acr} if record.evidence.acr else {}),
        **({"amr": list(record.evidence.amr)} if record.evidence.amr else {}),
        **({"shown": list(record.evidence.shown)} if record.evidence.shown else {}),
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
