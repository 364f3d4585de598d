"""Files of a disk that share their bytes: hard links to one file.

So the system counts how many there are, and a crash can leave no count that is wrong. One more
link finds the bytes by their content; who deletes the last file takes that away, too. None of it
needs a lock: who comes too late for a link keeps bytes of its own.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets

__all__ = ["remove_if_last", "share"]

ATTEMPTS = 10  # to share bytes that others delete at the same time


def share(path: str, common: str) -> None:
    """Let a file have the bytes that equal ones share.

    Args:
        path: The file.
        common: Where the bytes of its content are found, if there are equal files.

    Raises:
        OSError: When the disk refuses.
    """
    os.makedirs(os.path.dirname(common), exist_ok=True)
    for _ in range(ATTEMPTS):
        if _is_first(path, common) or _is_replaced(path, common):
            break  # otherwise the last other one was deleted between the two


def remove_if_last(common: str) -> bool:
    """Remove bytes that no file shares any more; whether it did."""
    with contextlib.suppress(FileNotFoundError):
        if os.stat(common).st_nlink == 1:
            os.unlink(common)
            return True
    return False


def _is_first(path: str, common: str) -> bool:
    """Let the bytes of a file be those that others share, unless there are some."""
    try:
        os.link(path, common)
    except FileExistsError:
        return False
    return True


def _is_replaced(path: str, common: str) -> bool:
    """Give a file the bytes that others share, unless those are gone."""
    hidden = os.path.join(os.path.dirname(path), f".{secrets.token_hex(16)}.part")
    try:
        os.link(common, hidden)
        os.replace(hidden, path)
    except FileNotFoundError:  # or a sweep took the other name, as old as its bytes, for debris
        return False
    except OSError as error:
        if error.errno != errno.EMLINK:
            raise  # ext4 ends at 65,000 links: then this file keeps its own bytes
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(hidden)  # there still when both were names of one file already
    return True
