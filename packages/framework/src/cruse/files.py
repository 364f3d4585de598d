"""Sending files, whole or in ranges, to browsers that may have them already."""

from __future__ import annotations

import os
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any, cast, overload

from werkzeug.exceptions import NotFound
from werkzeug.http import parse_range_header
from werkzeug.security import safe_join
from werkzeug.utils import send_file as werkzeug_send_file

from cruse.globals import current_context

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from _typeshed.wsgi import WSGIEnvironment

    from cruse.responses import Response

__all__ = ["send_file", "send_from_directory"]

_StrPath = str | os.PathLike[str]


def send_file(
    path_or_file: _StrPath | IO[bytes],
    mimetype: str | None = None,
    as_attachment: bool = False,
    download_name: str | None = None,
    conditional: bool = True,
    etag: bool | str = True,
    last_modified: datetime | float | None = None,
    max_age: int | Callable[[str | None], int | None] | None = None,
) -> Response:
    """Answer with a file.

    Never pass a path that a client chose: that is what :func:`send_from_directory` is for.

    Args:
        path_or_file: A path, relative to the application's folder, or a file open for bytes, which
            is closed when it was sent.
        mimetype: The media type; found by the name's extension unless given.
        as_attachment: Let the browser save the file rather than show it.
        download_name: The name the browser saves it under; the file's own unless given.
        conditional: Answer conditional and range requests (RFC 9110, sections 13 and 14).
        etag: Send an ``ETag`` made of path, size and time; or the one given.
        last_modified: When the file was changed, as seconds since the epoch or a date.
        max_age: For how many seconds the browser may keep the file without asking;
            ``app.get_send_file_max_age(filename)`` unless given.

    Raises:
        OSError: When the file cannot be read.
        RequestedRangeNotSatisfiable: When the client asks for a part behind the end (416).
    """
    context = current_context()
    app = context.app
    source: Any = path_or_file
    if isinstance(path_or_file, (str, os.PathLike)):
        source = os.path.join(app.root_path, path_or_file)
    environ = context.request.environ
    if conditional and "HTTP_RANGE" in environ:
        environ = readable_range(environ, source)
    response = werkzeug_send_file(
        source,
        environ,
        mimetype=mimetype,
        as_attachment=as_attachment,
        download_name=one_line(_name(download_name, source)),
        conditional=conditional,
        etag=etag,
        last_modified=last_modified,
        max_age=app.get_send_file_max_age if max_age is None else max_age,
        use_x_sendfile=app.config["USE_X_SENDFILE"],
        response_class=app.response_class,
    )
    if conditional:
        response.headers.setdefault(
            "Accept-Ranges", "bytes"
        )  # werkzeug 3.1.3 says it in a 206 only
    return cast("Response", response)


def _name(name: str | None, source: Any) -> str | None:
    return os.path.basename(source) if name is None and isinstance(source, str) else name


@overload
def one_line(name: str) -> str: ...
@overload
def one_line(name: str | None) -> str | None: ...


def one_line(name: str | None) -> str | None:
    """Return the name of a download without what would end or hide a part of its header field."""
    if name is None or name.isprintable():
        return name
    return "".join(char if char.isprintable() else "_" for char in name)


def readable_range(environ: WSGIEnvironment, source: Any) -> WSGIEnvironment:
    """Return the environ with a ``Range`` header that werkzeug answers as RFC 9110 says.

    Werkzeug gives 416 for a suffix longer than the file, of which "the entire representation is
    used" (section 14.1.2), and for what a server must or may ignore (section 14.2): other units,
    what cannot be parsed, and several ranges, whose answer would be a multipart body.
    """
    wanted = parse_range_header(environ["HTTP_RANGE"])
    environ = environ.copy()
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1:
        del environ["HTTP_RANGE"]
    elif wanted.ranges[0][0] < 0 and -wanted.ranges[0][0] > (_size(source) or 0):
        environ["HTTP_RANGE"] = "bytes=0-"
    return environ


def _size(source: Any) -> int | None:
    """Return the size in bytes, None if it is not known before reading."""
    if isinstance(source, str):
        return os.stat(source).st_size
    return source.getbuffer().nbytes if isinstance(source, BytesIO) else None


def send_from_directory(directory: _StrPath, path: _StrPath, **kwargs: Any) -> Response:
    """Answer with a file within a folder; a path that leads out of it is not found.

    That goes for symbolic links, too, unless the setting ``SEND_FILE_FOLLOW_SYMLINKS`` is on.

    Args:
        directory: The folder, relative to the application's folder.
        path: The file, relative to the folder, as the client asks for it: with slashes.
        kwargs: Further arguments of :func:`send_file`.

    Raises:
        NotFound: When there is no such file, or it may not be sent (404).
    """
    app = current_context().app
    folder = os.path.join(app.root_path, directory)
    file = find_file(folder, os.fspath(path), bool(app.config["SEND_FILE_FOLLOW_SYMLINKS"]))
    if file is None:
        raise NotFound
    try:
        return send_file(file, **kwargs)
    except OSError:
        # Removed meanwhile, or not ours to read: for the client it is not there.
        raise NotFound from None


def find_file(folder: str, path: str, follow_symlinks: bool) -> str | None:
    """Return the full path of an existing file within a folder."""
    file = safe_join(folder, path)
    # isfile() is False, and no error, for names with NUL, surrogates or of more than 255 bytes.
    # Joining takes a slash at the end away, but what ends with one is no file.
    if file is None or path.endswith("/") or not os.path.isfile(file):
        return None
    if not follow_symlinks:
        root = os.path.join(os.path.realpath(folder), "")
        if not os.path.realpath(file).startswith(root):
            return None
    return file
