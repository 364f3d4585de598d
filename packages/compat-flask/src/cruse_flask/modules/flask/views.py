"""Views that are classes."""

from cruse.views import (
    MethodView,
    View,
)

__all__ = [
    "MethodView",
    "View",
    "http_method_funcs",
]

#: The names of the methods of a view that answer requests.
http_method_funcs = frozenset(
    {"get", "post", "head", "options", "delete", "put", "trace", "patch"}
)
