"""Sending files that strangers gave us to browsers that trust us.

A browser must never take such a file for a page of ours. It is told the type that the content
showed and to guess no other (``nosniff``); to open it, if at all, in a sandbox without scripts and
without our origin's rights; and to save rather than show it, unless its type can carry no script.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, cast

from werkzeug.exceptions import NotFound, RequestedRangeNotSatisfiable
from werkzeug.http import parse_range_header

from cruse import redirect, request, send_file
from cruse_uploads.errors import ObjectNotFoundError
from cruse_uploads.names import content_disposition
from cruse_uploads.variants import make_declared

if TYPE_CHECKING:
    from cruse.responses import Response
    from cruse_uploads.sets import UploadSet
    from cruse_uploads.storage import ObjectStat

__all__ = ["protect", "send"]

PRIVATE_SECONDS = 5 * 60  # for which an object store shows a file of a private set at most
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # The sandbox is for what a browser would open as a document, above all SVG and HTML.
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def _make_conditional(response: Response, size: int) -> None:
    """Do what ``send_file`` does for files whose size it can find out.

    A header for several parts, or for none that can be read, is ignored (RFC 9110, section 14.2).
    """
    response.content_length = size
    environ = dict(request.environ)
    wanted = parse_range_header(environ.pop("HTTP_RANGE", None))
    if wanted is not None and wanted.units == "bytes" and len(wanted.ranges) == 1:
        longer = wanted.ranges[0][0] < -size  # the last bytes, more than there are
        environ["HTTP_RANGE"] = "bytes=0-" if longer else wanted.to_header()
    try:
        response.make_conditional(environ, accept_ranges=True, complete_length=size)
    except RequestedRangeNotSatisfiable:
        response.close()
        raise


def _find(upload_set: UploadSet, key: str) -> ObjectStat:
    """Return what is known of a file; a declared variant of an image is made for it."""
    full_key = upload_set.storage_key(key)
    try:
        return upload_set.storage.stat(full_key)
    except ObjectNotFoundError:
        if not make_declared(upload_set, key):
            raise
        return upload_set.storage.stat(full_key)


def send(
    upload_set: UploadSet,
    key: str,
    *,
    as_attachment: bool | None = None,
    name: str | None = None,
) -> Response:
    """Answer with a file of a set; see :meth:`UploadSet.send`.

    Raises:
        NotFound: When there is none under this key (404).
    """
    state = upload_set.uploads.state
    try:
        facts = _find(upload_set, key)
        # The store knows the file by its own name and type, and nothing else that is asked for.
        if state.settings.redirect and as_attachment is None and name is None:
            seconds = state.settings.url_expires
            if upload_set.private:  # whose own URL may be about to expire
                seconds = min(seconds, PRIVATE_SECONDS)
            if (url := state.storage.url(upload_set.storage_key(key), seconds)) is not None:
                return _redirected(url, min(upload_set.max_age, seconds // 2))
        response = _whole_or_part(upload_set, key, facts)
    except (ObjectNotFoundError, FileNotFoundError):
        raise NotFound from None
    if name is None:
        name = facts.meta.name if facts.meta is not None else key.rpartition("/")[2]
    attached = not upload_set.type_of(key).inline if as_attachment is None else as_attachment
    protect(response, name, attached=attached)
    if upload_set.private:
        response.cache_control.private = True
        response.cache_control.public = False
    return response


def protect(response: Response, name: str, *, attached: bool) -> Response:
    """Tell a browser what a file is called, and to run nothing in it.

    Args:
        response: The answer, with the type that the content showed.
        name: What to save it under, from :func:`~cruse_uploads.names.clean_name`.
        attached: Whether it is for saving only.
    """
    disposition = content_disposition("attachment" if attached else "inline", name)
    response.headers["Content-Disposition"] = disposition
    response.headers.update(_HEADERS)
    return response


def _redirected(url: str, max_age: int) -> Response:
    """Send the browser to the object store, with a URL that works for a while."""
    response = cast("Response", redirect(url, 302))
    response.cache_control.private = True  # the URL is good for whoever has it
    response.cache_control.max_age = max_age
    return response


def _whole_or_part(upload_set: UploadSet, key: str, facts: ObjectStat) -> Response:
    """Answer with the bytes, or leave them to the server in front."""
    storage, full_key = upload_set.storage, upload_set.storage_key(key)
    # A file can be sent by the system; other storage hands out what can be read.
    path = storage.path(full_key)
    in_front = _in_front(upload_set, full_key, path)
    source = BytesIO() if in_front else path or storage.open(full_key)
    sized = isinstance(source, str | BytesIO) and not in_front
    response = send_file(
        source,
        mimetype=upload_set.type_of(key).media_type,
        conditional=sized,
        etag=f"{facts.modified:.6f}-{facts.size}",
        last_modified=facts.modified,
        max_age=upload_set.max_age,
    )
    if in_front:
        del response.headers["Content-Length"]
        response.make_conditional(request.environ)  # ranges are up to the server, too
        if response.status_code == 200:  # some send the file whatever the status is
            response.headers.set(*in_front)
    elif not sized:
        _make_conditional(response, facts.size)
    return response


def _in_front(upload_set: UploadSet, full_key: str, path: str | None) -> tuple[str, str] | None:
    """Return the header field that lets the server in front send a file, if it shall."""
    state = upload_set.uploads.state
    if path is not None and state.settings.x_accel:
        return "X-Accel-Redirect", f"{state.settings.x_accel}/{full_key}"
    if path is not None and state.app.config["USE_X_SENDFILE"]:
        return "X-Sendfile", path
    return None
