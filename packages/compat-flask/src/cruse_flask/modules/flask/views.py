"""Views that are classes."""

from typing import Any

from cruse.views import (
    MethodView,
    View,
)
from cruse_flask.borrowed import provide

__all__ = [
    "MethodView",
    "View",
    "http_method_funcs",
]

#: The names of the methods of a view that answer requests.
http_method_funcs = frozenset(
    {"get", "post", "head", "options", "delete", "put", "trace", "patch"}
)


def __getattr__(name: str) -> Any:
    return provide(__name__, name)
