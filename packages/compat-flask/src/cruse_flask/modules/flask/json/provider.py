"""JSON providers."""

from typing import Any

from cruse.json.provider import (
    DefaultJSONProvider,
    JSONProvider,
)
from cruse_flask.borrowed import provide

__all__ = [
    "DefaultJSONProvider",
    "JSONProvider",
]


def __getattr__(name: str) -> Any:
    return provide(__name__, name)
