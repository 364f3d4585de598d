"""Where a login may lead to: only to pages of this application.

``next`` comes from the address bar, so anybody can write anything into it. What browsers make of a
strange URL is decided by the URL standard, not by ``urlsplit``: they drop tabs and line breaks and
read a backslash as a slash. Here everything that could mean two things is refused.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cruse import current_app, request

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["is_safe_next", "own_origins", "safe_next"]

DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> tuple[str, str | None, int | None] | None:
    """Return scheme, host and port of a URL; ``None`` when it cannot be parsed."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname
    except ValueError:
        return None
    return parts.scheme, host, port or DEFAULT_PORTS.get(parts.scheme)


def is_safe_next(target: str, origins: Iterable[str] = ()) -> bool:
    """Whether a URL leads to a page of this application, whatever browser follows it.

    A path from the root or a query is safe; a whole URL only when it is of one of ``origins``.

    Args:
        target: The URL.
        origins: Our own, such as ``("https://example.com",)``.
    """
    if not target or "\\" in target or target != target.strip():
        return False
    if any(unicodedata.category(character)[0] in "CZ" for character in target):
        return False  # control and format characters, and every kind of space
    origin = origin_of(target)
    if origin is None:
        return False
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        if "@" in parts.netloc or not parts.netloc:
            return False
        return origin in [origin_of(own) for own in origins]
    if target.startswith("//"):  # "//" with an empty host: still not a path to a browser
        return False
    return parts.path.startswith("/") or (not parts.path and bool(parts.query))


def own_origins() -> list[str]:
    """Return the origins of the current application: the request's host, and the setting."""
    state = current_app.extensions.get("auth")
    external = None if state is None else state.settings.external_url
    return [request.host_url, *([external] if external else [])]


def safe_next(default: str = "/", target: str | None = None) -> str:
    """Return where to go after a login: what ``next`` asks for if it is ours, else ``default``.

    Args:
        default: The page for those who asked for none.
        target: The wish; the request's ``next``, of its form or its query, unless given.
    """
    if target is None:
        target = request.form.get("next") or request.args.get("next")
    return target if target and is_safe_next(target, own_origins()) else default
