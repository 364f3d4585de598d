"""``flask.Flask`` and the few names that are not simply Cruse's."""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from werkzeug.local import LocalProxy
from werkzeug.utils import redirect as redirect_of_werkzeug

from cruse.app import Cruse
from cruse.config import Config as CruseConfig
from cruse.gateway.inworker import run_wsgi
from cruse.gateway.rsgi_as_asgi import connection_of
from cruse.globals import current_context, has_app_context, has_request_context, request
from cruse.settings import DEFAULTS
from cruse.shortcuts import redirect as redirect_of_cruse
from cruse_flask.aliases import Alias
from cruse_flask.environment import mirror_environment
from cruse_flask.gone import JSON_ADVICE, Gone, Ignored

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from werkzeug.wrappers import Response as WerkzeugResponse

    from cruse.context import Context
    from cruse.testing import CruseClient
    from cruse.typing import Receive, Scope, Send

__all__ = ["Config", "Flask", "redirect", "request_ctx"]


class _FlaskType(Alias):
    """Lets ``__call__`` be replaced by one that knows WSGI only, as Sentry does it."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> _FlaskType:
        if "__call__" in namespace:
            namespace["__call__"] = _with_asgi(namespace["__call__"])
        return super().__new__(mcs, name, bases, namespace)

    def __setattr__(cls, name: str, value: Any) -> None:  # noqa: N805 - of a metaclass
        super().__setattr__(name, _with_asgi(value) if name == "__call__" else value)


def _with_asgi(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a ``__call__`` that serves ASGI as well, of one that may serve WSGI only."""
    try:
        inspect.signature(call).bind("self", "scope", "receive", "send")
    except TypeError:
        pass
    else:
        return call

    def __call__(self: Flask, scope: Any, receive: Any, send: Any = None) -> Any:  # noqa: N807
        if send is None:
            return call(self, scope, receive)
        return self.serve_asgi(scope, receive, send)

    __call__.wsgi_only = True  # type: ignore[attr-defined]
    return _marked(__call__)


def _marked(call: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a ``__call__`` for servers that look for a coroutine function, as that of Cruse is."""
    if sys.version_info >= (3, 12):
        inspect.markcoroutinefunction(call)
    else:
        call._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]
    return call


class Config(CruseConfig, metaclass=Alias):
    """Settings, which are read from variables that begin with ``FLASK_``."""

    stands_for = CruseConfig

    def from_prefixed_env(
        self, prefix: str = "FLASK", *, loads: Callable[[str], Any] = json.loads
    ) -> bool:
        """Take the environment variables that start with the prefix and an underscore."""
        return super().from_prefixed_env(prefix, loads=loads)


class Flask(Cruse, metaclass=_FlaskType):
    """An application, with the defaults of Flask 3.1 where programs may rely on them."""

    stands_for = Cruse
    config_class = Config
    default_config = MappingProxyType(
        {**DEFAULTS, "JSON_DATE_FORMAT": "http", "STATIC_HASHED_URLS": False}
    )

    before_first_request = Gone(
        "Flask 2.3 dropped it. @app.startup takes its place; or call the function where the "
        "application is made, in 'with app.app_context():'."
    )
    json_encoder = Ignored(JSON_ADVICE)
    json_decoder = Ignored(JSON_ADVICE)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in ("json_encoder", "json_decoder"):
            if name in cls.__dict__:
                vars(Flask)[name].warn(stacklevel=3)

    def make_config(self, instance_relative: bool = False) -> CruseConfig:
        """Make the config; ``FLASK_DEBUG`` turns debug mode on."""
        mirror_environment()
        return super().make_config(instance_relative)

    def redirect(self, location: str, code: int = 302) -> WerkzeugResponse:
        """Return a redirect; 302 (Found) unless told otherwise."""
        return super().redirect(location, code)

    def test_client(
        self, use_cookies: bool = True, gateway: str = "wsgi", **kwargs: Any
    ) -> CruseClient:
        """Return a client for tests."""
        if self.test_client_class is None:
            from cruse_flask.testing import FlaskClient

            self.test_client_class = FlaskClient
        return super().test_client(use_cookies, gateway, **kwargs)

    # -- what wraps the WSGI face has its say under the other protocols, too --

    @_marked
    def __call__(self, scope: Any, receive: Any, send: Any = None) -> Any:
        """Serve a request: ``(environ, start_response)`` is WSGI, with ``send`` it is ASGI."""
        if send is None:
            return self.wsgi_app(scope, receive)
        return self.serve_asgi(scope, receive, send)

    def serve_asgi(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        """Serve a connection as ASGI 3; through ``wsgi_app``, in a thread, where that is wrapped.

        Extensions and middleware written for Flask wrap ``wsgi_app`` and know nothing of ASGI.
        """
        wrapped = self._wrapped if scope["type"] == "http" else None
        if wrapped is None:
            return self.asgi_app(scope, receive, send)
        return self._serve_wrapped(wrapped, scope, receive, send)

    def __rsgi__(self, scope: Any, protocol: Any) -> Coroutine[Any, Any, None]:
        if scope.proto != "http" or self._wrapped is None:
            return super().__rsgi__(scope, protocol)
        return self.serve_asgi(*connection_of(scope, protocol))

    @property
    def _wrapped(self) -> Callable[..., Any] | None:
        """The WSGI application to call, if middleware stands before that of the class."""
        if getattr(type(self).__call__, "wsgi_only", False):
            return self
        if "wsgi_app" in self.__dict__ or type(self).wsgi_app is not Cruse.wsgi_app:
            return self.wsgi_app
        return None

    async def _serve_wrapped(
        self, wrapped: Callable[..., Any], scope: Scope, receive: Receive, send: Send
    ) -> None:
        await self.start_on_loop()
        await run_wsgi(self.pool, wrapped, scope, receive, send)


def redirect(
    location: str,
    code: int = 302,
    Response: type[WerkzeugResponse] | None = None,  # noqa: N803
) -> WerkzeugResponse:
    """Return a redirect.

    Args:
        location: Where to. It is not checked: never pass on what a client sent.
        code: 302 (Found), unless told otherwise.
        Response: The class of the response, outside of an application.
    """
    if Response is not None and not has_app_context():
        return redirect_of_werkzeug(location, code=code, Response=Response)
    return redirect_of_cruse(location, code)


def _request_context() -> Context:
    if not has_request_context():
        bool(request.method)  # says what is missing
    return current_context()


#: Stands for the context of the current request.
request_ctx: Any = LocalProxy(_request_context)
