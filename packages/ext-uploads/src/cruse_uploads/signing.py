"""Signed URLs: whoever has one may see one file until a certain second, and nothing else.

A signature is bound to its purpose, so that one for viewing can never be taken for leave to
attach, overwrite or delete.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from itsdangerous import Signer

from cruse.signing import secret_keys

if TYPE_CHECKING:
    from cruse import Cruse

__all__ = ["is_signed", "sign"]

_VIEW = b"cruse-uploads view"


def _signer(app: Cruse) -> Signer:
    """Return what signs for an application, and knows the keys it had before.

    Raises:
        RuntimeError: When it has no secret key.
    """
    keys = secret_keys(app)
    if not keys:
        raise RuntimeError(
            "Signed upload URLs need a secret key. Set 'SECRET_KEY' in the configuration."
        )
    return Signer(list(keys), salt=_VIEW, key_derivation="hmac", digest_method=hashlib.sha256)


def _message(name: str, key: str, expires: str) -> bytes:
    return f"{name}/{key}?{expires}".encode()


def sign(app: Cruse, name: str, key: str, seconds: int) -> dict[str, str]:
    """Return the query parameters that let a file be seen.

    Args:
        app: The application, whose secret key signs.
        name: The set's name.
        key: The file's key.
        seconds: For how long.
    """
    expires = str(int(time.time()) + seconds)
    signature = _signer(app).get_signature(_message(name, key, expires))
    return {"expires": expires, "signature": signature.decode()}


def is_signed(app: Cruse, name: str, key: str, expires: str, signature: str) -> bool:
    """Whether parameters from a URL let the file be seen now."""
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 12):
        return False
    if int(expires) < time.time():
        return False
    message = _message(name, key, expires)
    return _signer(app).verify_signature(message, signature.encode(errors="replace"))
