"""What the people who run an application want of it, each part switched on by a setting.

A part that is off is not even imported. Each is built on what every application can use: routes,
hooks, signals and observers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cruse.app import Cruse

__all__ = ["install"]

#: The settings that switch a module on.
PARTS = {
    "OPENTELEMETRY": "tracing",
    "REQUEST_ID_HEADER": "requestids",
    "ACCESS_LOG": "accesslog",
    "SERVER_TIMING": "timing",
    "HEALTH_LIVE_PATH": "health",
    "HEALTH_READY_PATH": "health",
}


def install(app: Cruse) -> tuple[str, ...]:
    """Set up what an application's settings ask for, at its start; return the modules' names."""
    config = app.config
    wanted = {key: config.get(key) for key in PARTS}
    if wanted["SERVER_TIMING"] is None:
        wanted["SERVER_TIMING"] = app.debug
    names = tuple(dict.fromkeys(PARTS[key] for key, value in wanted.items() if value))
    for name in names:
        import_module(f"cruse.operations.{name}").install(app)
    return names
