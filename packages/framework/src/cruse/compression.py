"""Compressing responses while they are sent, for applications with ``COMPRESS_RESPONSES``.

It happens behind everything that makes a response: after hooks, session, error handlers. A body
in one piece is compressed at once, a stream piece by piece, each flushed so that it arrives when
it was made. What the compressed form changes in the header is in RFC 9110: ``Vary`` (section
12.5.5), a weak ``ETag`` (section 8.8.1), no length that was another's, no ranges.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from werkzeug.wsgi import ClosingIterator

from cruse.codings import CODINGS, accepted_codings, load_compressor
from cruse.responses import has_no_body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping

    from werkzeug.datastructures import Headers

    from cruse.codings import Compressor
    from cruse.context import Context
    from cruse.responses import Response
    from cruse.workers import WorkerPool

__all__ = ["Compression"]

#: Bytes that may be compressed on the event loop: half a millisecond at the default levels.
MAX_ON_LOOP = 16 * 1024
_LEVELS = {"zstd": "COMPRESS_ZSTD_LEVEL", "br": "COMPRESS_BR_LEVEL", "gzip": "COMPRESS_LEVEL"}
#: Fields of responses that are what they are: encoded or in parts already, sent by another
#: server, or with a digest of these very bytes (RFC 9530).
_FIXED = {
    *("content-encoding", "content-range", "x-sendfile", "x-accel-redirect"),
    *("content-digest", "repr-digest", "digest", "content-md5"),
}


class Compression:
    """What compresses the responses of one application.

    Args:
        config: Its settings, with ``COMPRESS_RESPONSES`` on.

    Raises:
        ValueError: When a setting can't be used; it names the setting.
        TypeError: The same.
        RuntimeError: When the settings name a coding whose library is not installed.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._makers = {
            coding: partial(make, _level(config, coding)) for coding, make in _loaded(config)
        }
        self._offered = tuple(self._makers)
        self._min_size = _number(config, "COMPRESS_MIN_SIZE", 0, None)
        mimetypes = config["COMPRESS_MIMETYPES"]
        if not isinstance(mimetypes, list | tuple | set | frozenset):
            raise TypeError(
                "The setting 'COMPRESS_MIMETYPES' must be a list of media types, such as "
                f"""["text/html", "application/json"], not {type(mimetypes).__name__}."""
            )
        self._mimetypes = frozenset(str(mimetype).lower() for mimetype in mimetypes)

    async def apply(self, ctx: Context, response: Response) -> None:
        """Compress a finished response, if it may be and the client would like that."""
        route = ctx.route
        if not response.compress or not (route is None or route.compress):
            return
        if response.plain and len(response.whole[0]) < self._min_size:
            return
        try:
            await self._apply(ctx, response)
        except BaseException:
            response.close()
            raise

    async def _apply(self, ctx: Context, response: Response) -> None:
        data = b"".join(response.iter_encoded()) if response.is_sequence else None
        if not self._is_candidate(response, _size(ctx, response, data)):
            return
        if "Vary" not in response.headers:
            response.headers["Vary"] = "Accept-Encoding"
        elif "*" not in response.vary:
            response.vary.add("Accept-Encoding")
        environ: Any = ctx.environ
        if response.status_code == 304:
            etag = response.headers.get("ETag")
            if etag and f"W/{etag}" in environ.get("HTTP_IF_NONE_MATCH", ""):
                _weaken(response.headers)  # the client has the compressed form
        elif (coding := self._choose(environ)) is not None:
            await self._compress(ctx, response, coding, data)

    async def _compress(
        self, ctx: Context, response: Response, coding: str, data: bytes | None
    ) -> None:
        """Compress a response: ``data``, or a stream if that is ``None``."""
        compressor = self._makers[coding]()
        if not data:
            if data is None:
                _replace_stream(response, compressor, ctx.app.pool)
            _describe(response, coding)
            return
        if ctx.bridge.on_loop and len(data) > MAX_ON_LOOP:
            compressed = await ctx.app.pool.run(compressor.finish, data)
        else:
            compressed = compressor.finish(data)
        if len(compressed) < len(data):
            _describe(response, coding)
            response.response = [compressed]
            response.headers["Content-Length"] = str(len(compressed))

    def _is_candidate(self, response: Response, size: int | None) -> bool:
        """Whether the response is compressed for those who want it so."""
        status = response.status_code
        if size is not None and size < max(self._min_size, 1):
            return False
        if status == 206 or (has_no_body(status) and status != 304):
            return False
        if (response.mimetype or "").lower() not in self._mimetypes:
            return False
        names = {name.lower() for name, _ in response.headers}
        if "cache-control" in names and response.cache_control.no_transform:
            return False
        return _FIXED.isdisjoint(names)

    def _choose(self, environ: Mapping[str, Any]) -> str | None:
        """Return the coding that the client likes best."""
        if environ.get("HTTP_SEC_FETCH_SITE") == "cross-site" and "HTTP_COOKIE" in environ:
            # Another site's page makes a visitor ask, and may see how long the answer is: from
            # that, compressed, it could guess what is in it (the BREACH attack).
            return None
        accepted = accepted_codings(environ, self._offered)
        return accepted[0] if accepted else None


