"""What the synchronous and the asynchronous test client share: requests, cookies, sessions."""

from __future__ import annotations

from contextlib import contextmanager
from copy import copy
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import werkzeug.test
from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wsgi import get_current_url

from cruse.bridge import driven
from cruse.testing.contexts import KeptContexts
from cruse.testing.environ import EnvironBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.datastructures import Headers
    from werkzeug.test import TestResponse
    from werkzeug.wrappers import Response as WerkzeugResponse

    from cruse.app import Cruse
    from cruse.sessions import SessionMixin

__all__ = ["BaseClient"]


class BaseClient(werkzeug.test.Client):
    """werkzeug's client, which knows the application it calls.

    Args:
        application: The application.
        response_wrapper: The class of responses.
        use_cookies: Whether cookies are kept from one request to the next.
        allow_subdomain_redirects: Whether redirects to subdomains are followed.
    """

    application: Cruse

    def __init__(
        self,
        application: Cruse,
        response_wrapper: type[WerkzeugResponse] | None = None,
        use_cookies: bool = True,
        allow_subdomain_redirects: bool = False,
    ) -> None:
        super().__init__(application, response_wrapper, use_cookies, allow_subdomain_redirects)
        self.contexts = KeptContexts()
        #: What every request's environ begins with.
        self.environ_base: dict[str, Any] = {
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_USER_AGENT": f"Werkzeug/{version('werkzeug')}",
        }

    @contextmanager
    def session_transaction(self, *args: Any, **kwargs: Any) -> Iterator[SessionMixin]:
        """Open the session that the next request will see, and save it at the end of the block.

        ::

            with client.session_transaction() as session:
                session["user_id"] = 42

        Args:
            args: Arguments of ``app.test_request_context()``, for sessions that depend on the
                request.
            kwargs: The same.

        Raises:
            TypeError: When the client does not keep cookies.
            RuntimeError: When the application has no sessions, mostly for want of a secret key.
        """
        if self._cookies is None:
            raise TypeError("The client keeps no cookies. Make it with 'use_cookies=True'.")
        app = self.application
        context = app.test_request_context(*args, **kwargs)
        interface = app.session_interface
        self._add_cookies_to_wsgi(context.request.environ)
        with context:
            session = driven(interface.open(app, context.request, app.bridge))
        if session is None:
            raise RuntimeError("The application opened no session. Set its 'secret_key'.")
        yield session
        if interface.is_null_session(session):
            return
        response = app.response_class()
        with context:
            driven(interface.save(app, session, response, app.bridge))
        self.keep_cookies(context.request.environ, response.headers)

    def build_request(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> WerkzeugRequest:
        """Return the request that arguments of ``open()`` describe.

        They are those of :class:`EnvironBuilder`, or one builder, environ or request.
        """
        if args and not kwargs:
            match args[0]:
                case werkzeug.test.EnvironBuilder() as builder:
                    builder = copy(builder)
                    builder.environ_base = self._with_base(builder.environ_base or {})
                    return builder.get_request()
                case dict() as environ:
                    return EnvironBuilder.from_environ(
                        environ, app=self.application, environ_base=self._with_base({})
                    ).get_request()
                case WerkzeugRequest() as request:
                    request = copy(request)
                    request.environ = self._with_base(request.environ)
                    return request
        kwargs["environ_base"] = self._with_base(kwargs.get("environ_base") or {})
        builder = EnvironBuilder(self.application, *args, **kwargs)
        try:
            return builder.get_request()
        finally:
            builder.close()

    def _with_base(self, environ: Mapping[str, Any]) -> WSGIEnvironment:
        complete = {**self.environ_base, **environ}
        if self.contexts.enabled:
            complete[KeptContexts.KEY] = self.contexts.hand_over
        return complete

    def add_cookies(self, environ: WSGIEnvironment) -> None:
        """Put the cookies that belong to a request into its environ."""
        self._add_cookies_to_wsgi(environ)

    def keep_cookies(self, environ: WSGIEnvironment, headers: Headers) -> None:
        """Keep the cookies that the answer to a request set."""
        url = urlsplit(get_current_url(environ))
        self._update_cookies_from_response(
            url.hostname or "localhost", url.path, headers.getlist("Set-Cookie")
        )

    def finish(self, response: TestResponse) -> TestResponse:
        """Let a response parse JSON the way the application does."""
        response.json_module = self.application.json  # type: ignore[assignment]
        return response
