"""The proxies."""

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

__all__ = [
    "app_ctx",
    "current_app",
    "g",
    "request",
    "request_ctx",
    "session",
]
