"""The provider's public keys (RFC 7517): read when they are needed, and anew when they changed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from cruse_auth.errors import ProviderError, UnknownKeyError
from cruse_auth.oidc.cooldown import Cooldown
from cruse_auth.steps import Fetch

if TYPE_CHECKING:
    from cruse_auth.settings import AuthSettings
    from cruse_auth.steps import Steps

__all__ = ["KINDS", "Keys", "PublicKey", "import_key"]

PublicKey = RSAKey | ECKey | OKPKey

KEY_TYPES: dict[str, type[PublicKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
#: Those of the kind OKP that sign; the others agree on secrets (RFC 8037 section 3).
SIGNING_CURVES = ("Ed25519", "Ed448")
#: The kind of key by the first letters of the algorithm.
KINDS = {"RS": RSAKey, "PS": RSAKey, "ES": ECKey, "Ed": OKPKey}


class Keys:
    """Reads and keeps the keys of one ``jwks_uri``.

    Those that are not there are not looked for again for ``AUTH_JWKS_COOLDOWN`` seconds: a login
    with a made-up key id must not make us ask the provider each time.

    Args:
        url: The address.
        settings: How long they are good, and what waits for how long.
    """

    def __init__(self, url: str, settings: AuthSettings) -> None:
        self.url = url
        self.lifetime = settings.metadata_lifetime
        self.cooldown = settings.jwks_cooldown
        self._keys: list[PublicKey] | None = None
        self._read_at = 0.0
        self._failing = Cooldown(settings.provider_cooldown)

    def find(self, header: dict[str, Any]) -> Steps[PublicKey]:
        """Return the key that a token was signed with, going by its header.

        Args:
            header: The token's header; its ``alg`` is an allowed one.

        Raises:
            UnknownKeyError: When there is none, or several that could be meant.
            ProviderError: When the keys cannot be had.
        """
        age = time.monotonic() - self._read_at
        unknown = not self._suitable(header)
        if self._keys is None or age >= (self.cooldown if unknown else self.lifetime):
            yield from self.read()
        suitable = self._suitable(header)
        if len(suitable) != 1:
            how_many = "no key" if not suitable else f"{len(suitable)} keys"
            raise UnknownKeyError(
                f"{self.url} has {how_many} for a token with alg {header.get('alg')!r} and"
                f" kid {header.get('kid')!r}"
            )
        return suitable[0]

    def read(self) -> Steps[None]:
        """Read the keys anew.

        Raises:
            ProviderError: When they cannot be had; also when that was so a moment ago.
        """
        before = self._read_at
        # Before the answer is there, so that others who come meanwhile don't ask as well.
        self._read_at = time.monotonic()
        try:
            self._keys = yield from self._failing.around(self._fetch())
        except ProviderError:
            self._read_at = before  # old keys do not become new by a failure
            raise

    def _fetch(self) -> Steps[list[PublicKey]]:
        reply = yield Fetch("GET", self.url, {"Accept": "application/json"})
        listed = reply.json().get("keys") if reply.status == 200 else None
        if not isinstance(listed, list):
            raise ProviderError(f"{self.url} (status {reply.status}) is no JSON Web Key Set")
        return [key for key in map(import_key, listed) if key is not None]

    def _suitable(self, header: dict[str, Any]) -> list[PublicKey]:
        alg, kid = header["alg"], header.get("kid")
        kind: type[Any] = KINDS[alg[:2]]
        keys = [
            key
            for key in self._keys or []
            if isinstance(key, kind)
            and key.get("use") in (None, "sig")
            and key.get("alg") in (None, alg)
        ]
        # Without a kid in the token there must be one key only (OpenID Connect Core section 10.1).
        return keys if kid is None else [key for key in keys if key.kid == kid]


def import_key(entry: Any) -> PublicKey | None:
    """Return the public key that an entry of a key set holds; ``None`` for what we can't use."""
    kind = KEY_TYPES.get(str(entry.get("kty"))) if isinstance(entry, dict) else None
    if kind is None:
        return None
    if kind is OKPKey and entry.get("crv") not in SIGNING_CURVES:
        return None
    try:
        return kind.import_key(entry)
    except (JoseError, ValueError, TypeError, KeyError):
        return None  # section 5: a set may have keys that not everybody understands
