"""Logging."""

from typing import Any

from cruse.logging import (
    create_logger,
    default_handler,
    has_level_handler,
    wsgi_errors_stream,
)
from cruse_flask.borrowed import provide

__all__ = [
    "create_logger",
    "default_handler",
    "has_level_handler",
    "wsgi_errors_stream",
]


def __getattr__(name: str) -> Any:
    return provide(__name__, name)
