"""Sending files that strangers gave us to browsers that trust us.

A browser must never take such a file for a page of ours. It is told the type that the content
showed and to guess no other (``nosniff``); to open it, if at all, in a sandbox without scripts and
without our origin's rights; and to save rather than show it, unless its type can carry no script.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from werkzeug.exceptions import NotFound, RequestedRangeNotSatisfiable
from werkzeug.http import parse_range_header

from cruse import request, send_file
from cruse_uploads.errors import ObjectNotFoundError
from cruse_uploads.names import content_disposition
from cruse_uploads.variants import make_declared

if TYPE_CHECKING:
    from cruse.responses import Response
    from cruse_uploads.sets import UploadSet
    from cruse_uploads.storage import ObjectStat

__all__ = ["send"]

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
    storage, full_key = upload_set.storage, upload_set.storage_key(key)
    kind = upload_set.type_of(key)
    try:
        facts = _find(upload_set, key)
        # A file can be sent by the system; other storage hands out what can be read.
        source = storage.path(full_key) or storage.open(full_key)
        sized = isinstance(source, str | BytesIO)
        response = send_file(
            source,
            mimetype=kind.media_type,
            conditional=sized,
            etag=f"{facts.modified:.6f}-{facts.size}",
            last_modified=facts.modified,
            max_age=upload_set.max_age,
        )
        if not sized:
            _make_conditional(response, facts.size)
    except (ObjectNotFoundError, FileNotFoundError):
        raise NotFound from None
    if name is None:
        name = facts.meta.name if facts.meta is not None else key.rpartition("/")[2]
    attached = not kind.inline if as_attachment is None else as_attachment
    disposition = content_disposition("attachment" if attached else "inline", name)
    response.headers["Content-Disposition"] = disposition
    response.headers.update(_HEADERS)
    if upload_set.private:
        response.cache_control.private = True
        response.cache_control.public = False
    return response
