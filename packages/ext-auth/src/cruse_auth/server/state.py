"""What the server keeps for one application."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from cruse.lazy import lazy
from cruse_auth.http import Http
from cruse_auth.server.keys import KeyRing
from cruse_auth.server.store import MemoryServerStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cruse.checks import Finding
    from cruse_auth.server.backchannel import Farewells
    from cruse_auth.server.options import ServerOptions
    from cruse_auth.server.server import AuthorizationServer
    from cruse_auth.state import AuthState
    from cruse_auth.steps import Steps

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
    def issuer(self) -> str:
        """What it calls itself."""
        issuer = self.options.issuer
        return issuer if isinstance(issuer, str) else issuer()

    @property
    def base(self) -> str:
        """What the addresses of its endpoints start with."""
        return self.issuer.rstrip("/")

    @property
    def store(self) -> Any:
        """Where everything is kept."""
        return self.server.options.store

    @lazy
    def keys(self) -> KeyRing:
        """The keys that tokens are signed with."""
        return KeyRing(self)

    @lazy
    def farewells(self) -> Farewells:
        """What tells clients of logouts."""
        from cruse_auth.server.backchannel import Farewells

        return Farewells(self)

    def http(self) -> Http:
        """Return an HTTP client for one request."""
        settings = self.state.settings
        return Http(settings.http_timeout, settings.http_max_bytes)

    def counting(self, action: str) -> Steps[None]:
        """Count what an address tries, where the package for it is installed.

        Args:
            action: A key of ``auth.limits.rules``.

        Raises:
            TooManyAttempts: When it was too often (429).
        """
        if find_spec("limits") is not None:
            yield from self.state.auth.limits.hitting(action, None)

    def check(self) -> Iterator[Finding]:
        """Tell of what is good for tests only."""
        from cruse.checks import Finding

        if isinstance(self.store, MemoryServerStore):
            yield Finding(
                "error",
                "auth.server",
                "Its store is in memory: a restart forgets all clients, keys and tokens, and"
                " several processes know nothing of each other. Use a store that stays, such as"
                " cruse_auth.sql.SQLServerStore(db).",
            )
        if find_spec("limits") is None:
            yield Finding(
                "warning",
                "auth.server",
                "Nobody counts how often clients fail to say who they are, and how often people"
                " are sent here: that needs 'limits', pip install 'cruse-auth[limits]'.",
            )

    def exempt(self) -> None:
        """Do without another extension's protection of forms: ours have tickets of their own."""
        forms = self.state.app.extensions.get("forms")
        if forms is not None:
            for name in ("auth_server", "auth_server_api"):
                forms.extension.exempt(self.state.app.blueprints[name])
