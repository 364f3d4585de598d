"""Messages for the next page that the same visitor sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from cruse.globals import current_context
from cruse.signals import message_flashed

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["flash", "get_flashed_messages"]

_SESSION_KEY = "_flashes"
_EXTRAS_KEY = "cruse.flashes"


def flash(message: Any, category: str = "message") -> None:
    """Keep a message in the session until a page shows it.

    Args:
        message: Text, or markup that is not escaped again when the template shows it.
        category: What kind of message it is: ``"error"``, ``"info"``, ``"warning"``...
    """
    context = current_context()
    session = context.session
    # Assigned anew: only so does every store notice the change.
    session[_SESSION_KEY] = [*session.get(_SESSION_KEY, ()), (category, message)]
    if message_flashed.receivers:
        message_flashed.send(
            context.app,
            _async_wrapper=context.app.ensure_sync,
            message=message,
            category=category,
        )


@overload
def get_flashed_messages(
    with_categories: Literal[False] = False, category_filter: Iterable[str] = ()
) -> list[Any]: ...


@overload
def get_flashed_messages(
    with_categories: Literal[True], category_filter: Iterable[str] = ()
) -> list[tuple[str, Any]]: ...


@overload
def get_flashed_messages(
    with_categories: bool, category_filter: Iterable[str] = ()
) -> list[Any] | list[tuple[str, Any]]: ...


def get_flashed_messages(
    with_categories: bool = False, category_filter: Iterable[str] = ()
) -> list[Any] | list[tuple[str, Any]]:
    """Take the messages out of the session; further calls in the same request give them again.

    Args:
        with_categories: Return pairs of category and message.
        category_filter: Return only the messages of these categories.
    """
    context = current_context()
    flashes = context.extras.get(_EXTRAS_KEY)
    if flashes is None:
        session = context.session
        flashes = session.pop(_SESSION_KEY) if _SESSION_KEY in session else []
        context.extras[_EXTRAS_KEY] = flashes
    wanted = frozenset(category_filter)
    chosen = [(category, text) for category, text in flashes if not wanted or category in wanted]
    return chosen if with_categories else [text for _, text in chosen]
