"""Primary keys that need no database to be made."""

from __future__ import annotations

import secrets
import threading
import time
from uuid import UUID

__all__ = ["uuid7"]

_lock = threading.Lock()
_last = 0  # the time and counter of the last one, as one number of 60 bits


def uuid7() -> UUID:
    """Return a UUID of version 7 (RFC 9562): milliseconds, a counter, and 62 random bits.

    Those of one process grow, also within a millisecond: the 12 bits behind the time begin at a
    random number and count up (section 6.2, method 1).
    """
    global _last
    milliseconds = time.time_ns() // 1_000_000
    fresh = milliseconds << 12 | secrets.randbits(11)  # half of the counter is left to count
    with _lock:
        _last = now = max(fresh, _last + 1)
    high = (now >> 12) << 16 | 0x7 << 12 | now & 0xFFF
    return UUID(int=high << 64 | 0b10 << 62 | secrets.randbits(62))
