"""Signed URLs: whoever has one may do one thing with one file until a certain second.

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
    from collections.abc import Mapping

    from cruse import Cruse

__all__ = ["PUT", "VIEW", "is_signed", "sign"]

#: To see a file, told by its key.
VIEW = b"cruse-uploads view"
#: To send the bytes of an upload that was announced, told by its id.
PUT = b"cruse-uploads put"


def _signer(app: Cruse, purpose: bytes) -> Signer:
    """Return what signs for an application, and knows the keys it had before.

    Raises:
        RuntimeError: When it has no secret key.
    """
    keys = secret_keys(app)
    if not keys:
        raise RuntimeError(
            "Signed upload URLs need a secret key. Set 'SECRET_KEY' in the configuration."
        )
    return Signer(list(keys), salt=purpose, key_derivation="hmac", digest_method=hashlib.sha256)


def _message(name: str, key: str, expires: str) -> bytes:
    return f"{name}/{key}?{expires}".encode()


def sign(app: Cruse, name: str, key: str, seconds: int, purpose: bytes = VIEW) -> dict[str, str]:
    """Return the query parameters that let something be done.

    Args:
        app: The application, whose secret key signs.
        name: The set's name.
        key: What tells the file, for this purpose.
        seconds: For how long.
        purpose: What may be done.

    Raises:
        RuntimeError: When the application has no secret key.
    """
    expires = str(int(time.time()) + seconds)
    signature = _signer(app, purpose).get_signature(_message(name, key, expires))
    return {"expires": expires, "signature": signature.decode()}


def is_signed(
    app: Cruse, name: str, key: str, query: Mapping[str, str], purpose: bytes = VIEW
) -> bool:
    """Whether the parameters of a URL let something be done now; see :func:`sign`."""
    expires, signature = query.get("expires", ""), query.get("signature", "")
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 12):
        return False
    if int(expires) < time.time():
        return False
    message = _message(name, key, expires)
    return _signer(app, purpose).verify_signature(message, signature.encode(errors="replace"))
