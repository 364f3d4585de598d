"""Web origins: scheme, host and port as one text (RFC 6454)."""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["canonical_origin"]

DEFAULT_PORTS = {"http": 80, "https": 443}


def canonical_origin(text: str) -> str:
    """Return an origin the way browsers write it: lower case, no default port.

    >>> canonical_origin("HTTPS://Shop.Example:443")
    'https://shop.example'

    Args:
        text: An origin, such as ``"https://shop.example:8443"``.

    Raises:
        ValueError: When it is no origin, or more than one: it has a path, a user, no host.
    """
    parts = urlsplit(text)
    rest = parts.path.rstrip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if not (parts.scheme and parts.hostname) or rest:
        raise ValueError(f"{text!r} is no origin; one looks like 'https://shop.example:8443'.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = parts.port
    if port is None or port == DEFAULT_PORTS.get(parts.scheme):
        return f"{parts.scheme}://{host}"
    return f"{parts.scheme}://{host}:{port}"
