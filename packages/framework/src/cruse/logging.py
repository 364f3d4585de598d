"""The application's logger.

``app.logger`` is the standard library's logger of the application's name. It gets a handler only
when no logging is set up, so configuring the root logger before is enough to be in charge.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, cast

from cruse.globals import _cv

if TYPE_CHECKING:
    from typing import TextIO

    from cruse.app import Cruse

__all__ = [
    "add_request_id",
    "create_logger",
    "default_handler",
    "escape_control",
    "has_level_handler",
    "wsgi_errors_stream",
]


def _errors_stream() -> Any:
    context = _cv.get(None)
    if context is not None and context.environ is not None:
        return context.environ.get("wsgi.errors") or sys.stderr
    return sys.stderr


class _ErrorsStream:
    """Stands for that stream."""

    def _get_current_object(self) -> Any:
        """Return the stream itself."""
        return _errors_stream()

    def __getattr__(self, name: str) -> Any:
        return getattr(_errors_stream(), name)


#: Where the current request's server wants errors (``wsgi.errors``, PEP 3333), else the standard
#: error stream of this moment.
wsgi_errors_stream = cast("TextIO", _ErrorsStream())

#: Writes ``[time] LEVEL in module: message`` to :data:`wsgi_errors_stream`.
default_handler: logging.StreamHandler[TextIO] = logging.StreamHandler(wsgi_errors_stream)
default_handler.setFormatter(
    logging.Formatter("[%(asctime)s] %(levelname)s in %(module)s: %(message)s")
)


def has_level_handler(logger: logging.Logger) -> bool:
    """Whether the logger or one above it has a handler for the level in effect."""
    level = logger.getEffectiveLevel()
    current: logging.Logger | None = logger
    while current is not None:
        if any(handler.level <= level for handler in current.handlers):
            return True
        current = current.parent if current.propagate else None
    return False


def create_logger(app: Cruse) -> logging.Logger:
    """Return the logger of the application.

    In debug mode its level becomes DEBUG, unless it has one.
    """
    logger = logging.getLogger(app.name)
    if app.debug and not logger.level:
        logger.setLevel(logging.DEBUG)
    if not has_level_handler(logger):
        logger.addHandler(default_handler)
    return logger


def add_request_id(record: logging.LogRecord) -> bool:
    """Give a record the attribute ``request_id``; a filter for handlers and loggers.

    It is ``request.id`` of the current request, and ``"-"`` outside of any.
    """
    context = _cv.get(None)
    record.request_id = context.request.id if context is not None and context.has_request else "-"
    return True


def escape_control(text: str) -> str:
    r"""Return the text with what is not printable as escapes, for logs.

    A path comes from the client: ``%0d%0a`` in it could start a line that looks like one of the
    log's own (CVE-2020-7694), ``%1b`` a sequence that a terminal obeys.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
