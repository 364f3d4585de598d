"""Blueprints."""

from typing import Any

from cruse.blueprints import (
    Blueprint,
    BlueprintSetupState,
)
from cruse_flask.borrowed import provide

__all__ = [
    "Blueprint",
    "BlueprintSetupState",
]


def __getattr__(name: str) -> Any:
    return provide(__name__, name)
