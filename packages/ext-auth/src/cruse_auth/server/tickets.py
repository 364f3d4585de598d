"""Tickets in the forms of the server: a page of another site has none, so it can't send them.

Browsers send such a form with ``Origin: null``, because the page is not to be named to others
(``no-referrer``); where it came from would not tell them apart.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from itsdangerous import Signer

if TYPE_CHECKING:
    from cruse_auth.state import AuthState

__all__ = ["check_ticket", "make_ticket"]


def make_ticket(state: AuthState, purpose: str, sid: str, subject: str) -> str:
    """Return a ticket for a form.

    Args:
        state: The application's.
        purpose: What the form does, such as ``"consent"``.
        sid: The name of the login of who has the page.
        subject: What it is about.
    """
    return _signer(state, purpose).get_signature(f"{sid}\0{subject}").decode()


def check_ticket(state: AuthState, purpose: str, sid: str, subject: str, ticket: str) -> bool:
    """Whether a ticket is the one of this form, in this login."""
    return _signer(state, purpose).verify_signature(f"{sid}\0{subject}", ticket)


def _signer(state: AuthState, purpose: str) -> Signer:
    keys = state.secret_keys("Forms of the authorization server")
    return Signer(
        [key.encode() if isinstance(key, str) else key for key in keys],
        salt=f"cruse-auth.server.{purpose}",
        key_derivation="hmac",
        digest_method=hashlib.sha256,
    )
