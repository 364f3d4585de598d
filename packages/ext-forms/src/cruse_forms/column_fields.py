"""Fields for types of columns that WTForms has none for: time spans, UUIDs, JSON."""

from __future__ import annotations

import json
import re
import uuid
from datetime import timedelta
from typing import Any

import wtforms

from cruse.json.provider import DefaultJSONProvider

__all__ = ["IntervalField", "JSONField", "UUIDField"]

#: As ``str()`` writes a timedelta, seconds and days left out at will.
_INTERVAL = re.compile(r"(?:(\d{1,6}) ?d(?:ays?)?,? )?(\d{1,6}):([0-5]?\d)(?::([0-5]?\d))?", re.A)
#: An escaped NUL: behind an even number of backslashes.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_READER = DefaultJSONProvider(None)  # it refuses what is nested too deeply


class IntervalField(wtforms.StringField):
    """A text input for a time span, ``1:30:00`` or ``2 days 0:15``; a ``datetime.timedelta``."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take the text; an empty one is no time span."""
        text = str(valuelist[0]).strip() if valuelist else ""
        self.data: Any = None
        if not text:
            return
        found = _INTERVAL.fullmatch(text)
        if found is None:
            raise ValueError(self.gettext("Not a valid time span, such as 1:30:00."))
        days, hours, minutes, seconds = (int(each or 0) for each in found.groups())
        self.data = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)

    def _value(self) -> str:
        if self.process_errors and self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else str(self.data)


class UUIDField(wtforms.StringField):
    """A text input for a UUID; its data is a ``uuid.UUID``."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take the text; an empty one is no UUID."""
        text = str(valuelist[0]).strip() if valuelist else ""
        self.data: Any = None
        if text:
            try:
                self.data = uuid.UUID(text)
            except ValueError:
                self.data = text
                raise ValueError(self.gettext("Invalid UUID.")) from None

    def _value(self) -> str:
        return "" if self.data is None else str(self.data)


class JSONField(wtforms.TextAreaField):
    """A text area for JSON; its data is what the JSON says."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take the text; an empty one is null."""
        if not valuelist:
            return
        text = str(valuelist[0])
        try:
            self.data: Any = _read_json(text) if text.strip() else None
        except ValueError:
            self.data = None
            raise ValueError(self.gettext("Not valid JSON.")) from None

    def _value(self) -> str:
        if self.process_errors and self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else json.dumps(self.data, ensure_ascii=False)


def _read_json(text: str) -> Any:
    """Return what JSON says, if a column can keep it and a page can show it again.

    Raises:
        ValueError: When it is none, is nested too deeply, or says what PostgreSQL's JSON cannot:
            NaN and infinite numbers, NUL, halves of characters.
    """
    value = _READER.loads(text)
    written = json.dumps(value, ensure_ascii=False, allow_nan=False)
    written.encode()
    if _NUL.search(written):
        raise ValueError("There is a NUL in a text.")
    return value
