"""Codes that people type: those of an authenticator app (TOTP, RFC 6238), and recovery codes."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

__all__ = [
    "NewTOTP",
    "is_totp",
    "make_recovery_code",
    "make_totp",
    "read_recovery_code",
    "recovery_id",
    "step_of",
]

#: Seconds for which a code is shown.
STEP = 30
#: Steps before and after the current one whose codes are taken (RFC 6238 section 5.2).
DRIFT = 1
#: What recovery codes consist of: nothing that looks like something else.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
#: Of 31 letters, 24 are 118 bits: so many that a plain hash is enough (ASVS 6.5.2).
GROUPS, GROUP = 4, 6
#: The longest code that is looked at, in characters.
LONGEST = 100


@dataclass(frozen=True)
class NewTOTP:
    """A secret that somebody is about to put into their app."""

    #: To be typed, where no picture can be taken: base32.
    secret: str = field(repr=False)
    #: To be shown as a QR code: ``otpauth://totp/...``.
    uri: str = field(repr=False)


def make_totp(issuer: str, account: str) -> NewTOTP:
    """Return a new secret of 160 bits.

    Args:
        issuer: What the app calls us.
        account: What the app calls the account.

    Raises:
        RuntimeError: When pyotp is not installed.
    """
    pyotp = _library()
    secret = pyotp.random_base32()
    uri = pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)
    return NewTOTP(secret, uri)


def is_totp(code: str) -> bool:
    """Whether a text may be a code of an app: six digits, blanks aside."""
    return re.fullmatch(r"[0-9]{6}", "".join(_text(code).split())) is not None


def step_of(secret: str, code: str) -> int | None:
    """Return the step that a code belongs to, of those around now; ``None`` when there is none."""
    totp = _library().TOTP(secret)
    digits = "".join(code.split())
    now = int(time.time()) // STEP
    found = None
    for step in range(now - DRIFT, now + DRIFT + 1):
        if hmac.compare_digest(totp.generate_otp(step), digits):
            found = step
    return found


def make_recovery_code() -> str:
    """Return a new recovery code, as it is shown."""
    return _in_groups("".join(secrets.choice(LETTERS) for _ in range(GROUPS * GROUP)))


def read_recovery_code(text: str) -> str | None:
    """Return the recovery code that was typed, as it is shown; ``None`` for what can't be one."""
    letters = "".join(letter for letter in _text(text).casefold() if letter.isalnum())
    if len(letters) != GROUPS * GROUP or not set(letters) <= set(LETTERS):
        return None
    return _in_groups(letters)


def _text(code: Any) -> str:
    """Return what is looked at of a code; nothing of what a JSON body may have in its place."""
    return code[:LONGEST] if isinstance(code, str) else ""


def _in_groups(letters: str) -> str:
    return "-".join(letters[start : start + GROUP] for start in range(0, len(letters), GROUP))


def recovery_id(user_id: str, code: str) -> str:
    """Return what the store has of a recovery code: a hash."""
    text = f"cruse-auth.recovery\0{user_id}\0{code}"
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _library() -> ModuleType:
    try:
        import pyotp
    except ImportError:
        raise RuntimeError(
            "Codes of an app need the Python package 'pyotp'. Install it with:"
            " pip install 'cruse-auth[totp]'"
        ) from None
    return pyotp
