"""Our own address, and whether a form was sent from one of our own pages.

Browsers say where a request comes from, and pages of other sites can't change what they say. That
is all it takes against forged logins and logouts, without a token that every page would have to
carry and every cache would have to respect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from werkzeug.urls import iri_to_uri

if TYPE_CHECKING:
    from cruse import Request

__all__ = ["is_same_origin", "is_this_machine", "origin_of"]


def is_this_machine(host: str) -> bool:
    """Whether a host is a name of this machine, so that nobody listens in (RFC 6761)."""
    return host in ("localhost", "127.0.0.1", "::1") or host.endswith(".localhost")


def origin_of(url: str) -> str:
    """Return the origin of a URL, as browsers write it (HTML, "serialization of an origin").

    The name of an app on a phone, such as ``android:apk-key-hash:...``, is one by itself.
    """
    parts = urlsplit(url if url.isascii() else iri_to_uri(url))
    if not parts.netloc:
        return url
    default = {"https": ":443", "http": ":80"}.get(parts.scheme, "")
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(default)}"


def is_same_origin(request: Request, external_url: str | None = None) -> bool:
    """Whether a request may have an effect, going by where it comes from.

    ``Sec-Fetch-Site`` decides where it is sent. Older browsers send ``Origin`` with every POST;
    its host must be ours (the scheme is not compared: behind a proxy we may not know it). Clients
    that send neither are no browsers, so there is nobody whose login could be forged.

    Args:
        request: The request.
        external_url: Where browsers reach the application, if that is another host.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    hosts = {request.host, urlsplit(external_url or "").netloc}
    try:
        return urlsplit(origin).netloc in hosts - {""}
    except ValueError:
        return False
