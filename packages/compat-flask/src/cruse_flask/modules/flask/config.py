"""Settings."""

from typing import Any

from cruse.config import (
    ConfigAttribute,
)
from cruse_flask.application import (
    Config,
)
from cruse_flask.borrowed import provide

__all__ = [
    "Config",
    "ConfigAttribute",
]


def __getattr__(name: str) -> Any:
    return provide(__name__, name)
