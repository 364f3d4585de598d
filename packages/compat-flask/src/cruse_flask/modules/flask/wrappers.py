"""Request and response."""

from cruse.requests import (
    Request,
)
from cruse.responses import (
    Response,
)

__all__ = [
    "Request",
    "Response",
]
