"""The language of error messages: WTForms' catalogues and ours, chosen for the request.

Ours are the files in the folder ``messages``: each message with its translation (TOML).
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header
from wtforms import i18n

from cruse import request

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["request_translations", "with_own_messages"]

#: The language that WTForms' messages are written in, so that there is no catalogue of it.
SOURCE = "en"
ALL = "*"
LONGEST = 1_000  # characters of what browsers ask for that are looked at; they are kept
OWN = Path(__file__).with_name("messages")


class Messages:
    """The messages of WTForms in a language, and those that only this package has."""

    def __init__(self, theirs: Any, own: dict[str, str]) -> None:
        self._theirs = theirs
        self._own = own

    def gettext(self, string: str) -> str:
        """Return a message in the language; as it is where nobody has translated it."""
        own = self._own.get(string)
        return own if own is not None else str(self._theirs.gettext(string))

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        """Return a message about a number of things."""
        return str(self._theirs.ngettext(singular, plural, n))


def with_own_messages(theirs: Any, locale: str) -> Any:
    """Return WTForms' messages in a language together with ours, where we have it."""
    own = _own_messages(locale.replace("-", "_").partition("_")[0])
    return Messages(theirs, own) if own else theirs


@lru_cache(64)
def _own_messages(language: str) -> dict[str, str]:
    path = OWN / f"{language}.toml"
    if not language.isalpha() or not path.exists():
        return {}
    return tomllib.loads(path.read_text(encoding="utf-8"))


def request_translations(selector: Callable[[], object] | None, locales: tuple[str, ...]) -> Any:
    """Return the messages in the language of the current request; ``None`` leaves them English.

    Args:
        selector: A function that returns the locale to use, or ``None`` for what browsers ask.
        locales: The locales to choose from by what browsers ask for; ``"*"`` stands for all.
    """
    chosen = None
    if selector is not None:
        chosen = selector()
    elif locales:
        chosen = _best(request.headers.get("Accept-Language", "")[:LONGEST], locales)
    return _catalogue(str(chosen)) if chosen is not None else None


@lru_cache(256)
def _best(accepted: str, locales: tuple[str, ...]) -> str:
    names = _all_locales() if ALL in locales else locales
    if ALL in locales:
        names = (SOURCE, *(name for name in names if name != SOURCE))
    # One language after the other: werkzeug's best_match prefers "en" where "de-AT, en;q=0.5" is
    # accepted and there is "de".
    for language, quality in parse_accept_header(accepted, LanguageAccept):
        if quality > 0 and (found := _find(language, names)):
            return found
    return names[0]


def _find(language: str, names: tuple[str, ...]) -> str | None:
    """Return the name for a language, else one for its first part, as "de" of "de-AT"."""
    wanted = language.replace("-", "_").lower()
    for name in names:
        if name.replace("-", "_").lower() == wanted:
            return name
    first = wanted.partition("_")[0]
    return next((name for name in names if name.lower().partition("_")[0] == first), None)


@lru_cache(1)
def _all_locales() -> tuple[str, ...]:
    folder = Path(i18n.messages_path())
    return tuple(sorted(path.name for path in folder.iterdir() if path.is_dir()))


@lru_cache(64)
def _catalogue(locale: str) -> Any:
    """Return the catalogue for a locale, or for one of its language; ``None`` without any."""
    locale = locale.replace("-", "_")
    language = locale.partition("_")[0]
    if language == SOURCE:
        return None
    same = [name for name in _all_locales() if name.partition("_")[0] == language]
    try:
        return with_own_messages(i18n.get_translations([locale, language, *same]), locale)
    except FileNotFoundError:
        return None
