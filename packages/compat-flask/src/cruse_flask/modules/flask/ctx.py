"""Contexts. A request's and an application's are of one class."""

from typing import Any

from cruse.context import (
    Context as AppContext,
)
from cruse.context import (
    Context as RequestContext,
)
from cruse.context import (
    Globals as _AppCtxGlobals,
)
from cruse.context import (
    after_this_request,
    copy_current_request_context,
)
from cruse.globals import (
    has_app_context,
    has_request_context,
)
from cruse_flask.borrowed import provide

__all__ = [
    "AppContext",
    "RequestContext",
    "_AppCtxGlobals",
    "after_this_request",
    "copy_current_request_context",
    "has_app_context",
    "has_request_context",
]


def __getattr__(name: str) -> Any:
    return provide(__name__, name)
