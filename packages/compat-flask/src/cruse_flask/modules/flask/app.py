"""The application."""

from cruse_flask.application import (
    Flask,
)

__all__ = [
    "Flask",
]
