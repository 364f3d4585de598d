"""Contexts. A request's and an application's are of one class."""

from cruse.context import (
    after_this_request,
    copy_current_request_context,
    Context as AppContext,
    Context as RequestContext,
    Globals as _AppCtxGlobals,
)
from cruse.globals import (
    has_app_context,
    has_request_context,
)

__all__ = [
    "AppContext",
    "RequestContext",
    "_AppCtxGlobals",
    "after_this_request",
    "copy_current_request_context",
    "has_app_context",
    "has_request_context",
]
