"""What an application needs and cannot reach: a 503 for the client, a line in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.exceptions import ServiceUnavailable

if TYPE_CHECKING:
    from logging import Logger

__all__ = ["unavailable"]

RETRY_AFTER = 5  # seconds that a client is told to wait


def unavailable(
    logger: Logger, said: str, kind: type[ServiceUnavailable] = ServiceUnavailable
) -> ServiceUnavailable:
    """Log what is away and return the error for it.

    Without a traceback: it is none of the code's doing, and each request would have the same.
    """
    logger.error(" ".join(said.split()))  # drivers say it in several lines
    return kind(retry_after=RETRY_AFTER)
