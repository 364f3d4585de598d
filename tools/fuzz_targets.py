"""What the fuzzer calls: one function for each parser that meets what clients send.

Each takes bytes and returns nothing. It raises when something is wrong: an error that is no HTTP
error, or an answer that breaks a promise of the parser. tests/security/test_corpus.py calls the
same functions with the inputs that are kept in tests/corpus.
"""

import io
import json
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException

from cruse import Cruse, request, send_file, session
from cruse.body import BodyStream
from cruse.formparser import FormParser

__all__ = ["TARGETS"]

FILE = bytes(range(256)) * 4
FORWARDED = ("for", "proto", "host", "port", "prefix")
HARMFUL = set(" \t/\\?#@<>\"'%\x00")  # in the name of a host
FORWARDING = [
    "forwarded",
    *(f"x-forwarded-{x}" for x in ("for", "proto", "host", "port", "prefix")),
]
KEY = "the key of the fuzzer, and of nobody else"


class _Split:
    """A body that comes in pieces whose sizes the fuzzer has chosen."""

    def __init__(self, body: bytes, sizes: bytes) -> None:
        self.body = io.BytesIO(body)
        self.sizes = sizes or b"\xff"
        self.turn = 0

    def read(self, size: int = -1, /) -> bytes:
        piece = self.sizes[self.turn % len(self.sizes)] + 1
        self.turn += 1
        return self.body.read(piece if size < 0 else min(size, piece))


def _form(body: bytes, mimetype: str, sizes: bytes = b"") -> Any:
    """Return fields and files of a form, or the status it is refused with."""
    source = _Split(body, sizes) if sizes else io.BytesIO(body)
    parser = FormParser(lambda **_: io.BytesIO(), 10_000, None, max_form_parts=20)
    options = {"boundary": "b"}
    try:
        stream: Any = BodyStream(source, len(body), None)
        _, form, files = parser.parse(stream, mimetype, len(body), options)
    except HTTPException as error:
        return error.code
    return (
        list(form.items(multi=True)),
        [(name, file.filename, file.read()) for name, file in files.items(multi=True)],
    )


def multipart(data: bytes) -> None:
    """A form is the same wherever its bytes are split; refused, if at all, with 400 or 413."""
    count = data[0] % 8 if data else 0
    sizes, body = data[1 : 1 + count], data[1 + count :]
    whole, pieces = (_form(body, "multipart/form-data", split) for split in (b"", sizes or b"\0"))
    both_refused = isinstance(whole, int) and isinstance(pieces, int)
    assert whole == pieces or both_refused, (whole, pieces)


def urlencoded(data: bytes) -> None:
    """A form is read or refused with 400 or 413, and keeps its limits."""
    found = _form(data, "application/x-www-form-urlencoded", b"\x07")
    if isinstance(found, int):
        assert found in (400, 413), found
    else:
        fields, _ = found
        assert len(fields) <= 20
        assert sum(len(name) + len(value) for name, value in fields) <= 10_000


@cache
def _app(proxies: int | tuple[str, ...] | None = None) -> Cruse:
    """An application that looks at everything in a request, behind these trusted proxies."""
    folder = Path(tempfile.mkdtemp(prefix="cruse-fuzz-"))
    (folder / "static").mkdir()
    (folder / "static" / "file").write_bytes(FILE)
    app = Cruse("fuzzed", root_path=str(folder))
    app.secret_key = KEY
    app.config["TRUSTED_PROXIES"] = proxies
    app.config["TRUSTED_PROXY_HEADERS"] = [
        "forwarded",
        *(f"x-forwarded-{name}" for name in FORWARDED),
    ]
    rules = (
        "/<int:a>", "/<float:a>", "/<uuid:a>", "/<any(b,c):a>", "/s/<a>/<b>", "/f/", "/p/<path:a>",
        "/d/<int(signed=True):a>", "/e/<int(fixed_digits=3):a>", "/t/<string(length=2):a>",
        "/<a>.<b>",
    )  # fmt: skip
    for rule in rules:
        app.add_url_rule(rule, rule, lambda **values: {k: str(v) for k, v in values.items()})
    app.add_url_rule("/file", "file", lambda: send_file("static/file"))
    app.add_url_rule("/host", "host", lambda: [request.host, request.url, request.is_secure])
    app.add_url_rule("/json", "json", lambda: [request.get_json()], methods=["POST"])
    app.add_url_rule("/query", "query", lambda: list(request.args.items(multi=True)))
    app.add_url_rule("/cookies", "cookies", lambda: list(request.cookies.items(multi=True)))
    app.add_url_rule("/session", "session", lambda: dict(session))
    app.add_url_rule("/headers", "headers", _all_headers)
    return app


def _all_headers() -> list[str]:
    names = (
        "accept_charsets accept_encodings accept_languages accept_mimetypes authorization date "
        "cache_control content_length if_match if_modified_since if_none_match if_range "
        "if_unmodified_since max_forwards mimetype mimetype_params origin pragma range user_agent"
    )
    return [str(getattr(request, name)) for name in names.split()]


def _ask(
    path: bytes, environ: dict[str, Any], app: Cruse | None = None
) -> tuple[int, Headers, bytes]:
    """Send a request to the WSGI face; no answer may be a server error."""
    head: list[Any] = []
    target, _, query = path.partition(b"?")
    body: Any = (app or _app())(
        {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": unquote_to_bytes(target).decode("latin-1"),
            "QUERY_STRING": query.decode("latin-1"),
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(),
            **environ,
        },
        lambda status, headers, exc_info=None: head.extend([int(status[:3]), Headers(headers)]),
    )
    content = b"".join(body)
    getattr(body, "close", lambda: None)()
    status, headers = head
    assert status < 500, (path, environ, status)
    return status, headers, content


