"""What an application needs and cannot reach: a 503 for the client, a line in the log."""

from __future__ import annotations

import errno
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

from werkzeug.exceptions import HTTPException, ServiceUnavailable

from cruse.globals import _cv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from logging import Logger

__all__ = ["DISK_FULL", "InsufficientStorage", "fill_temporary", "unavailable"]

RETRY_AFTER = 5  # seconds that a client is told to wait

#: The errors of the system for a full disk, a quota that is used up, and a file that is too large.
DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class InsufficientStorage(HTTPException):
    """There is no room for what a client sends: 507 (RFC 4918, section 11.5)."""

    code = 507
    description = "There is no room left for what was sent. Please try again later."


def unavailable(
    logger: Logger, said: str, kind: type[ServiceUnavailable] = ServiceUnavailable
) -> ServiceUnavailable:
    """Log what is away and return the error for it.

    Without a traceback: it is none of the code's doing, and each request would have the same.
    """
    logger.error(" ".join(said.split()))  # drivers say it in several lines
    return kind(retry_after=RETRY_AFTER)


@contextmanager
def fill_temporary(make: Callable[[], IO[bytes]]) -> Iterator[IO[bytes]]:
    """Make a temporary file for the block to fill, and rewind it; closed when that fails.

    Raises:
        InsufficientStorage: When there is no room for it (507); the log says where.
    """
    file = None
    try:
        file = make()
        yield file
        file.seek(0)  # what is still to be written is written now
    except BaseException as error:
        if file is not None:
            with suppress(OSError):  # it tries once more
                file.close()
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            _tell_of_full_disk(error)
            raise InsufficientStorage from error
        raise


def _tell_of_full_disk(error: OSError) -> None:
    from tempfile import gettempdir

    ctx = _cv.get(None)
    if ctx is not None:
        ctx.app.logger.error("There is no room for temporary files in %s: %s", gettempdir(), error)
