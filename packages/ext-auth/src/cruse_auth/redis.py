"""Keeps records of logins in Redis: needs ``cruse-auth[redis]``, and a server of version 6.2 on.

A record is a hash; that of a user, and of what a provider calls a person or their session, is an
index: the names of the records, by the time at which they end. All of it ends by itself.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError
from werkzeug.exceptions import ServiceUnavailable

from cruse import current_app
from cruse.stores import RedisStore as _Connection
from cruse_auth.stores import SessionRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["RedisStore"]

#: Writes the hash of a record and adds it to its indexes, which end with their last record.
_WRITE = """
local function write(record, seen_at, validator, expires_at, now, sid)
  redis.call('HSET', KEYS[1], 'record', record, 'seen_at', seen_at, 'validator', validator)
  redis.call('EXPIREAT', KEYS[1], expires_at)
  for i = 2, #KEYS do
    redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
    redis.call('ZADD', KEYS[i], expires_at, sid)
    redis.call('EXPIREAT', KEYS[i], redis.call('ZRANGE', KEYS[i], -1, -1, 'WITHSCORES')[2])
  end
end
"""
_ADD = f"{_WRITE} write(unpack(ARGV))"
#: Asking and writing are one step for the server: scripts don't run side by side.
_REPLACE = f"""{_WRITE}
if redis.call('HGET', KEYS[1], 'validator') ~= ARGV[7] then return 0 end
write(unpack(ARGV))
return 1
"""
_TOUCH = "if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], unpack(ARGV)) end"


class RedisStore:
    """Keeps the records of logins in Redis, or in a server that speaks its protocol.

    Args:
        server: A URL (``redis://``, ``rediss://`` for TLS, ``unix://``), or a ``redis.Redis``; as
            for :class:`cruse.stores.RedisStore`.
        prefix: What its keys begin with. Applications that share a server need one each.
    """

    def __init__(self, server: Any, prefix: str = "auth:") -> None:
        self.client = _Connection(server).client
        self.prefix = prefix
        self._add = self.client.register_script(_ADD)
        self._replace = self.client.register_script(_REPLACE)
        self._touch = self.client.register_script(_TOUCH)

    def add(self, record: SessionRecord, /) -> None:
        """Keep a new record."""
        if record.expires_at > time.time():
            _ask(self._add, self._keys(record), self._values(record))

    def get(self, sid: str, /) -> SessionRecord | None:
        """Return a record, or None."""
        found = self._read([sid])
        return found[0] if found else None

    def replace(self, record: SessionRecord, validator: str | None, /) -> bool:
        """Put a record in the place of the one of its name, if that has ``validator`` still."""
        values = [*self._values(record), validator or ""]
        return bool(_ask(self._replace, self._keys(record), values))

    def touch(self, sid: str, seen_at: int, /) -> None:
        """Note when a record was used last."""
        _ask(self._touch, [self._login(sid)], ["seen_at", seen_at])

    def remove(self, sid: str, /) -> bool:
        """Forget a record. Return whether it was there."""
        record = self.get(sid)
        return record is not None and self._forget([record]) == 1

    def of_user(self, user_id: str, /) -> list[SessionRecord]:
        """Return the list of a user's records, the one used last first."""
        records = self._listed(self._user(user_id))
        return sorted(records, key=lambda record: record.seen_at, reverse=True)

    def remove_user(self, user_id: str, keep: str | None, /) -> int:
        """Forget all records of a user but the one named ``keep``. Return how many."""
        records = self._listed(self._user(user_id))
        return self._forget([record for record in records if record.sid != keep])

    def of_provider(
        self, provider: str, subject: str | None, sid: str | None, /
    ) -> list[SessionRecord]:
        """Return the list of records that came through a provider."""
        index = self._session(provider, sid) if sid else self._subject(provider, subject or "")
        return [
            record
            for record in self._listed(index)
            if subject in (None, record.subject) and sid in (None, record.provider_sid)
        ]

    # -- keys -----------------------------------------------------------------------------------

    def _login(self, sid: str) -> str:
        return f"{self.prefix}login:{sid}"

    def _user(self, user_id: str) -> str:
        return f"{self.prefix}user:{user_id}"

    def _subject(self, provider: str, subject: str) -> str:
        return f"{self.prefix}subject:{provider}:{subject}"  # names of providers have no colon

    def _session(self, provider: str, sid: str) -> str:
        return f"{self.prefix}session:{provider}:{sid}"

    def _keys(self, record: SessionRecord) -> list[str]:
        """Return the keys of a record and of its indexes."""
        keys = [self._login(record.sid), self._user(record.user_id)]
        if record.provider is not None and record.subject is not None:
            keys.append(self._subject(record.provider, record.subject))
        if record.provider is not None and record.provider_sid is not None:
            keys.append(self._session(record.provider, record.provider_sid))
        return keys

    # -- records --------------------------------------------------------------------------------

    @staticmethod
    def _values(record: SessionRecord) -> list[str | int]:
        text, now = json.dumps(asdict(record)), int(time.time())
        validator, expires_at = record.validator or "", record.expires_at
        return [text, record.seen_at, validator, expires_at, now, record.sid]

    def _read(self, sids: Iterable[str]) -> list[SessionRecord]:
        """Return the records of these names, those that are there."""
        pipeline = self.client.pipeline(transaction=False)
        for sid in sids:
            pipeline.hmget(self._login(sid), "record", "seen_at")
        rows = _ask(pipeline.execute)
        records = [_record(text, seen_at) for text, seen_at in rows if text is not None]
        # The server's clock may be another one.
        return [record for record in records if record.expires_at > time.time()]

    def _listed(self, index: str) -> list[SessionRecord]:
        names = _ask(self.client.zrange, index, 0, -1)
        return self._read(n.decode() if isinstance(n, bytes) else n for n in names)

    def _forget(self, records: list[SessionRecord]) -> int:
        """Forget records, also in the indexes, and return how many there were."""
        if not records:
            return 0
        pipeline = self.client.pipeline()
        for record in records:
            for index in self._keys(record)[1:]:
                pipeline.zrem(index, record.sid)
        pipeline.delete(*[self._login(record.sid) for record in records])
        gone: int = _ask(pipeline.execute)[-1]
        return gone


def _ask(command: Callable[..., Any], *arguments: Any) -> Any:
    """Have the server do something.

    Raises:
        ServiceUnavailable: When it does not answer (503): nobody knows who is logged in.
    """
    try:
        return command(*arguments)
    except RedisError as error:
        current_app.logger.error("The store of logins failed: %s", type(error).__name__)
        raise ServiceUnavailable(retry_after=5) from None


def _record(text: str | bytes, seen_at: str | bytes) -> SessionRecord:
    fields = json.loads(text)
    record = SessionRecord(**{**fields, "amr": tuple(fields["amr"])})
    return replace(record, seen_at=int(seen_at))
