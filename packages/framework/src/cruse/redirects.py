"""Redirects to where a client asks for, kept to this application's own pages.

What ``next`` says in the address bar, anybody can have written there. What a strange URL means is
decided by browsers (the WHATWG URL standard), not by ``urlsplit``: they drop tabs and line breaks,
and read a backslash as a slash. So a URL that could mean two things is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cruse.shortcuts import redirect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from werkzeug.wrappers import Response as WerkzeugResponse

__all__ = ["is_safe_url", "safe_redirect"]

_DEFAULT_PORTS = {"http": 80, "https": 443}


def is_safe_url(target: str | None, origins: Iterable[str] = ()) -> bool:
    """Whether a URL leads to a page of this application, whatever browser follows it.

    A path from the root or a query is safe; a whole URL only when it is of one of ``origins``.

    Args:
        target: The URL.
        origins: Our own, such as ``("https://example.com",)``.
    """
    if not target or not target.isprintable() or " " in target or "\\" in target:
        return False
    try:
        parts = urlsplit(target)
    except ValueError:
        return False
    if parts.scheme or parts.netloc:
        return "@" not in parts.netloc and _origin(target) in {*map(_origin, origins)} - {None}
    if not parts.path:
        return target[0] == "?" and bool(parts.query)  # "//?next" has an empty host
    return target[0] == "/" and target[1:2] != "/"  # "///" has no netloc, but browsers find one


def safe_redirect(target: str | None, fallback: str = "/", code: int = 303) -> WerkzeugResponse:
    """Return a redirect to what a client asked for if that is a page of ours, else to another.

    Args:
        target: What the client asked for; None when it asked for nothing.
        fallback: Where to instead. It is not checked: never pass on what a client sent.
        code: 303 (See Other) makes the browser GET the location; 307 and 308 keep the method.
    """
    return redirect(target if target is not None and is_safe_url(target) else fallback, code)


def _origin(url: str) -> tuple[str, str, int | None] | None:
    """Return scheme, host and port of a URL; ``None`` when it has none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.scheme or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port or _DEFAULT_PORTS.get(parts.scheme)
