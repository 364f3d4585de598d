"""The synchronous test client, on either face of the application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import werkzeug.test

from cruse.testing.base import BaseClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.datastructures import Headers
    from werkzeug.test import TestResponse
    from werkzeug.wrappers import Response as WerkzeugResponse

    from cruse.app import Cruse
    from cruse.testing.loop import AsgiOnLoop
    from cruse.testing.websocket import TestWebSocket

__all__ = ["CruseClient"]

Gateway = Literal["wsgi", "asgi"]
SHORT = 64 * 1024  # bytes of a body that is taken at once


class _ClosedAtEnd:
    """A body that is closed when it has been read, as servers close it.

    Else a test that reads ``response.text`` of a file leaves the file open.
    """

    def __init__(self, body: Iterable[bytes]) -> None:
        self.chunks = iter(body)
        self.close_body: Callable[[], None] = getattr(body, "close", lambda: None)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self.chunks)
        except StopIteration:
            self.close()
            raise

    def close(self) -> None:
        """Close the body, also when it was not read to its end."""
        self.close_body()


class CruseClient(BaseClient):
    """Makes requests to an application without a server; see :class:`werkzeug.test.Client`.

    In a ``with`` block the context of the last request stays until the next one or the end of the
    block, so that ``request``, ``session`` and ``g`` can be looked at::

        with app.test_client() as client:
            client.get("/?name=Ada")
            assert request.args["name"] == "Ada"

    The teardown functions of that request run when its context is dropped.

    Args:
        application: The application.
        response_wrapper: The class of responses.
        use_cookies: Whether cookies are kept from one request to the next.
        allow_subdomain_redirects: Whether redirects to subdomains are followed.
        gateway: ``"asgi"`` calls the asynchronous face of the application, on an event loop that
            belongs to the client and runs while a request is answered.
    """

    def __init__(
        self,
        application: Cruse,
        response_wrapper: type[WerkzeugResponse] | None = None,
        use_cookies: bool = True,
        allow_subdomain_redirects: bool = False,
        *,
        gateway: Gateway = "wsgi",
    ) -> None:
        super().__init__(application, response_wrapper, use_cookies, allow_subdomain_redirects)
        if gateway not in ("wsgi", "asgi"):
            raise ValueError(f"The gateway of a test client is 'wsgi' or 'asgi', not {gateway!r}.")
        self.gateway = gateway
        self._asgi: AsgiOnLoop | None = None
        self._starts = False  # whether the application is started on this client's loop
        if gateway == "asgi":
            from cruse.testing.loop import AsgiOnLoop

            self._asgi = AsgiOnLoop(application)

    def open(
        self, *args: Any, buffered: bool = False, follow_redirects: bool = False, **kwargs: Any
    ) -> TestResponse:
        """Make a request and return the response.

        Args:
            args: The path and further arguments of :class:`EnvironBuilder`, or one builder,
                environ or request.
            buffered: Whether to read the whole body at once.
            follow_redirects: Whether to go where redirects point, up to another answer;
                ``response.history`` holds the redirects.
            kwargs: Arguments of :class:`EnvironBuilder`: ``method``, ``data``, ``json``,
                ``query_string``, ``headers``, ``base_url``, ``subdomain``, ``auth`` ...
        """
        request = self.build_request(args, kwargs)
        self.contexts.drop()
        response = super().open(request, buffered=buffered, follow_redirects=follow_redirects)
        self.contexts.push()
        return self.finish(response)

    def run_wsgi_app(
        self, environ: WSGIEnvironment, buffered: bool = False
    ) -> tuple[Iterable[bytes], str, Headers]:
        """Call the application through the client's gateway."""
        if self._asgi is None:
            body, status, headers = super().run_wsgi_app(environ, buffered=buffered)
            if buffered:
                return body, status, headers
            body = _ClosedAtEnd(body)
            # A server sends the body whether or not a test looks at it, and what happens at its
            # end happens then; only what is long or of unknown length is left to be taken.
            short = headers.get("Content-Length", SHORT + 1, type=int) <= SHORT
            return ([b"".join(body)] if short else body), status, headers
        environ = dict(environ)
        self.add_cookies(environ)
        self._starts = self._starts or not self.application.lifecycle.started
        parts = werkzeug.test.run_wsgi_app(self._asgi, environ, buffered=buffered)
        self.keep_cookies(environ, parts[2])
        return parts

    def websocket(
        self, *args: Any, subprotocols: Sequence[str] = (), **kwargs: Any
    ) -> TestWebSocket:
        """Open a websocket for a ``with`` block; with ``gateway="asgi"`` only.

        ::

            with client.websocket("/echo") as socket:
                socket.send("Hello")
                assert socket.receive() == "Hello"

        Args:
            args: The path and further arguments, as for :meth:`open`.
            subprotocols: What to offer, best first.
            kwargs: Further arguments: ``headers``, ``query_string`` ...

        Raises:
            RuntimeError: When the client calls the application's WSGI face, which has none.
            WebSocketRejected: On entering the block, when the application answers otherwise.
        """
        if self._asgi is None:
            raise RuntimeError(
                "WSGI has no websockets: test them with 'app.test_client(gateway=\"asgi\")'."
            )
        from cruse.testing.websocket import AsyncTestWebSocket, TestWebSocket

        self._starts = self._starts or not self.application.lifecycle.started
        return TestWebSocket(
            self._asgi, lambda: AsyncTestWebSocket(self, args, kwargs, subprotocols)
        )

    @property
    def preserve_context(self) -> bool:
        """Whether the context of a request is kept after it: inside a ``with`` block."""
        return self.contexts.enabled

    def close(self) -> None:
        """Drop what is kept of the last request, and close the event loop if there is one.

        An application that the client's first request started, as a server would, is stopped
        before, on the same loop. A client that is simply dropped closes its loop too, but leaves
        the application started.
        """
        self.contexts.drop()
        if self._asgi is None:
            return
        try:
            if self._starts:
                self._starts = False
                self._asgi.run(self.application.stop_on_loop())
        finally:
            self._asgi.close()

    def __enter__(self) -> Self:
        if self.contexts.enabled:
            raise RuntimeError("The client is in a 'with' block already; they cannot be nested.")
        self.contexts.enabled = True
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.contexts.enabled = False
        self.contexts.drop()