def _size(ctx: Context, response: Response, data: bytes | None) -> int | None:
    """Return how many bytes the content has, before it is compressed; ``None``: nobody knows.

    Answers that leave the content out, those to HEAD and 304, may tell its length.
    """
    if data:
        return len(data)
    told = response.content_length
    if data is None or ctx.method == "HEAD":
        return told
    return (told or None) if response.status_code == 304 else 0


def _describe(response: Response, coding: str) -> None:
    """Say in the header what the content is now."""
    headers = response.headers
    headers["Content-Encoding"] = coding
    headers.remove("Accept-Ranges")
    headers.remove("Content-Length")  # the other form's, and of no use: it is not counted anew
    response.automatically_set_content_length = False
    _weaken(headers)


def _weaken(headers: Headers) -> None:
    """Make the ETag weak: it stands for the same content in other bytes.

    The weak one still matches in ``If-None-Match``, which compares weakly.
    """
    etag = headers.get("ETag")
    if etag and not etag.startswith("W/"):
        headers["ETag"] = f"W/{etag}"


# -- streams --


def _replace_stream(response: Response, compressor: Compressor, pool: WorkerPool) -> None:
    source: Any = response.response
    if hasattr(source, "__anext__"):
        response.response = _AsyncPieces(source, compressor, pool)  # type: ignore[assignment]
        return
    # Nobody waits for the pieces of a file, so they need no flush.
    step = compressor.add if response.direct_passthrough else compressor.flush
    pieces = _compressed(response.iter_encoded(), step, compressor.finish)
    close = getattr(source, "close", None)
    response.response = ClosingIterator(pieces, close)


def _compressed(
    pieces: Iterable[bytes], step: Callable[[bytes], bytes], finish: Callable[[bytes], bytes]
) -> Iterator[bytes]:
    for piece in pieces:
        if piece and (data := step(piece)):
            yield data
    yield finish(b"")


class _AsyncPieces:
    """The compressed pieces of an async iterator, and its end also when it was never begun.

    Args:
        source: Yields text or bytes.
        compressor: What makes the pieces.
        pool: Where large ones are made, so that they don't hold up the event loop.
    """

    def __init__(
        self, source: AsyncIterator[str | bytes], compressor: Compressor, pool: WorkerPool
    ) -> None:
        self._source = source
        self._pieces = _compressed_async(source, compressor, pool)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._pieces)

    async def aclose(self) -> None:
        """Close the source."""
        try:
            await self._pieces.aclose()
        finally:
            if hasattr(self._source, "aclose"):
                await self._source.aclose()


async def _compressed_async(
    source: AsyncIterator[str | bytes], compressor: Compressor, pool: WorkerPool
) -> Any:
    async for piece in source:
        data = piece.encode() if isinstance(piece, str) else piece
        if len(data) > MAX_ON_LOOP:
            data = await pool.run(compressor.flush, data)
        elif data:
            data = compressor.flush(data)
        if data:
            yield data
    yield compressor.finish(b"")


# -- settings --


def _loaded(config: Mapping[str, Any]) -> Iterator[tuple[str, Callable[[int], Compressor]]]:
    """Yield the codings that are offered, the preferred one first."""
    wanted = config["COMPRESS_RESPONSES"]
    listed = isinstance(wanted, list | tuple) and all(each in tuple(CODINGS) for each in wanted)
    if wanted is not True and not listed:
        raise ValueError(
            f"The setting 'COMPRESS_RESPONSES' is {wanted!r}. It must be True, None, or a list of "
            f"codings, the preferred one first: {', '.join(map(repr, CODINGS))}."
        )
    for coding in CODINGS if wanted is True else wanted:
        try:
            yield coding, load_compressor(coding)
        except ImportError as error:
            if wanted is not True:
                raise RuntimeError(
                    f"The setting 'COMPRESS_RESPONSES' names {coding!r}, but its library is not "
                    """installed. Install it: pip install "cruse[compress]"."""
                ) from error


def _level(config: Mapping[str, Any], coding: str) -> int:
    return _number(config, _LEVELS[coding], *CODINGS[coding])


def _number(config: Mapping[str, Any], key: str, least: int, most: int | None) -> int:
    value = config[key]
    if type(value) is not int or value < least or (most is not None and value > most):
        limits = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"The setting {key!r} must be a whole number {limits}, not {value!r}.")
    return value
