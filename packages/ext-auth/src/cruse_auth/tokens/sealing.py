"""Tokens as they are used, and as they are kept: encrypted with the application's secret key."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cruse_auth.tokens.stores import StoredTokens

__all__ = ["Sealer", "Tokens"]

#: Seconds before its end from which on an access token counts as expired: the request takes some.
MARGIN = 30
#: Seconds after which any access token is renewed, whatever was promised.
LONGEST = 10 * 365 * 86400


@dataclass(frozen=True)
class Tokens:
    """What a provider gave us to act for a person. Not to be shown, and never in a cookie."""

    #: Whose they are, by the provider's name for them.
    subject: str
    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    #: When the access token ends, in seconds since the epoch; ``None`` if nobody said.
    expires_at: int | None = None
    #: What they are good for, as far as the provider said.
    scope: str | None = None

    @classmethod
    def of(cls, answer: Mapping[str, Any], subject: str, before: Tokens | None = None) -> Tokens:
        """Return what an answer of the token endpoint holds (RFC 6749 section 5.1).

        Args:
            answer: The answer; its access token was checked.
            subject: Whose tokens they are.
            before: What there was: a provider that sends no new refresh token means the old one
                (section 6), if it is the same person's.
        """
        old = before if before is not None and before.subject == subject else None
        refresh_token, scope = answer.get("refresh_token"), answer.get("scope")
        if not (isinstance(refresh_token, str) and refresh_token):
            refresh_token = None if old is None else old.refresh_token
        if not isinstance(scope, str):
            scope = None if old is None else old.scope
        seconds = _seconds(answer.get("expires_in"))
        expires_at = None if seconds is None else int(time.time()) + seconds
        return cls(subject, answer["access_token"], refresh_token, expires_at, scope)

    @property
    def expired(self) -> bool:
        """Whether the access token has ended, or is about to."""
        return self.expires_at is not None and self.expires_at - MARGIN <= time.time()


def _seconds(value: Any) -> int | None:
    """Return a lifetime; some providers send it as text."""
    try:
        return max(0, min(int(value), LONGEST))
    except (TypeError, ValueError, OverflowError):
        return None


class Sealer:
    """Encrypts tokens for one application.

    Args:
        keys: Its secret keys, the one to encrypt with first.
    """

    def __init__(self, keys: Iterable[str | bytes]) -> None:
        self._fernet = MultiFernet([Fernet(_derive(key)) for key in keys])

    def seal(self, user_id: str, provider: str, tokens: Tokens) -> str:
        """Return tokens as they are kept."""
        content = json.dumps([user_id, provider, asdict(tokens)])
        return self._fernet.encrypt(content.encode()).decode()

    def open(self, stored: StoredTokens) -> Tokens | None:
        """Return tokens as they are used; ``None`` when they were sealed with an unknown key.

        Those of somebody else, put in this one's place, are none either.
        """
        try:
            content = json.loads(self._fernet.decrypt(stored.sealed))
        except InvalidToken:
            return None
        user_id, provider, fields = content
        if (user_id, provider) != (stored.user_id, stored.provider):
            return None
        return Tokens(**fields)


def _derive(key: str | bytes) -> bytes:
    secret = key.encode() if isinstance(key, str) else key
    return urlsafe_b64encode(hmac.digest(secret, b"cruse-auth.tokens", hashlib.sha256))
