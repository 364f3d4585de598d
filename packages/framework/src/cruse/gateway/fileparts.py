"""Finding the file behind a response, for servers that send files by themselves.

They are told a name, and open the file a moment later: that is no more exact than what the file
system says at this moment. So what was opened for the response has to be, right before, what is
found by its name.
"""

from __future__ import annotations

import os
import stat
from io import BufferedReader
from typing import TYPE_CHECKING, Any, NamedTuple

from werkzeug.wsgi import FileWrapper

if TYPE_CHECKING:
    from cruse.responses import Response

__all__ = ["FilePart", "part_of_file"]


class FilePart(NamedTuple):
    """A part of a file in the file system, in bytes: ``stop`` is behind the last one."""

    path: str
    start: int
    stop: int
    whole: bool


def part_of_file(response: Response) -> FilePart | None:
    """Return what a response sends of which file, ``None`` when it has to be read here.

    That is so for files without an absolute path, for those that were removed or replaced since
    they were opened, and when something is to happen after the response: it may remove the file
    before the server has opened it.
    """
    if response._on_close:
        return None
    body: Any = response.response
    start, stop = 0, None
    if response.status_code == 206:  # werkzeug wraps the file
        start, stop = getattr(body, "start_byte", 0), getattr(body, "end_byte", None)
        body = getattr(body, "iterable", None)
        if stop is None:
            return None
    file: Any = body.file if type(body) is FileWrapper else None
    if type(file) is not BufferedReader or not _is_absolute(file.name) or file.tell() != 0:
        return None
    size = _size_by_name(file)
    if size is None:
        return None
    part = FilePart(file.name, start, size if stop is None else stop, stop is None)
    fits = part.stop <= size and response.content_length in (None, part.stop - part.start)
    return part if fits else None


def _is_absolute(name: Any) -> bool:
    return isinstance(name, str) and os.path.isabs(name)


def _size_by_name(file: BufferedReader) -> int | None:
    """Return the size in bytes of an open file, ``None`` when its name leads to another one."""
    opened = os.fstat(file.fileno())
    try:
        named = os.stat(file.name)
    except OSError:
        return None
    same = os.path.samestat(opened, named) and stat.S_ISREG(opened.st_mode)
    return opened.st_size if same else None
