"""CSRF tokens: a secret of the session, masked anew each time it is written into a page.

A page that holds the same secret each time, compressed together with something that an attacker
chooses, gives the secret away byte by byte (the BREACH attack). So a token is a random mask and
the secret combined with it by exclusive or, and no two look alike.

The secret is made when a template asks for the first token. Pages that ask for none neither write
the session nor read it, so they carry no ``Set-Cookie`` and no ``Vary: Cookie``.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from hmac import compare_digest
from typing import TYPE_CHECKING

from markupsafe import Markup

from cruse import session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cruse_forms.settings import FormsSettings

__all__ = [
    "TokenInput",
    "csrf_meta_tag",
    "csrf_token",
    "is_valid_token",
    "rotate_csrf_token",
]

SESSION_KEY = "_csrf"
SIZE = 16  # bytes of the secret; 128 bits cannot be guessed


def csrf_token() -> str:
    """Return a token for the visitor's session; another text at each call, valid like the others.

    Raises:
        RuntimeError: When the application has no secret key, hence no sessions.
    """
    secret = _read_secret(session)
    if secret is None:
        secret = secrets.token_bytes(SIZE)
        session[SESSION_KEY] = _encode(secret)
    mask = secrets.token_bytes(SIZE)
    return _encode(mask + _xor(mask, secret))


def csrf_meta_tag() -> Markup:
    """Return ``<meta name="csrf-token" content="...">``, for scripts to read the token from."""
    return Markup('<meta name="csrf-token" content="{}">').format(csrf_token())


def rotate_csrf_token() -> None:
    """Make all tokens of the session invalid; for the moment when the visitor logs in or out.

    Emptying the session, which a login does best anyway, has the same effect.
    """
    if SESSION_KEY in session:
        del session[SESSION_KEY]


def is_valid_token(token: str) -> bool:
    """Whether a text is a token of the visitor's session."""
    secret = _read_secret(session)
    data = _decode(token, 2 * SIZE)
    if secret is None or data is None:
        return False
    return compare_digest(_xor(data[:SIZE], data[SIZE:]), secret)


class TokenInput:
    """The hidden input with a token; the token is made when it is written into a page.

    Args:
        settings: The application's settings.
    """

    def __init__(self, settings: FormsSettings) -> None:
        self.name = settings.csrf_field_name

    @property
    def current_token(self) -> str:
        """A token, a new text each time."""
        return csrf_token()

    def __call__(self) -> Markup:
        """Return the HTML of the input."""
        return Markup('<input type="hidden" name="{}" value="{}">').format(self.name, csrf_token())

    def __html__(self) -> str:
        return self()

    def __str__(self) -> str:
        return self()


def _read_secret(source: Mapping[str, object]) -> bytes | None:
    text = source.get(SESSION_KEY)
    return _decode(text, SIZE) if isinstance(text, str) else None


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str, size: int) -> bytes | None:
    """Return the bytes that a text stands for, ``None`` unless there are ``size`` of them."""
    if len(text) > 4 * SIZE:  # base64 adds a third; what is longer is not ours
        return None
    try:
        data = urlsafe_b64decode(text.encode("ascii") + b"==")
    except (UnicodeEncodeError, Base64Error):
        return None
    return data if len(data) == size else None


def _xor(left: bytes, right: bytes) -> bytes:
    combined = int.from_bytes(left, "big") ^ int.from_bytes(right, "big")
    return combined.to_bytes(len(left), "big")
