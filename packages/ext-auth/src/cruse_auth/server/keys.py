"""The keys that tokens are signed with: made, kept sealed, changed without a gap."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from cruse import current_app
from cruse_auth.oidc.keys import import_key
from cruse_auth.oidc.signed import check_signature, read_header
from cruse_auth.server.store import Record
from cruse_auth.steps import Call, arun, run

if TYPE_CHECKING:
    from cruse_auth.server.state import ServerState
    from cruse_auth.steps import Steps

__all__ = ["ALGORITHM", "KEY", "KeyRing", "Keys", "SigningKey"]

#: The kind of its records.
KEY = "key"
#: What every client can check (OpenID Connect Core section 15.1).
ALGORITHM = "RS256"
#: The fewest bits of a key (RFC 7518 section 3.3).
SHORTEST = 2048
#: Seconds for which a process takes the keys for unchanged.
FRESH = 60
#: Seconds during which a new key is shown before it is used: every process and every API that
#: keeps keys has seen it then.
SHOWN_BEFORE = 600


@dataclass(frozen=True)
class SigningKey:
    """One of the keys."""

    record: Record
    #: With the private half, unless that could not be opened.
    key: RSAKey

    @property
    def active_at(self) -> int:
        """From when on it signs."""
        active: int = self.record.content["active_at"]
        return active


class KeyRing:
    """The keys of one application, read again when they may have changed.

    Args:
        here: The server's state.
    """

    def __init__(self, here: ServerState) -> None:
        self.here = here
        self._keys: list[SigningKey] = []
        self._opened: dict[str, RSAKey] = {}
        self._read_at = 0.0

    def forget(self) -> None:
        """Read them again at the next use."""
        self._read_at = 0.0

    def all(self) -> Steps[list[SigningKey]]:
        """Return the keys that are good, the oldest first; there is one at least."""
        now = time.time()
        if not self._keys or not 0 <= now - self._read_at < FRESH:
            keys = yield from self._read()
            if not any(key.key.is_private for key in keys):
                yield from self.adding(at_once=True)
                keys = yield from self._read()
            self._keys, self._read_at = keys, now
        return self._keys

    def _read(self) -> Steps[list[SigningKey]]:
        records: list[Record] = yield Call(self.here.store.find, (KEY, None, None))
        records.sort(key=lambda record: int(record.id))
        opened = {}
        for record in records:
            key = self._opened.get(record.content["sealed"])
            # Reading one takes a tenth of a second, so not on the loop, and once.
            opened[record.content["sealed"]] = key or (yield Call(self._open, (record,)))
        self._opened = opened
        return [SigningKey(record, opened[record.content["sealed"]]) for record in records]

    def _open(self, record: Record) -> RSAKey:
        opened = self.here.state.sealer.open(record.content["sealed"], _owner(record.id))
        if opened is None:
            # With the public half the tokens from before can be checked still.
            self.here.state.app.logger.error(
                "The signing key %r cannot be opened: it was sealed with another SECRET_KEY. Put"
                " that into SECRET_KEY_FALLBACKS.",
                record.id,
            )
            return RSAKey.import_key(record.content["public"])
        return RSAKey.import_key(json.loads(opened))

    def adding(self, at_once: bool, key: RSAKey | None = None) -> Steps[str]:
        """Keep a new key and return its id. The others go when nothing they signed is good."""
        records: list[Record] = yield Call(self.here.store.find, (KEY, None, None))
        number = max((int(record.id) for record in records), default=0) + 1
        if key is None:
            key = yield Call(_make_key)  # takes a tenth of a second
        record = self.make_record(str(number), key, at_once or not records)
        # Of two processes that make the first key at once, both go on with the same.
        if (yield Call(self.here.store.add, (record,))):
            self._opened[record.content["sealed"]] = key
            yield from self._retire(records, record)
        self.forget()
        return str(key.kid)

    def make_record(self, name: str, key: RSAKey, at_once: bool) -> Record:
        """Return a key as it is kept."""
        now = int(time.time())
        secret = json.dumps(key.as_dict(private=True))
        public = {**key.as_dict(private=False), "kid": key.kid, "use": "sig", "alg": ALGORITHM}
        content = {
            "public": public,
            "sealed": self.here.state.sealer.seal(secret, _owner(name)),
            "active_at": now if at_once else now + SHOWN_BEFORE,
        }
        return Record(KEY, name, created_at=now, content=content)

    def _retire(self, records: list[Record], new: Record) -> Steps[None]:
        until = new.content["active_at"] + self.here.options.longest_signed + FRESH
        for record in records:
            if not record.expires_at:
                retired = record.changed(expires_at=until)
                yield Call(self.here.store.replace, (retired, record.version))

    # -- what they are for ----------------------------------------------------------------------

    def signing(self, claims: dict[str, Any], typ: str | None = None) -> Steps[str]:
        """Return a signed token.

        Args:
            claims: What it says.
            typ: What it is, for its header.
        """
        now = time.time()
        keys = yield from self.all()
        private = [each for each in keys if each.key.is_private]
        key = [each for each in private if each.active_at <= now][-1:] or private[:1]
        header = {"alg": ALGORITHM, "kid": key[0].key.kid, **({"typ": typ} if typ else {})}
        return jwt.encode(header, claims, key[0].key)

    def reading(self, token: str) -> Steps[dict[str, Any] | None]:
        """Return what an ID token says that was signed here, whenever; ``None`` for any other."""
        keys = yield from self.all()
        try:
            header = read_header(token, frozenset([ALGORITHM]), "the token", ValueError)
            if header.get("typ") not in (None, "JWT"):
                return None
            for each in keys:
                public = import_key(each.record.content["public"])
                if each.key.kid == header.get("kid") and public is not None:
                    return check_signature(token, header, public, "the token", ValueError).claims
        except (JoseError, ValueError):
            return None
        return None

    def public(self) -> Steps[dict[str, Any]]:
        """Return the public halves, as a JSON Web Key Set (RFC 7517)."""
        keys = yield from self.all()
        return {"keys": [each.record.content["public"] for each in keys]}


def _owner(name: str) -> str:
    return f"server key {name}"


def _make_key() -> RSAKey:
    return RSAKey.generate_key(SHORTEST, {"use": "sig", "alg": ALGORITHM}, auto_kid=True)


def _checked(key: RSAKey | None) -> RSAKey | None:
    if key is None:
        return None
    if not key.is_private or key.raw_value.key_size < SHORTEST:
        raise ValueError(f"A signing key has a private half, and {SHORTEST} bits at least.")
    key.ensure_kid()
    return key


class Keys:
    """Changes the keys that tokens are signed with: ``server.keys``."""

    def rotate(self, *, at_once: bool = False, key: RSAKey | None = None) -> str:
        """Take a new key; the others go when nothing that they signed is good any more.

        Args:
            key: The key, of 2048 bits at least; a new one unless given.
            at_once: Sign with it from now on. Else it is shown for ten minutes before, so that
                APIs that keep our keys know it; for when the old one is in wrong hands.

        Returns:
            The id of the new one, ``kid``.

        Raises:
            ValueError: When the key has no private half, or is too short.
        """
        return run(_ring().adding(at_once, _checked(key)))

    async def arotate(self, *, at_once: bool = False, key: RSAKey | None = None) -> str:
        """Take a new key, as :meth:`rotate`, in async code."""
        return await arun(_ring().adding(at_once, _checked(key)))

    def all(self) -> list[str]:
        """Return the ids of the keys that are good, the oldest first."""
        return [str(each.key.kid) for each in run(_ring().all())]

    async def aall(self) -> list[str]:
        """Return the ids of the keys, as :meth:`all`, in async code."""
        return [str(each.key.kid) for each in await arun(_ring().all())]

    def remove(self, kid: str) -> bool:
        """Forget a key: nothing that it signed is good any more. Return whether it was there."""
        return run(_removing(kid))

    async def aremove(self, kid: str) -> bool:
        """Forget a key, as :meth:`remove`, in async code."""
        return await arun(_removing(kid))


def _ring() -> KeyRing:
    ring: KeyRing = current_app.extensions["auth"].server.keys
    return ring


def _removing(kid: str) -> Steps[bool]:
    ring = _ring()
    for each in (yield from ring.all()):
        if each.key.kid == kid:
            ring.forget()
            gone: bool = yield Call(ring.here.store.remove, (KEY, each.record.id))
            return gone
    return False
