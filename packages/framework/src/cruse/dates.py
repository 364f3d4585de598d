"""Dates that clients send (RFC 9110 section 5.6.7).

``email.utils`` fails with an ``OverflowError`` for a year or an hour that fits into no C integer,
and werkzeug, which takes other nonsense for no date, lets that through: a 500 for a header.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from werkzeug.http import parse_date

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["client_date", "readable_dates"]

_DATES = ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_RANGE")


def client_date(value: str | None) -> datetime | None:
    """Return the date, in UTC unless it says otherwise; ``None`` when it is none."""
    try:
        return parse_date(value)
    except OverflowError:
        return None


def readable_dates(environ: dict[str, Any]) -> dict[str, Any]:
    """Return an environ whose conditions werkzeug can read: what it would fail on is left out."""
    for key in _DATES:
        try:
            parse_date(environ.get(key))
        except OverflowError:
            environ = {**environ}
            del environ[key]
    return environ
