"""The addresses that browsers are sent back to: which may be registered, and what is one of them.

They are compared as texts, never as parsed URLs: two parsers that disagree are how codes get
stolen (RFC 9700 section 4.1.3).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["check_redirect_uri", "host_of", "is_registered", "with_parameters"]

#: The longest address, in characters.
LONGEST = 2000

#: An address of this machine, where programs listen that are no servers (RFC 8252 section 7.3).
_LOOPBACK = re.compile(
    r"(?P<host>http://(?:127\.0\.0\.1|\[::1\]|localhost))(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>|[/?].*)",
    re.ASCII,
)
#: What a URI consists of (RFC 3986 section 2); browsers take a backslash for a slash.
_URI = re.compile(r"[!$%&'()*+,./0-9:;=?@A-Z\[\]_a-z~-]+", re.ASCII)
#: A scheme of a program's own: a name in the domain of its makers, turned around (RFC 8252 7.1).
_PRIVATE = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+", re.ASCII)


def check_redirect_uri(uri: str, native: bool) -> None:
    """Check that browsers may be sent to an address.

    Args:
        uri: The address.
        native: Whether a program on the person's own machine asks, and no web server.

    Raises:
        ValueError: When they may not; it says why.
    """
    if len(uri) > LONGEST or not _URI.fullmatch(uri):
        raise ValueError(f"{uri[:100]!r} is no URI, or has a fragment.")
    parts = urlsplit(uri)
    if "@" in parts.netloc:
        raise ValueError(f"{uri!r} has a user in it.")
    if parts.scheme == "https" and parts.hostname:
        return
    if _LOOPBACK.fullmatch(uri):
        return
    if native and _PRIVATE.fullmatch(uri.partition(":")[0]):
        return
    raise ValueError(
        f"{uri!r} is neither an https:// address nor an http:// address of this machine; programs"
        " that are no web servers may have a scheme of their own, such as com.example.app:/login."
    )


def is_registered(uri: str, registered: Iterable[str], native: bool) -> bool:
    """Whether an address is one of those that were registered.

    Args:
        uri: The address that was asked for.
        registered: The addresses of the client.
        native: Whether it is a program on the person's own machine, which can't know what port
            it will get there (OAuth 2.1 section 2.3.1).
    """
    if uri in registered:
        return True
    asked = _LOOPBACK.fullmatch(uri) if native else None
    if asked is None or int(asked["port"] or 0) > 65535:
        return False
    return any(
        (known["host"], known["rest"]) == (asked["host"], asked["rest"])
        for known in map(_LOOPBACK.fullmatch, registered)
        if known is not None
    )


def host_of(uri: str) -> str | None:
    """Return the host that an address leads to; ``None`` for a program on the person's machine."""
    if not uri.startswith(("https:", "http:")) or _LOOPBACK.fullmatch(uri):
        return None
    return urlsplit(uri).hostname


def with_parameters(uri: str, parameters: dict[str, str]) -> str:
    """Return an address with more parameters; those that it has are left as they are."""
    separator = "&" if "?" in uri else "?"
    return f"{uri}{separator}{urlencode(parameters)}"
