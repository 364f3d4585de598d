"""What explains mistakes in debug mode."""

from typing import Any

from cruse.debug import (
    DebugFilesKeyError,
    FormDataRoutingRedirect,
    UnexpectedUnicodeError,
    attach_enctype_error_multidict,
)
from cruse_flask.borrowed import provide

__all__ = [
    "DebugFilesKeyError",
    "FormDataRoutingRedirect",
    "UnexpectedUnicodeError",
    "attach_enctype_error_multidict",
]


def __getattr__(name: str) -> Any:
    return provide(__name__, name)
