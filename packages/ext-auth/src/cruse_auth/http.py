"""The HTTP client for talking to providers: bounded in time and size, and replaceable.

Providers are other people's servers. A reply that drips, never ends, or redirects elsewhere must
not hold a worker or fill its memory, so each request has one deadline and one size limit, and
redirects are not followed.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import httpx2

from cruse_auth.errors import ProviderError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from cruse import Cruse
    from cruse_auth.steps import Fetch

__all__ = ["Http", "InProcess", "Reply"]


@dataclass(frozen=True)
class Reply:
    """What a provider answered."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    #: It may hold tokens, which a traceback should not show.
    body: bytes = field(repr=False)

    def json(self) -> dict[str, Any]:
        """Return the body, which has to be a JSON object.

        Raises:
            ProviderError: When it is anything else.
        """
        value = self._load()
        if not isinstance(value, dict):
            raise ProviderError("the reply is JSON, but not an object")
        return value

    def json_list(self) -> list[Any]:
        """Return the body, which has to be a JSON array; as :meth:`json`."""
        value = self._load()
        if not isinstance(value, list):
            raise ProviderError("the reply is JSON, but not an array")
        return value

    def _load(self) -> Any:
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise ProviderError(f"the reply (status {self.status}) is not JSON") from error


@lru_cache(1)
def ssl_context() -> ssl.SSLContext:
    # Reading the certificates takes tens of milliseconds, so it is done once per process.
    return httpx2.create_ssl_context()


class Http:
    """A client for the few requests of one login; it keeps its connections until it is closed.

    Args:
        timeout: Seconds that one request may take, from the first byte sent to the last read.
        max_bytes: The most bytes that a reply's body may have.
        transport: Used instead of the network, such as :class:`InProcess`.
    """

    def __init__(self, timeout: float, max_bytes: int, transport: Any = None) -> None:
        self.timeout = timeout
        self.max_bytes = max_bytes
        self.transport = transport
        self._client: httpx2.Client | None = None
        self._async_client: httpx2.AsyncClient | None = None

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"timeout": self.timeout, "follow_redirects": False}
        if self.transport is not None:
            return {**options, "transport": self.transport}
        return {**options, "verify": ssl_context()}

    def fetch(self, fetch: Fetch) -> Reply:
        """Send a request and return the reply.

        Raises:
            ProviderError: When there is none, or it is too large or too slow.
        """
        client = self._client
        if client is None:
            client = self._client = httpx2.Client(**self._options())
        body, deadline = bytearray(), time.monotonic() + self.timeout
        try:
            with client.stream(
                fetch.method, fetch.url, headers=fetch.headers, content=fetch.body.encode()
            ) as response:
                for chunk in response.iter_bytes():
                    self._take(body, chunk, deadline, fetch)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise _unreachable(fetch, error) from error
        return Reply(response.status_code, response.headers, bytes(body))

    async def afetch(self, fetch: Fetch) -> Reply:
        """Send a request and return the reply, without blocking; as :meth:`fetch`."""
        client = self._async_client
        if client is None:
            client = self._async_client = httpx2.AsyncClient(**self._options())
        body, deadline = bytearray(), time.monotonic() + self.timeout
        try:
            async with client.stream(
                fetch.method, fetch.url, headers=fetch.headers, content=fetch.body.encode()
            ) as response:
                async for chunk in response.aiter_bytes():
                    self._take(body, chunk, deadline, fetch)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise _unreachable(fetch, error) from error
        return Reply(response.status_code, response.headers, bytes(body))

    def _take(self, body: bytearray, chunk: bytes, deadline: float, fetch: Fetch) -> None:
        body += chunk
        if len(body) > self.max_bytes:
            raise ProviderError(
                f"the reply of {fetch.url} is longer than {self.max_bytes} bytes"
                " (AUTH_HTTP_MAX_BYTES)"
            )
        if time.monotonic() > deadline:
            raise ProviderError(
                f"the reply of {fetch.url} took longer than {self.timeout} s (AUTH_HTTP_TIMEOUT)"
            )

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def aclose(self) -> None:
        """Close the connections of the async client."""
        if self._async_client is not None:
            await self._async_client.aclose()
            self._async_client = None


def _unreachable(fetch: Fetch, error: Exception) -> ProviderError:
    return ProviderError(f"{fetch.method} {fetch.url} failed: {type(error).__name__}: {error}")


class InProcess(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """Sends requests to an application in this process instead of the network.

    Works in any server: a single-threaded WSGI worker that asked itself over the network would
    wait for ever, because it is busy asking. Plain code calls the application's WSGI face in the
    same thread, async code its ASGI face on the same loop.

    Args:
        app: The application.
    """

    def __init__(self, app: Cruse) -> None:
        self._wsgi = httpx2.WSGITransport(app=app.wsgi_app)
        self._asgi = httpx2.ASGITransport(app=app.asgi_app)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer a request of the plain client."""
        return self._wsgi.handle_request(request)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer a request of the async client."""
        return await self._asgi.handle_async_request(request)
