"""Test clients."""

from cruse.testing import (
    CruseClient as FlaskClient,
    EnvironBuilder,
)
from cruse.testing.runner import (
    CruseCliRunner as FlaskCliRunner,
)

__all__ = [
    "EnvironBuilder",
    "FlaskCliRunner",
    "FlaskClient",
]
