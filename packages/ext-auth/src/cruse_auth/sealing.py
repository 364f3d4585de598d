"""Secrets that a store may keep, but not read: sealed with a key from the application's.

The key is not in the database, so a copy of the database holds no secrets. A sealed text is a JWE
(RFC 7516: ``dir``, ``A256GCM``) with its owner inside: put in another one's place, it is worth
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

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Sealer"]

_HEADER = {"alg": "dir", "enc": "A256GCM"}


class Sealer:
    """Seals the secrets of one application.

    Args:
        keys: Its secret keys, the one to seal with first; the others open what is older.
    """

    def __init__(self, keys: Iterable[str | bytes]) -> None:
        self._keys = [OctKey.import_key(_derive(key)) for key in keys]

    def seal(self, secret: str, owner: str) -> str:
        """Return a secret as it may be stored for an owner."""
        content = json.dumps([owner, secret])
        return jwe.encrypt_compact(_HEADER, content, self._keys[0], list(_HEADER.values()))

    def open(self, sealed: str, owner: str) -> str | None:
        """Return the secret, or ``None`` when no key opens it or it is another owner's."""
        for key in self._keys:
            try:
                opened = jwe.decrypt_compact(sealed, key, list(_HEADER.values())).plaintext
            except (JoseError, ValueError):
                continue
            match json.loads(opened or b"null"):
                case [whose, str(secret)] if whose == owner:
                    return secret
            return None
        return None


def _derive(key: str | bytes) -> bytes:
    secret = key.encode() if isinstance(key, str) else key
    return hmac.digest(secret, b"cruse-auth.sealing", hashlib.sha256)
