"""What the server keeps for one application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cruse.lazy import lazy
from cruse_auth.http import Http
from cruse_auth.server.keys import KeyRing

if TYPE_CHECKING:
    from cruse_auth.server.options import ServerOptions
    from cruse_auth.server.server import AuthorizationServer
    from cruse_auth.state import AuthState

__all__ = ["ServerState"]


class ServerState:
    """What the server keeps for one application.

    Args:
        server: The server.
        state: The application's state of the extension.
    """

    def __init__(self, server: AuthorizationServer, state: AuthState) -> None:
        self.server = server
        self.state = state

    @property
    def options(self) -> ServerOptions:
        """What the application says of it."""
        return self.server.options

    @property
    def store(self) -> Any:
        """Where everything is kept."""
        return self.server.options.store

    @lazy
    def keys(self) -> KeyRing:
        """The keys that tokens are signed with."""
        return KeyRing(self)

    def http(self) -> Http:
        """Return an HTTP client for one request."""
        settings = self.state.settings
        return Http(settings.http_timeout, settings.http_max_bytes)

    def exempt(self) -> None:
        """Do without another extension's protection of forms: ours have tickets of their own."""
        forms = self.state.app.extensions.get("forms")
        if forms is not None:
            for name in ("auth_server", "auth_server_api"):
                forms.extension.exempt(self.state.app.blueprints[name])
