"""The files of static folders, and what makes them quick: hashed URLs and compressed siblings.

``url_for`` adds a hash of the content to the URL of a static file. Whoever asks with the right one
may keep the answer for ever; with the content, the URL changes. It is a query, not a part of the
path, so that the relative URLs in a style sheet go on working.

Beside ``app.css`` there may be ``app.css.br``, ``app.css.zst`` and ``app.css.gz``, made when the
application is built: they are sent to those that accept them, unless they are older.
"""

from __future__ import annotations

import mimetypes
import os
import unicodedata
from hashlib import blake2b
from time import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from werkzeug.datastructures import Headers
from werkzeug.exceptions import NotFound
from werkzeug.http import dump_options_header, http_date, remove_entity_headers
from werkzeug.security import safe_join
from werkzeug.utils import get_content_type
from werkzeug.wsgi import wrap_file

from cruse.codings import accepted_codings
from cruse.files import find_file, one_line, readable_range
from cruse.globals import current_context
from cruse.headerfields import headers_of

if TYPE_CHECKING:
    from cruse.application import Application
    from cruse.responses import Response
    from cruse.scaffold import Scaffold
    from cruse.typing import WSGIEnvironment

__all__ = ["StaticFiles", "add_hash"]

FOREVER = "public, max-age=31536000, immutable"  # a year, in seconds (RFC 8246)
MAX_KNOWN = 4096  # files that are remembered
MAX_HASHED = 16 * 1024 * 1024  # bytes; larger files are not read for the sake of their URL
SETTLED = 2.0  # seconds after which the time of a folder tells of every later change
MAX_WHOLE = 256 * 1024  # bytes; smaller files are sent in one piece, without a hop per chunk
#: Codings of RFC 9110 section 8.4.1, those first that make files smallest.
SIBLINGS = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}
_CONDITIONS = (
    *("HTTP_RANGE", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE"),
    *("HTTP_IF_MATCH", "HTTP_IF_UNMODIFIED_SINCE"),
)

_Identity = tuple[int, int, int, int]


class StaticFile:
    """What is known of a file as long as it does not change.

    Args:
        path: Where it is.
        stat: What the file system says about it.
        coding: The content coding, of a compressed sibling.
        name: The name of the original.
    """

    def __init__(self, path: str, stat: os.stat_result, coding: str | None, name: str) -> None:
        self.path = path
        self.folder = os.path.dirname(path)
        self.identity = _identity(stat)
        self.size = stat.st_size
        self.modified = int(stat.st_mtime)  # in whole seconds: some tools copy no more than that
        suffix = f"-{coding}" if coding else ""
        self.etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}{suffix}"'
        headers = self._headers(coding, name)
        self.fields = [*headers]
        remove_entity_headers(headers)
        #: The fields for those who have it already.
        self.unchanged_fields = [*headers]
        self._digest: str | None = None

    def _headers(self, coding: str | None, name: str) -> Headers:
        mimetype, own_coding = mimetypes.guess_type(name)
        content_type = get_content_type(mimetype or "application/octet-stream", "utf-8")
        headers = Headers(
            [
                ("Content-Type", content_type),
                ("Content-Disposition", _disposition(name)),
                ("Content-Length", str(self.size)),
                ("Last-Modified", http_date(self.modified)),
                ("ETag", self.etag),
                ("Accept-Ranges", "bytes"),
            ]
        )
        codings = [each for each in (own_coding, coding) if each]  # in the order of their making
        if codings:
            headers["Content-Encoding"] = ", ".join(codings)
        return headers

    def digest(self) -> str | None:
        """Return the hash of the content; ``None`` for a file that is too large to read for it."""
        if self._digest is None and self.size <= MAX_HASHED:
            with open(self.path, "rb") as file:
                self._digest = blake2b(file.read(), digest_size=8).hexdigest()
        return self._digest


