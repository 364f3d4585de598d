"""Test clients."""

from typing import Any

from cruse.testing import EnvironBuilder
from cruse.testing.runner import (
    CruseCliRunner as FlaskCliRunner,
)
from cruse_flask.borrowed import provide
from cruse_flask.testing import FlaskClient

__all__ = [
    "EnvironBuilder",
    "FlaskCliRunner",
    "FlaskClient",
]


def __getattr__(name: str) -> Any:
    return provide(__name__, name)
