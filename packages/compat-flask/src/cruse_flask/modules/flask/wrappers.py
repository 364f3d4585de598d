"""Request and response."""

from typing import Any

from cruse.requests import (
    Request,
)
from cruse.responses import (
    Response,
)
from cruse_flask.borrowed import provide

__all__ = [
    "Request",
    "Response",
]


def __getattr__(name: str) -> Any:
    return provide(__name__, name)