class StaticFiles:
    """The static files of an application and its blueprints.

    Args:
        app: The application's settings count.
    """

    def __init__(self, config: Any) -> None:
        self.config = config
        self._known: dict[tuple[str, str, str | None], tuple[str, StaticFile]] = {}
        self._tags: dict[str, str] = {}  # the names of these files by their ETags
        #: Files without siblings, by when their folder was changed last.
        self._without_siblings: dict[str, int] = {}

    @property
    def _by_server(self) -> bool:
        """Whether the server in front sends the files."""
        return bool(self.config["USE_X_SENDFILE"])

    def find(self, folder: str, path: str) -> StaticFile | None:
        """Return a file of a folder, ``None`` when it is not there or leads out of the folder."""
        return self._find(folder, path, None, None)

    def _find(
        self, folder: str, path: str, coding: str | None, name: str | None
    ) -> StaticFile | None:
        # What is known was found inside of the folder. As long as it is the very same file and
        # unchanged, looking up every folder on the way for links again would find nothing else.
        key = (folder, path, coding)
        joined, known = self._known.get(key) or (safe_join(folder, path), None)
        try:
            stat = os.stat(joined)  # type: ignore[arg-type]
        except (OSError, TypeError, ValueError):
            return None
        if known is not None and known.identity == _identity(stat):
            return known
        file = find_file(folder, path, bool(self.config["SEND_FILE_FOLLOW_SYMLINKS"]))
        if file is None:
            return None
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
            self._tags.clear()
        name = os.path.basename(path) if name is None else name
        found = StaticFile(file, stat, coding, name)
        self._known[key] = str(joined), found
        self._tags[found.etag] = name
        return found

    def is_quick(self, environ: WSGIEnvironment | None, path: str) -> bool:
        """Whether answering takes no more than a look at the file's status, unless it has changed.

        That is so for a browser that asks if its copy is still the newest, of a file that was
        looked at before. A query may have a hash in it, which is compared with the content.
        """
        environ = environ or {}
        known = self._tags.get(environ.get("HTTP_IF_NONE_MATCH", ""))
        return known == path.rpartition("/")[2] and not environ.get("QUERY_STRING")

    def url_hash(self, folder: str, path: str) -> str | None:
        """Return what the URL of a file gets as ``v``."""
        if not self.config["STATIC_HASHED_URLS"]:
            return None
        file = self.find(folder, path)
        try:
            return None if file is None else file.digest()
        except OSError:
            return None  # not ours to read: whoever asks for it is told

    def answer(self, folder: str, path: str, max_age: int | None) -> Response:
        """Answer the current request with a file.

        Args:
            folder: The folder, absolute.
            path: The file, as the client asks for it.
            max_age: For how many seconds the browser may keep it, unless its URL has the hash.

        Raises:
            NotFound: When there is no such file, or it may not be sent (404).
            RequestedRangeNotSatisfiable: When the client asks for a part behind the end (416).
        """
        context = current_context()
        environ = context.environ
        if environ is None:
            environ = context.request.environ  # there is none, which that says
        file = self.find(folder, path)
        if file is None:
            raise NotFound
        try:
            caching = self._caching(file, environ.get("QUERY_STRING"), max_age)
            chosen, varies = self._negotiate(file, folder, path, environ)
            fields = [("Cache-Control", caching)]
            if max_age is not None and caching is not FOREVER:
                fields.append(("Expires", http_date(int(time() + max_age))))
            if varies:
                fields.append(("Vary", "Accept-Encoding"))
            if environ.get("HTTP_IF_NONE_MATCH") == chosen.etag and not self._by_server:
                response = context.app.response_class(None, 304)
                response.headers = headers_of(chosen.unchanged_fields + fields)
                return response
            headers = headers_of(chosen.fields + fields)
            return self._response(context.app, environ, chosen, headers)
        except OSError:
            # Removed meanwhile, or not ours to read: for the client it is not there.
            raise NotFound from None

    def _caching(self, file: StaticFile, query: str | None, max_age: int | None) -> str:
        if query and self.config["STATIC_HASHED_URLS"]:
            digest = file.digest()
            if digest is not None and f"v={digest}" in query.split("&"):
                return FOREVER
        if max_age is None:
            return "no-cache"
        return f"public, max-age={max_age}" if max_age > 0 else f"no-cache, max-age={max_age}"

    def _negotiate(
        self, file: StaticFile, folder: str, path: str, environ: WSGIEnvironment
    ) -> tuple[StaticFile, bool]:
        """Return the file to send, and whether others would get another (RFC 9110 12.5.3)."""
        siblings: dict[str, StaticFile] = {}
        if self.config["STATIC_PRECOMPRESSED"] and self._may_have_siblings(file):
            name = os.path.basename(path)
            for coding, extension in SIBLINGS.items():
                if os.path.exists(file.path + extension):
                    sibling = self._find(folder, path + extension, coding, name)
                    if sibling is not None and sibling.modified >= file.modified:
                        siblings[coding] = sibling
        if not siblings:
            return file, False
        accepted = accepted_codings(environ, tuple(siblings))
        return siblings[accepted[0]] if accepted else file, True

    def _may_have_siblings(self, file: StaticFile) -> bool:
        """Whether there may be compressed siblings: one look at the folder instead of three.

        A folder changes when a file comes into it. Where that was a moment ago, another may come
        at what is the same time to the file system.
        """
        changed = os.stat(file.folder).st_mtime_ns
        if self._without_siblings.get(file.path) == changed:
            return False
        if time() - changed / 1e9 > SETTLED:
            if len(self._without_siblings) >= MAX_KNOWN:
                self._without_siblings.clear()
            if not any(os.path.lexists(file.path + each) for each in SIBLINGS.values()):
                self._without_siblings[file.path] = changed
        return True

    def _response(
        self, app: Any, environ: WSGIEnvironment, file: StaticFile, headers: Headers
    ) -> Response:
        response: Response
        if self._by_server:
            response = app.response_class(headers=headers)
            response.make_conditional(environ)
            if response.status_code == 200:  # some servers would send the file with a 304, too
                headers["X-Sendfile"] = file.path
            return response
        conditional = any(key in environ for key in _CONDITIONS)
        opened = open(file.path, "rb")  # noqa: SIM115 - closed by the response
        stat = os.fstat(opened.fileno())
        if _identity(stat) != file.identity:
            # Written anew this very moment: not what the hash and the ETag were made of.
            headers["Cache-Control"] = "no-store"
            headers["Content-Length"] = str(stat.st_size)
        if stat.st_size > MAX_WHOLE or conditional:
            response = app.response_class(
                wrap_file(environ, opened), headers=headers, direct_passthrough=True
            )
            if not conditional:
                return response
            if "HTTP_RANGE" in environ:
                environ = readable_range(environ, file.path)
            try:
                return response.make_conditional(environ, True, stat.st_size)
            except BaseException:
                opened.close()
                raise
        with opened:
            content = opened.read()
        response = app.response_class(content)
        response.headers = headers
        return response


def add_hash(app: Application, owner: Scaffold, values: dict[str, Any]) -> None:
    """Add the hash of a static file to the values of its URL."""
    folder, filename = owner.static_folder, values.get("filename")
    if folder is None or not isinstance(filename, str) or "v" in values:
        return
    digest = app.static_files.url_hash(folder, filename)
    if digest is not None:
        values["v"] = digest


def _disposition(name: str) -> str:
    """Name the file for those who save it (RFC 6266)."""
    name = one_line(name)
    if name.isascii():
        return dump_options_header("inline", {"filename": name})
    simple = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    encoded = f"UTF-8''{quote(name, safe='', errors='replace')}"
    return dump_options_header("inline", {"filename": simple, "filename*": encoded})


def _identity(stat: os.stat_result) -> _Identity:
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
