"""Requests to addresses that others have named: never into our own network.

Who may name an address that a server calls could otherwise have it call what only the server can
reach: a database, the cloud's metadata, itself (server-side request forgery).
"""

from __future__ import annotations

import socket
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

import httpx2

from cruse_auth.http import ssl_context

if TYPE_CHECKING:
    from ipaddress import IPv4Address

__all__ = ["OutsideOnly", "is_outside"]

#: Addresses in which those of IPv4 are packed (RFC 6052).
_NAT64 = ip_network("64:ff9b::/96")
#: All addresses of IPv6 that were ever given to anybody (RFC 4291 section 2.4): beside them are
#: old private ones, and more ways to write those of IPv4.
_GIVEN = ip_network("2000::/3")


def is_outside(address: str) -> bool:
    """Whether an address is one that anybody could reach, and not of a network of ours."""
    found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        packed = found.ipv4_mapped or found.sixtofour
        if packed is None and found in _NAT64:
            packed = ip_address(int(found) & 0xFFFFFFFF)  # type: ignore[assignment]
        if packed is None and found not in _GIVEN:
            return False
        found = packed or found
    return found.is_global and not found.is_multicast


class OutsideOnly(httpx2.BaseTransport):
    """Sends requests to hosts all of whose addresses are outside.

    To the address that was looked at: a name that is looked up twice may change in between.
    """

    def __init__(self) -> None:
        self._network = httpx2.HTTPTransport(verify=ssl_context())

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer a request of the plain client.

        Raises:
            ConnectError: When the host is not outside, or there is none.
        """
        host = request.url.host
        request.url = request.url.copy_with(host=_look_up(host, request.url.port))
        # The certificate has to be that of the name.
        request.extensions = {**request.extensions, "sni_hostname": host}
        return self._network.handle_request(request)

    def close(self) -> None:
        """Close the connections."""
        self._network.close()


def _look_up(host: str, port: int | None) -> str:
    try:
        found = socket.getaddrinfo(host, port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpx2.ConnectError(f"{host} cannot be found: {error}") from error
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(map(is_outside, addresses)):
        raise httpx2.ConnectError(f"{host} is not outside of our own network")
    return addresses[0]
