"""Test clients."""

from cruse.testing import EnvironBuilder
from cruse.testing.runner import (
    CruseCliRunner as FlaskCliRunner,
)
from cruse_flask.testing import FlaskClient

__all__ = [
    "EnvironBuilder",
    "FlaskCliRunner",
    "FlaskClient",
]
