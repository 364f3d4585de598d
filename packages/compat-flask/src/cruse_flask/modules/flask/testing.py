"""Test clients."""

from cruse.testing import EnvironBuilder
from cruse_flask.testing import FlaskClient
from cruse.testing.runner import (
    CruseCliRunner as FlaskCliRunner,
)

__all__ = [
    "EnvironBuilder",
    "FlaskCliRunner",
    "FlaskClient",
]
