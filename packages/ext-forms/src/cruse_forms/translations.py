"""The language of error messages: WTForms' own catalogues, chosen for the request."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header
from wtforms import i18n

from cruse import request

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["request_translations"]

#: The language that WTForms' messages are written in, so that there is no catalogue of it.
SOURCE = "en"
ALL = "*"


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
        chosen = _best(request.headers.get("Accept-Language", ""), locales)
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
        return i18n.get_translations([locale, language, *same])
    except FileNotFoundError:
        return None
