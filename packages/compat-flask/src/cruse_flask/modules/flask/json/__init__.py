"""JSON."""

from importlib import import_module

from cruse.json import (
    dump,
    dumps,
    jsonify,
    load,
    loads,
)

__all__ = [
    "dump",
    "dumps",
    "jsonify",
    "load",
    "loads",
]

for _name in ("provider", "tag"):
    import_module(f"flask.json.{_name}")
