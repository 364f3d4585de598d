"""Where a login may lead to: only to pages of this application.

``next`` comes from the address bar, so anybody can write anything into it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cruse import current_app, is_safe_url, request

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["is_safe_next", "own_origins", "safe_next"]


def is_safe_next(target: str, origins: Iterable[str] = ()) -> bool:
    """Whether a URL leads to a page of this application, whatever browser follows it.

    A path from the root or a query is safe; a whole URL only when it is of one of ``origins``.

    Args:
        target: The URL.
        origins: Our own, such as ``("https://example.com",)``.
    """
    return is_safe_url(target, origins)


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
