"""What may stand in a Host field, and which hosts an application answers for.

What gets into URLs that are built from it, as does a slash, poisons links and caches.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from werkzeug.exceptions import SecurityError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SEEN_HOSTS", "host_is_trusted", "is_host", "refusal", "split_port"]

_PORT = r"(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[0-5]?[0-9]{1,4})"
# A name, an IPv4 or a bracketed IPv6 address, and a port (RFC 9110 section 7.2). With underscores,
# which containers' networks are full of. Compiled by `re` at the first host, not at the import.
_HOST = rf"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::{_PORT})?"

#: Hosts that were looked at and are fine, as text and as bytes, so that each is looked at once.
SEEN_HOSTS: set[str | bytes | None] = {None, "", b""}
_MAX_SEEN = 1_000  # they come from clients: the memory for them is bounded


def is_host(host: str | bytes) -> bool:
    """Whether a Host field is one: a name or an address, and maybe a port."""
    text = host if isinstance(host, str) else host.decode("latin-1")
    if re.fullmatch(_HOST, text, re.ASCII) is None or (text[0] == "[" and not _is_ipv6(text)):
        return False
    if "xn--" in text.lower() and not _is_idna(text):
        return False
    if len(SEEN_HOSTS) < _MAX_SEEN and len(host) < 256:
        SEEN_HOSTS.add(host)
    return True


def _is_ipv6(host: str) -> bool:
    from ipaddress import IPv6Address

    try:
        IPv6Address(host[1 : host.index("]")])
    except ValueError:  # urlsplit raises it for a URL with such a host
        return False
    return True


def _is_idna(host: str) -> bool:
    """Whether the encoded labels can be decoded, which ``request.url`` does (RFC 3490)."""
    try:
        split_port(host)[0].encode().decode("idna")
    except UnicodeError:
        return False
    return True


def refusal(host: str | bytes) -> SecurityError | None:
    """Return the error (400) for a Host field that is none, ``None`` for a good one."""
    return None if is_host(host) else SecurityError("The Host header is not a valid host.")


def split_port(host: str) -> tuple[str, str]:
    """Return the host and its port, which is empty when there is none."""
    end = host.rfind("]") + 1  # of an IPv6 address, which has colons of its own
    name, _, port = host[end:].partition(":")
    return host[:end] + name, port


def host_is_trusted(host: str, trusted: Iterable[str] | str) -> bool:
    """Whether a host is one of those; one that starts with a dot stands for all below it, too.

    Ports are not compared, and neither is case.
    """
    name = _name(host)
    for entry in [trusted] if isinstance(trusted, str) else trusted:
        known = _name(entry.removeprefix("."))
        if name == known or (entry[:1] == "." and name.endswith(f".{known}")):
            return True
    return False


def _name(host: str) -> str:
    """Return the host without its port, in lower case and in the form that is sent."""
    name = split_port(host)[0]
    if not name.isascii():
        name = name.encode("idna").decode("ascii")
    return name.lower()
