"""The proxies."""

from typing import Any

from cruse.globals import (
    app_ctx,
    current_app,
    g,
    request,
    session,
)
from cruse_flask.application import (
    request_ctx,
)
from cruse_flask.borrowed import provide

__all__ = [
    "app_ctx",
    "current_app",
    "g",
    "request",
    "request_ctx",
    "session",
]


def __getattr__(name: str) -> Any:
    return provide(__name__, name)