def _lines(data: bytes, count: int) -> Iterator[str]:
    """Return ``count`` header values out of the lines of the input."""
    lines = data.split(b"\n")[:count]
    for line in lines + [b""] * (count - len(lines)):
        yield line.replace(b"\r", b"").decode("latin-1")


def _present(**environ: str) -> dict[str, str]:
    return {key: value for key, value in environ.items() if value}


def query(data: bytes) -> None:
    """A query string is read, or refused with 400."""
    status, _, _ = _ask(b"/query?" + data, {})
    assert status in (200, 400), status


def cookies(data: bytes) -> None:
    """Any Cookie field is read."""
    status, _, _ = _ask(b"/cookies", {"HTTP_COOKIE": data.decode("latin-1")})
    assert status == 200, status


def ranges(data: bytes) -> None:
    """A part of a file is the part that Content-Range says (RFC 9110, sections 13 and 14)."""
    wanted, if_range, match, none_match, since = _lines(data, 5)
    status, headers, content = _ask(
        b"/file",
        _present(
            HTTP_RANGE=wanted,
            HTTP_IF_RANGE=if_range,
            HTTP_IF_MATCH=match,
            HTTP_IF_NONE_MATCH=none_match,
            HTTP_IF_MODIFIED_SINCE=since,
        ),
    )
    if status == 206:
        first, last = map(int, headers["Content-Range"][6:].split("/")[0].split("-"))
        assert content == FILE[first : last + 1], headers
        assert headers["Content-Length"] == str(len(content))
    elif status == 200:
        assert content == FILE
    else:
        assert status in (304, 412, 416), status


def host(data: bytes) -> None:
    """A Host that can do harm in a URL is refused; any other is what the URL begins with."""
    status, _, content = _ask(b"/host", {"HTTP_HOST": data.decode("latin-1")})
    if status == 200:
        name, url, _ = json.loads(content)
        assert _is_harmless(name, url), (name, url)
    else:
        assert status == 400, status


def _is_harmless(name: str, url: str) -> bool:
    """Whether a host, and the same in a URL, ends where it should."""
    in_url = url.partition("://")[2].partition("/")[0]
    return bool(in_url) and not (set(name) | set(in_url)) & HARMFUL


def forwarded(data: bytes) -> None:
    """What trusted proxies say is read, or refused with 400; it does no harm in a URL."""
    names = ("FORWARDED", "X_FORWARDED_FOR", "X_FORWARDED_PROTO", "X_FORWARDED_HOST",
             "X_FORWARDED_PORT", "X_FORWARDED_PREFIX")  # fmt: skip
    values = zip(names, _lines(data, len(names)), strict=True)
    said = _present(**{f"HTTP_{name}": value for name, value in values})
    for proxies in (1, 2, ("10.0.0.0/8",)):
        status, _, content = _ask(
            b"/host", {"HTTP_HOST": "localhost", "REMOTE_ADDR": "10.0.0.1", **said}, _app(proxies)
        )
        assert status in (200, 400), status
        if status == 200:
            name, url, _ = json.loads(content)
            assert _is_harmless(name, url), (name, url)


def routing(data: bytes) -> None:
    """Any path has an answer, and numbers are made of ASCII digits."""
    status, _, content = _ask(b"/" + data, {})
    assert status in (200, 304, 308, 400, 404, 405), status
    if status == 200 and content.startswith(b'{"a"') and data[:1].isdigit():
        assert content.isascii()


def sessions(data: bytes) -> None:
    """A cookie that the key has not signed gives an empty session."""
    if KEY.encode() in data:
        return
    status, _, content = _ask(b"/session", {"HTTP_COOKIE": "session=" + data.decode("latin-1")})
    assert (status, content.strip()) == (200, b"{}"), (status, content)


def json_body(data: bytes) -> None:
    """A JSON body is refused with 400, or read to something that can be written again."""
    status, _, content = _ask(
        b"/json",
        {
            "REQUEST_METHOD": "POST",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(data)),
            "wsgi.input": io.BytesIO(data),
        },
    )
    assert status in (200, 400), status
    if status == 200:
        json.loads(content)


def headers(data: bytes) -> None:
    """The other fields that a request has properties for can be read, whatever is in them."""
    names = [
        "ACCEPT",
        "ACCEPT_LANGUAGE",
        "AUTHORIZATION",
        "CACHE_CONTROL",
        "CONTENT_TYPE",
        "DATE",
        "IF_UNMODIFIED_SINCE",
        "MAX_FORWARDS",
        "RANGE",
        "PRAGMA",
        "CONTENT_LENGTH",
    ]
    values = zip(names, _lines(data, len(names)), strict=True)
    environ = {("" if name[:7] == "CONTENT" else "HTTP_") + name: text for name, text in values}
    status, _, _ = _ask(b"/headers", _present(**environ))
    assert status == 200, status


#: The functions by the names of their parsers.
TARGETS: dict[str, Callable[[bytes], None]] = {
    "cookies": cookies,
    "forwarded": forwarded,
    "headers": headers,
    "host": host,
    "json": json_body,
    "multipart": multipart,
    "query": query,
    "ranges": ranges,
    "routing": routing,
    "sessions": sessions,
    "urlencoded": urlencoded,
}
