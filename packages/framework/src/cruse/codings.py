"""Content codings (RFC 9110 section 8.4.1): which of them a client wants, and what makes them."""

from __future__ import annotations

import re
import zlib
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["CODINGS", "Compressor", "accepted_codings", "load_compressor"]

_LONGEST = 1_000  # characters of a field that are looked at: they are kept, and come from clients

_WEIGHT = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.ASCII)
_GZIP = zlib.MAX_WBITS | 16  # with the frame of gzip (RFC 1952), and without a time in it


def accepted_codings(environ: Mapping[str, Any], offered: tuple[str, ...]) -> tuple[str, ...]:
    """Return the codings that an ``Accept-Encoding`` field wants (RFC 9110 section 12.5.3).

    Args:
        environ: The environ of the request.
        offered: The codings to choose from, in the order that counts where the client has no
            preference.

    Returns:
        Those of them that the client likes at least as much as no coding, the best first.
    """
    return _accepted(environ.get("HTTP_ACCEPT_ENCODING", "")[:_LONGEST], offered)


@lru_cache(256)
def _accepted(header: str, offered: tuple[str, ...]) -> tuple[str, ...]:
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        name, _, parameters = part.partition(";")
        key, _, weight = parameters.partition("=")
        if not parameters.strip():
            weights[name.strip()] = 1.0
        elif key.strip() == "q" and _WEIGHT.fullmatch(weight.strip()):
            weights[name.strip()] = float(weight)
    if "x-gzip" in weights:
        weights.setdefault("gzip", weights["x-gzip"])
    others = weights.get("*", 0.0)
    least = weights.get("identity", 0.0)  # whoever prefers the content as it is gets that
    wanted = {coding: weights.get(coding, others) for coding in offered}
    best = sorted(offered, key=lambda coding: -wanted[coding])  # stable: ours decides ties
    return tuple(coding for coding in best if wanted[coding] > 0 and wanted[coding] >= least)


class Compressor(NamedTuple):
    """One content on its way through a coding, as three ways to give it the next bytes.

    Args:
        add: Returns what is ready, and may keep the rest.
        flush: Returns everything so far, so that a client can read up to here.
        finish: Returns everything, and the end of the content. Alone, it takes all of it.
    """

    add: Callable[[bytes], bytes]
    flush: Callable[[bytes], bytes]
    finish: Callable[[bytes], bytes]


def _gzip() -> Callable[[int], Compressor]:
    def make(level: int) -> Compressor:
        made = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
        return Compressor(
            made.compress,
            lambda data: made.compress(data) + made.flush(zlib.Z_SYNC_FLUSH),
            lambda data: made.compress(data) + made.flush(),
        )

    return make


def _brotli() -> Callable[[int], Compressor]:
    brotli = import_module("brotli")

    def make(level: int) -> Compressor:
        made = brotli.Compressor(quality=level)
        return Compressor(
            made.process,
            lambda data: made.process(data) + made.flush(),
            lambda data: made.process(data) + made.finish(),
        )

    return make


def _zstd() -> Callable[[int], Compressor]:
    zstd: Any
    try:
        zstd = import_module("compression.zstd")  # Python 3.14 and later
    except ImportError:
        zstd = import_module("backports.zstd")

    def make(level: int) -> Compressor:
        made = zstd.ZstdCompressor(level)
        return Compressor(
            made.compress,
            lambda data: made.compress(data, made.FLUSH_BLOCK),
            lambda data: made.compress(data, made.FLUSH_FRAME),
        )

    return make


_LOADERS = {"zstd": _zstd, "br": _brotli, "gzip": _gzip}
#: The codings there may be, with their levels: the lowest, the highest. A window above 8 MiB, as
#: the levels of zstd above 19 have it, is not for HTTP (RFC 9659).
CODINGS = {"zstd": (1, 19), "br": (0, 11), "gzip": (1, 9)}


def load_compressor(coding: str) -> Callable[[int], Compressor]:
    """Return what makes compressors of a coding, for a level.

    Raises:
        ImportError: When its library is not installed.
        KeyError: When there is no such coding.
    """
    return _LOADERS[coding]()
