"""Every response says the id of its request, and so do the records that the request logs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cruse.logging import add_request_id

if TYPE_CHECKING:
    from collections.abc import Generator

    from cruse.app import Cruse
    from cruse.observers import Observation

__all__ = ["install"]

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def install(app: Cruse) -> None:
    """Send ``request.id`` with every response, and give it to what the application logs.

    Raises:
        ValueError: When the setting is no name of a header field (RFC 9110 section 5.1).
    """
    name = app.config["REQUEST_ID_HEADER"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(
            f"The setting 'REQUEST_ID_HEADER' is {name!r}, which is no name of a header field. "
            "The usual one is 'X-Request-ID'."
        )
    app.observers.append(send_request_id)
    app.logger.addFilter(add_request_id)


def send_request_id(observation: Observation) -> Generator[None, None, None]:
    """Add the header, also to answers that no hook sees."""
    ctx = observation.context
    observation.headers.append((ctx.app.config["REQUEST_ID_HEADER"], ctx.request.id))
    yield
