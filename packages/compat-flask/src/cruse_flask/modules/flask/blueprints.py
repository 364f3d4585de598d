"""Blueprints."""

from cruse.blueprints import (
    Blueprint,
    BlueprintSetupState,
)

__all__ = [
    "Blueprint",
    "BlueprintSetupState",
]
