"""What applications and blueprints have in common."""

from typing import Any

from cruse.instance import (
    find_package,
)
from cruse.scaffold import (
    Scaffold,
    setupmethod,
)
from cruse.scaffold import (
    endpoint_of as _endpoint_from_view_func,
)
from cruse.scaffold import (
    find_root_path as get_root_path,
)
from cruse_flask.borrowed import provide

__all__ = [
    "Scaffold",
    "_endpoint_from_view_func",
    "find_package",
    "get_root_path",
    "setupmethod",
]


def __getattr__(name: str) -> Any:
    return provide(__name__, name)
