"""JSON."""

from importlib import import_module
from typing import NoReturn

from cruse.json import (
    dump,
    dumps,
    jsonify,
    load,
    loads,
)
from cruse_flask.gone import missing

__all__ = [
    "dump",
    "dumps",
    "jsonify",
    "load",
    "loads",
]


def __getattr__(name: str) -> NoReturn:
    raise missing(__name__, name)


for _name in ("provider", "tag"):
    import_module(f"flask.json.{_name}")
