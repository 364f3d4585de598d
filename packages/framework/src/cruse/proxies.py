"""What the proxies in front say about a request, believed as far as the settings say.

Anybody can send these fields. So nothing in them counts unless ``TRUSTED_PROXIES`` says how many
proxies there are, or where; then the entries are read from the right, where each proxy adds its
own, and those further left, which came with the request, are never looked at. An entry that counts
and makes no sense is answered with 400: to go on as if it was not there would show the proxy's
address, the trusted one, in place of the client's.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any, NamedTuple

from werkzeug.exceptions import SecurityError

from cruse.hosts import is_host, split_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cruse.typing import Scope, WSGIEnvironment

__all__ = ["KNOWN_FIELDS", "TrustedProxies"]

#: The fields that can be trusted, and what each tells.
KNOWN_FIELDS = {
    "forwarded": "all",
    "x-forwarded-for": "for",
    "x-forwarded-proto": "proto",
    "x-forwarded-host": "host",
    "x-forwarded-port": "port",
    "x-forwarded-prefix": "prefix",
}
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
# No second slash (it would make a host of what follows), no dots alone, nothing to be decoded.
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~!$&'()*+,;=:@-]+)*/?", re.ASCII)
# One parameter of RFC 7239 section 4 and what ends it. Colons are allowed without quotes: proxies
# write addresses that way.
_PARAMETER = re.compile(
    r"""[ \t]*+(?:([A-Za-z0-9!#$%&'*+.^_`|~-]+)=("(?:[^"\\]|\\.)*"|[^\s",;=\\]+))?"""
    r"""[ \t]*([,;]|\Z)"""
)


class Forwarded(NamedTuple):
    """What is known of the request as the client sent it; ``None`` for "as it came"."""

    #: The addresses on its way, the client's first. Empty when a proxy says it is unknown.
    route: tuple[str, ...] | None = None
    port: str | None = None
    scheme: str | None = None
    host: str | None = None
    prefix: str | None = None


class TrustedProxies:
    """Reads the forwarding fields of a request.

    Args:
        proxies: How many proxies there are; or their addresses and networks, of which
            ``"unix"`` stands for whoever connects by a socket of this machine.
        fields: The fields that they set.
    """

    def __init__(self, proxies: int | Iterable[str], fields: Iterable[str]) -> None:
        self.hops = proxies if isinstance(proxies, int) else None
        names = () if isinstance(proxies, int) else tuple(proxies)
        self.networks = [ip_network(name) for name in names if name != "unix"]
        self.local = "unix" in names
        self.fields = frozenset(fields)
        self._keys = {
            name: f"HTTP_{name.upper().replace('-', '_')}" for name in (*self.fields, "host")
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> TrustedProxies | None:
        """Return what the settings ask for, ``None`` when they trust nobody.

        Raises:
            TypeError: When ``TRUSTED_PROXIES`` or ``TRUSTED_PROXY_HEADERS`` has a wrong type.
            ValueError: When it has the right one, but cannot be used.
        """
        proxies = config["TRUSTED_PROXIES"]
        if not proxies and not isinstance(proxies, bool):
            return None
        if isinstance(proxies, str):
            proxies = [name.strip() for name in proxies.split(",")]
        if isinstance(proxies, bool) or not isinstance(proxies, int | list | tuple | set):
            raise TypeError(
                "The setting 'TRUSTED_PROXIES' must be a number of proxies or a list of their "
                f"addresses and networks, not {type(proxies).__name__}."
            )
        fields = [name.lower() for name in config["TRUSTED_PROXY_HEADERS"]]
        unknown = sorted(set(fields) - KNOWN_FIELDS.keys())
        if unknown or isinstance(config["TRUSTED_PROXY_HEADERS"], str):
            raise ValueError(
                "The setting 'TRUSTED_PROXY_HEADERS' must be a list of some of "
                f"{', '.join(map(repr, KNOWN_FIELDS))}, not {config['TRUSTED_PROXY_HEADERS']!r}."
            )
        if isinstance(proxies, int) and proxies < 0:
            raise ValueError("The setting 'TRUSTED_PROXIES' is a negative number of proxies.")
        try:
            return cls(proxies, fields)
        except ValueError as error:
            raise ValueError(f"The setting 'TRUSTED_PROXIES' is wrong: {error}.") from None

    # -- the faces --

    def rewrite_environ(self, environ: WSGIEnvironment) -> None:
        """Make an environ tell of the request as the client sent it.

        Raises:
            SecurityError: When what a trusted proxy says makes no sense (400).
        """
        if "cruse.access_route" in environ:
            return  # done, by the application that this one is mounted in
        fields = {name: environ[key] for name, key in self._keys.items() if key in environ}
        found = self.read(environ.get("REMOTE_ADDR"), fields)
        if found is None:
            return
        peer = environ.get("REMOTE_ADDR")
        environ["cruse.access_route"] = _known(found.route, peer)
        if found.route is not None:
            environ.pop("REMOTE_ADDR", None)
            environ.pop("REMOTE_PORT", None)
            if found.route:
                environ["REMOTE_ADDR"] = found.route[0]
            if found.port is not None:
                environ["REMOTE_PORT"] = found.port
        if found.scheme is not None:
            environ["wsgi.url_scheme"] = found.scheme
        if found.host is not None:
            environ["HTTP_HOST"] = found.host
        if found.prefix is not None:
            environ["SCRIPT_NAME"] = found.prefix

    def rewrite_scope(self, scope: Scope, path: str) -> Scope:
        """Return an ASGI scope that tells of the request as the client sent it.

        Args:
            scope: The scope as the server made it.
            path: Its path below its root.

        Raises:
            SecurityError: When what a trusted proxy says makes no sense (400).
        """
        if "cruse.access_route" in scope:
            return scope
        fields: dict[str, str] = {}
        for raw_name, raw_value in scope["headers"]:
            name = raw_name.decode("latin-1").lower()
            if name in self._keys:
                value = raw_value.decode("latin-1")
                fields[name] = f"{fields[name]},{value}" if name in fields else value
        client = scope.get("client")
        found = self.read(client[0] if client else None, fields)
        if found is None:
            return scope
        scope = dict(scope)
        scope["cruse.access_route"] = _known(found.route, client[0] if client else None)
        if found.route is not None:
            port = found.port
            scope["client"] = (found.route[0], int(port or 0)) if found.route else None
        if found.scheme is not None:
            secure = {"http": "ws", "https": "wss"} if scope["type"] == "websocket" else {}
            scope["scheme"] = secure.get(found.scheme, found.scheme)
        if found.host is not None:
            host = (b"host", found.host.encode("latin-1"))
            scope["headers"] = [host, *(f for f in scope["headers"] if f[0].lower() != b"host")]
        if found.prefix is not None:
            scope["root_path"] = found.prefix
            scope["path"] = f"{found.prefix}{path}"
        return scope

    # -- what is common to them --

    def read(self, peer: str | None, fields: Mapping[str, str]) -> Forwarded | None:
        """Return what the trusted proxies say, ``None`` when they say nothing.

        Args:
            peer: The address of who has connected, if it has one.
            fields: The trusted fields and ``host``, by names in lower case.
        """
        if self.hops is None and not self._trusts(_plain(peer)):
            return None
        said = _columns({name: value for name, value in fields.items() if name in self.fields})
        if not any(said.values()):
            return None
        hops = self._hops(said["for"])
        node = _entry(said["for"], hops)
        return Forwarded(
            route=None if node is None else _route(said["for"][-hops:]),
            port=None if node is None else _node(node)[1],
            scheme=_scheme(_entry(said["proto"], hops)),
            host=_host(
                _entry(said["host"], hops),
                _entry(said["port"], hops),
                fields.get("host"),
                _scheme(_entry(said["proto"], hops)),
            ),
            prefix=_prefix(_entry(said["prefix"], hops)),
        )

    def _hops(self, nodes: list[str]) -> int:
        """Return how many proxies of ours the request has come through."""
        if self.hops is not None:
            return self.hops
        hops = 1
        while hops < len(nodes):
            address = _node(nodes[-hops])[0]
            if address is None or not self._trusts(address):
                break
            hops += 1
        return hops

    def _trusts(self, address: str | None) -> bool:
        if address is None:
            return self.local
        parsed = ip_address(address)
        return any(parsed in network for network in self.networks)


def _columns(fields: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the entries of each kind, in the order in which proxies have added them."""
    said: dict[str, list[str]] = {kind: [] for kind in ("for", "proto", "host", "port", "prefix")}
    for name, value in fields.items():
        if name != "forwarded":
            said[KNOWN_FIELDS[name]] = [part for part in map(str.strip, value.split(",")) if part]
    if "forwarded" in fields:  # the standard goes before the custom
        elements = _elements(fields["forwarded"])
        said["for"] = [element.get("for", "unknown") for element in elements]
        for kind in ("proto", "host"):
            said[kind] = [element.get(kind, "") for element in elements]
    return said


def _known(route: tuple[str, ...] | None, peer: str | None) -> tuple[str, ...]:
    """Return the addresses for ``request.access_route``, which also say that this was done."""
    if route is None:
        return (peer,) if peer else ()
    return route


def _entry(entries: list[str], hops: int) -> str | None:
    """Return what the outermost of the trusted proxies that said anything has said.

    A field may have fewer entries than there are proxies: many write it anew instead of adding.
    """
    return next((entry for entry in entries[-hops:] if entry), None)


def _elements(value: str) -> list[dict[str, str]]:
    """Parse a ``Forwarded`` field (RFC 7239 section 4)."""
    elements: list[dict[str, str]] = [{}]
    position = 0
    while position < len(value):
        match = _PARAMETER.match(value, position)
        if match is None:
            raise SecurityError("The Forwarded header cannot be read.")
        name, text, end = match.groups()
        if name is not None:
            if name.lower() in elements[-1]:
                raise SecurityError("The Forwarded header says something twice.")
            if text.startswith('"'):
                text = re.sub(r"\\(.)", r"\1", text[1:-1])
            elements[-1][name.lower()] = text
        if end == ",":
            elements.append({})
        position = match.end()
    return [element for element in elements if element]


def _route(nodes: list[str]) -> tuple[str, ...]:
    addresses = [_node(node)[0] for node in nodes]
    if addresses[0] is None:
        return ()
    return tuple(address for address in addresses if address is not None)


@lru_cache(1024)
def _node(text: str) -> tuple[str | None, str | None]:
    """Return address and port of a node (RFC 7239 section 6); ``None`` where they are hidden."""
    if text.lower() == "unknown" or text.startswith("_"):
        return None, None
    address, port = text, ""
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.count(":") == 1:
        address, _, port = text.partition(":")
    plain = None if "%" in address else _plain(address)
    if plain is None:
        raise SecurityError("The address in a forwarding header is none.")
    return plain, port if _is_port(port) else None


def _plain(address: str | None) -> str | None:
    """Return an address in its usual form, ``None`` when it is none."""
    try:
        parsed = ip_address((address or "").partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)  # how IPv4 clients look to a server that listens on IPv6
    return str(parsed)


def _is_port(text: str) -> bool:
    return _PORT.fullmatch(text) is not None and int(text) < 65536


def _scheme(text: str | None) -> str | None:
    if text is None:
        return None
    scheme = _SCHEMES.get(text.lower())
    if scheme is None:
        raise SecurityError("The scheme in a forwarding header is neither http nor https.")
    return scheme


def _host(
    text: str | None, port: str | None, current: str | None, scheme: str | None
) -> str | None:
    """Return the Host field as the client sent it, ``None`` when the one that came is that."""
    if port is not None and not _is_port(port):
        raise SecurityError("The port in a forwarding header is none.")
    if text is None and (port is None or current is None):
        return None
    host = text if text is not None else current or ""
    if not is_host(host):
        if text is None:
            return None  # the field that came is refused as it is without proxies
        raise SecurityError("The host in a forwarding header is none.")
    name, own_port = split_port(host)
    port = port or own_port
    usual = not port or port == _DEFAULT_PORTS.get(scheme or "")
    return name if usual else f"{name}:{port}"


def _prefix(text: str | None) -> str | None:
    if text is None:
        return None
    if _PREFIX.fullmatch(text) is None:
        raise SecurityError("The path in a forwarding header is none.")
    return text.rstrip("/")
