"""Views that are classes."""

from cruse.views import (
    MethodView,
    View,
)

__all__ = [
    "http_method_funcs",
    "MethodView",
    "View",
]

#: The names of the methods of a view that answer requests.
http_method_funcs = frozenset(
    {"get", "post", "head", "options", "delete", "put", "trace", "patch"}
)
