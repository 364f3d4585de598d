"""The set-up side of an application."""

from cruse.application import (
    Application as App,
)

__all__ = [
    "App",
]
