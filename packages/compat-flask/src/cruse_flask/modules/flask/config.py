"""Settings."""

from cruse.config import (
    ConfigAttribute,
)
from cruse_flask.application import (
    Config,
)

__all__ = [
    "Config",
    "ConfigAttribute",
]
