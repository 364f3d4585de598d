"""The proxies."""

from typing import NoReturn

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
from cruse_flask.gone import missing

__all__ = [
    "app_ctx",
    "current_app",
    "g",
    "request",
    "request_ctx",
    "session",
]


def __getattr__(name: str) -> NoReturn:
    raise missing(__name__, name)
