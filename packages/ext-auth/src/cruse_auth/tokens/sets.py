"""Tokens as they are used, and how they become what is kept."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cruse_auth.sealing import Sealer
    from cruse_auth.tokens.stores import StoredTokens

__all__ = ["Tokens"]

#: Seconds before its end from which on an access token counts as expired: the request takes some.
MARGIN = 30
#: Seconds after which any access token is renewed, whatever was promised.
LONGEST = 10 * 365 * 86400


@dataclass(frozen=True)
class Tokens:
    """What a provider gave us to act for a person. Not to be shown, and never in a cookie."""

    #: Whose they are, by the provider's name for them.
    subject: str
    #: Who gave them: the issuer that the login was begun with.
    issuer: str
    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    #: When the access token ends, in seconds since the epoch; ``None`` if nobody said.
    expires_at: int | None = None
    #: What they are good for, as far as the provider said.
    scope: str | None = None

    @classmethod
    def of(
        cls, answer: Mapping[str, Any], subject: str, issuer: str, before: Tokens | None = None
    ) -> Tokens:
        """Return what an answer of the token endpoint holds (RFC 6749 section 5.1).

        Args:
            answer: The answer; its access token was checked.
            subject: Whose tokens they are.
            issuer: Who gave them.
            before: What there was: a provider that sends no new refresh token means the old one
                (section 6), if it is the same person's.
        """
        mine = before is not None and (before.subject, before.issuer) == (subject, issuer)
        old = before if mine else None
        refresh_token, scope = answer.get("refresh_token"), answer.get("scope")
        # Visible ASCII (RFC 6749 appendix A.17): it has to be sent again.
        if not (
            isinstance(refresh_token, str)
            and refresh_token
            and refresh_token.isascii()
            and refresh_token.isprintable()
        ):
            refresh_token = None if old is None else old.refresh_token
        if not isinstance(scope, str):
            scope = None if old is None else old.scope
        seconds = _seconds(answer.get("expires_in"))
        expires_at = None if seconds is None else int(time.time()) + seconds
        return cls(subject, issuer, answer["access_token"], refresh_token, expires_at, scope)

    @classmethod
    def opened(cls, sealer: Sealer, stored: StoredTokens) -> Tokens | None:
        """Return what is kept; ``None`` when it can't be read, or is not this user's."""
        content = sealer.open(stored.sealed, _owner(stored.user_id, stored.provider))
        return None if content is None else cls(**json.loads(content))

    def sealed(self, sealer: Sealer, user_id: str, provider: str) -> str:
        """Return them as they are kept for a user."""
        return sealer.seal(json.dumps(asdict(self)), _owner(user_id, provider))

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


def _owner(user_id: str, provider: str) -> str:
    return f"{provider} {user_id}"  # there are no blanks in names of providers
