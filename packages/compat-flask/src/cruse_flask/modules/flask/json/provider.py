"""JSON providers."""

from cruse.json.provider import (
    DefaultJSONProvider,
    JSONProvider,
)

__all__ = [
    "DefaultJSONProvider",
    "JSONProvider",
]
