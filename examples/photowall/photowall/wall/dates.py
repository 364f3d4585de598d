"""Dates as people say them."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["ago"]

MINUTE, HOUR, DAY = 60, 3600, 86400


def ago(moment: datetime, now: datetime | None = None) -> str:
    """Say how long ago a moment was; its date, when that is longer than a week.

    >>> ago(datetime(2026, 11, 22, 12, tzinfo=UTC), now=datetime(2026, 11, 22, 15, tzinfo=UTC))
    '3 hours ago'
    """
    now = now or datetime.now(UTC)
    seconds = (now - moment).total_seconds()
    if seconds < MINUTE:
        return "just now"
    for unit, name, most in ((MINUTE, "minute", HOUR), (HOUR, "hour", DAY), (DAY, "day", 7 * DAY)):
        if seconds < most:
            count = int(seconds // unit)
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return f"{moment.day} {moment:%B %Y}"
