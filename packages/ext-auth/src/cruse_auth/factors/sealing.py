"""Secrets that a store may keep, but not read: sealed with a key from the application's.

The key is not in the database, so a copy of the database has no codes in it. A sealed text is a
JWE (RFC 7516: ``dir``, ``A256GCM``) with the user's id inside: moved to another user, it is worth
nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from cruse_auth.links import signing_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["seal", "unseal"]

_HEADER = {"alg": "dir", "enc": "A256GCM"}


def seal(secret: str, user_id: str) -> str:
    """Return a secret of a user, sealed with the application's key.

    Raises:
        RuntimeError: When the application has no ``SECRET_KEY``.
    """
    content = json.dumps([user_id, secret])
    return jwe.encrypt_compact(_HEADER, content, next(_keys()), list(_HEADER.values()))


def unseal(sealed: str, user_id: str) -> str | None:
    """Return the secret, or ``None`` when no key opens it or it is another user's.

    Those of ``SECRET_KEY_FALLBACKS`` are tried as well.
    """
    for key in _keys():
        try:
            opened = jwe.decrypt_compact(sealed, key, list(_HEADER.values())).plaintext
        except (JoseError, ValueError):
            continue
        match json.loads(opened or b"null"):
            case [owner, str(secret)] if owner == user_id:
                return secret
        return None
    return None


def _keys() -> Iterator[OctKey]:
    """Yield the keys, the newest first."""
    for key in reversed(signing_keys()):
        yield OctKey.import_key(hmac.digest(key, b"cruse-auth.sealing", hashlib.sha256))
