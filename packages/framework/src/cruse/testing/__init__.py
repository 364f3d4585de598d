"""Test clients that call an application without a server, and a runner for its commands.

``app.test_client()`` is all that most tests need. With ``gateway="asgi"`` the same client drives
the application's asynchronous face, so one fixture runs a whole suite on both::

    @pytest.fixture(params=["wsgi", "asgi"])
    def client(app, request):
        client = app.test_client(gateway=request.param)
        yield client
        client.close()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cruse.testing.async_client import AsyncCruseClient
from cruse.testing.client import CruseClient
from cruse.testing.environ import EnvironBuilder
from cruse.testing.websocket import WebSocketRejected

if TYPE_CHECKING:
    from cruse.app import Cruse
    from cruse.testing.runner import CruseCliRunner as CruseCliRunner

__all__ = [
    "AsyncCruseClient",
    "CruseCliRunner",
    "CruseClient",
    "EnvironBuilder",
    "WebSocketRejected",
    "make_client",
]


def make_client(
    app: Cruse, use_cookies: bool = True, gateway: str = "wsgi", **kwargs: Any
) -> CruseClient:
    """Return a test client of ``app.test_client_class``, or a :class:`CruseClient`.

    Args:
        app: The application.
        use_cookies: Whether cookies are kept from one request to the next.
        gateway: ``"wsgi"`` or ``"asgi"``.
        kwargs: Further arguments of the client class.
    """
    client_class: type[CruseClient] = app.test_client_class or CruseClient
    if gateway != "wsgi":  # a client class written for Flask does not know the argument
        kwargs["gateway"] = gateway
    return client_class(app, app.response_class, use_cookies=use_cookies, **kwargs)


def __getattr__(name: str) -> Any:
    # The runner needs click, which tests of views do without.
    if name == "CruseCliRunner":
        from cruse.testing.runner import CruseCliRunner

        return CruseCliRunner
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
