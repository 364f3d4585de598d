"""JSON."""

from importlib import import_module
from typing import Any

from cruse.json import (
    dump,
    dumps,
    jsonify,
    load,
    loads,
)
from cruse_flask.borrowed import provide

__all__ = [
    "dump",
    "dumps",
    "jsonify",
    "load",
    "loads",
]


def __getattr__(name: str) -> Any:
    return provide(__name__, name)


for _name in ("provider", "tag"):
    import_module(f"flask.json.{_name}")
