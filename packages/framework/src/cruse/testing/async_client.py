"""The asynchronous test client: the same requests, awaited on the running loop."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from werkzeug.test import ClientRedirectError

from cruse.testing.asgi import Exchange, Lifespan
from cruse.testing.base import BaseClient
from cruse.testing.websocket import AsyncTestWebSocket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import Self

    from werkzeug.datastructures import Headers
    from werkzeug.test import Cookie, EnvironBuilder, TestResponse
    from werkzeug.wrappers import Request as WerkzeugRequest
    from werkzeug.wrappers import Response as WerkzeugResponse

    from cruse.app import Cruse
    from cruse.sessions import SessionMixin

__all__ = ["AsyncCruseClient", "StreamedResponse"]

REDIRECTS = {301, 302, 303, 305, 307, 308}


class StreamedResponse:
    """A response whose body is still coming: iterate it with ``async for``.

    Args:
        exchange: The exchange with the application, started.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.status: str = exchange.status
        self.status_code: int = int(exchange.status.partition(" ")[0])
        self.headers: Headers = exchange.headers
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self._exchange.read()) is not None:
            yield piece


class _Prepared(BaseClient):
    """Does what needs no waiting for the asynchronous client."""

    def redirected(self, response: TestResponse) -> EnvironBuilder:
        """Return the request that a redirect asks for."""
        # werkzeug ends by calling open() with the new request; here open() hands it back.
        return cast("EnvironBuilder", self.resolve_redirect(response))

    def open(self, *args: Any, **kwargs: Any) -> Any:
        return args[0]


class AsyncCruseClient:
    """Makes requests to the asynchronous face of an application, without a server.

    ``async with`` runs the application's startup and shutdown functions around the block, on the
    running loop::

        async with app.async_test_client() as client:
            response = await client.post("/login", data={"name": "Ada"})
            assert response.status_code == 302

    Args:
        application: The application.
        response_wrapper: The class of responses.
        use_cookies: Whether cookies are kept from one request to the next.
        allow_subdomain_redirects: Whether redirects to subdomains are followed.
    """

    def __init__(
        self,
        application: Cruse,
        response_wrapper: type[WerkzeugResponse] | None = None,
        use_cookies: bool = True,
        allow_subdomain_redirects: bool = False,
    ) -> None:
        self.application = application
        self._client = _Prepared(
            application, response_wrapper, use_cookies, allow_subdomain_redirects
        )
        self._lifespan: Lifespan | None = None

    @property
    def environ_base(self) -> dict[str, Any]:
        """What every request begins with, as keys of a WSGI environ."""
        return self._client.environ_base

    async def open(
        self, *args: Any, follow_redirects: bool = False, **kwargs: Any
    ) -> TestResponse:
        """Make a request, wait for the whole response and return it.

        The arguments are those of :meth:`cruse.testing.CruseClient.open`.
        """
        response = await self._send(self._client.build_request(args, kwargs))
        history: list[TestResponse] = []
        seen: set[tuple[str | None, int]] = set()
        while follow_redirects and response.status_code in REDIRECTS:
            step = (response.location, response.status_code)
            if step in seen:
                raise ClientRedirectError(
                    f"Loop detected: a {step[1]} redirect to {step[0]} was followed already."
                )
            seen.add(step)
            response.history = tuple(history)
            history.append(response)
            builder = self._client.redirected(response)
            response = await self._send(self._client.build_request((builder,), {}))
        response.history = tuple(history)
        return response

    async def _send(self, request: WerkzeugRequest) -> TestResponse:
        exchange = await self._start(request)
        try:
            pieces = [piece async for piece in StreamedResponse(exchange)]
        finally:
            await exchange.close()
        response = self._client.response_wrapper(
            pieces, exchange.status, exchange.headers, request=request
        )
        response.call_on_close(request.input_stream.close)
        return self._client.finish(response)

    async def _start(self, request: WerkzeugRequest) -> Exchange:
        environ = dict(request.environ)
        self._client.add_cookies(environ)
        state = None if self._lifespan is None else self._lifespan.state
        exchange = Exchange(self.application, environ, state)
        await exchange.start()
        self._client.keep_cookies(environ, exchange.headers)
        return exchange

    @asynccontextmanager
    async def stream(self, *args: Any, **kwargs: Any) -> AsyncIterator[StreamedResponse]:
        """Make a request and hand out the response while its body is still being sent.

        Leaving the block early is a client that disconnects::

            async with client.stream("/events") as response:
                async for piece in response:
                    break
        """
        exchange = await self._start(self._client.build_request(args, kwargs))
        try:
            yield StreamedResponse(exchange)
        finally:
            await exchange.close()

    def websocket(
        self, *args: Any, subprotocols: Sequence[str] = (), **kwargs: Any
    ) -> AsyncTestWebSocket:
        """Open a websocket for an ``async with`` block.

        ::

            async with client.websocket("/echo") as socket:
                await socket.send("Hello")
                assert await socket.receive() == "Hello"

        Args:
            args: The path and further arguments, as for :meth:`open`.
            subprotocols: What to offer, best first.
            kwargs: Further arguments: ``headers``, ``query_string`` ...

        Raises:
            WebSocketRejected: On entering the block, when the application answers otherwise.
        """
        state = None if self._lifespan is None else self._lifespan.state
        return AsyncTestWebSocket(self._client, args, kwargs, subprotocols, state)

    async def get(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Make a GET request."""
        return await self.open(*args, **{**kwargs, "method": "GET"})

    async def post(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Make a POST request."""
        return await self.open(*args, **{**kwargs, "method": "POST"})

    async def put(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Make a PUT request."""
        return await self.open(*args, **{**kwargs, "method": "PUT"})

    async def patch(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Make a PATCH request."""
        return await self.open(*args, **{**kwargs, "method": "PATCH"})

    async def delete(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Make a DELETE request."""
        return await self.open(*args, **{**kwargs, "method": "DELETE"})

    async def head(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Make a HEAD request."""
        return await self.open(*args, **{**kwargs, "method": "HEAD"})

    async def options(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Make an OPTIONS request."""
        return await self.open(*args, **{**kwargs, "method": "OPTIONS"})

    def session_transaction(
        self, *args: Any, **kwargs: Any
    ) -> AbstractContextManager[SessionMixin]:
        """Open the session for a ``with`` block; see :class:`cruse.testing.CruseClient`."""
        return self._client.session_transaction(*args, **kwargs)

    def get_cookie(self, key: str, domain: str = "localhost", path: str = "/") -> Cookie | None:
        """Return a cookie that is kept, or ``None``."""
        return self._client.get_cookie(key, domain, path)

    def set_cookie(self, key: str, value: str = "", **kwargs: Any) -> None:
        """Keep a cookie as if a response had set it; see :class:`werkzeug.test.Client`."""
        self._client.set_cookie(key, value, **kwargs)

    def delete_cookie(self, key: str, *, domain: str = "localhost", path: str = "/") -> None:
        """Forget a cookie."""
        self._client.delete_cookie(key, domain=domain, path=path)

    async def __aenter__(self) -> Self:
        self._lifespan = Lifespan(self.application)
        await self._lifespan.startup()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        lifespan, self._lifespan = self._lifespan, None
        if lifespan is not None:
            await lifespan.shutdown()
