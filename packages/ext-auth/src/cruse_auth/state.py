"""What is kept for each application: its providers, with what was read of them, and its hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from cruse import ExtensionState, request, url_for
from cruse.lazy import lazy
from cruse.signing import secret_keys
from cruse_auth.oidc import ProviderClient, make_client
from cruse_auth.oidc.transactions import Transactions
from cruse_auth.resources.dpop import MemoryProofs
from cruse_auth.sealing import Sealer
from cruse_auth.settings import AuthSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from cruse_auth.extension import Auth
    from cruse_auth.resources.guard import Resource
    from cruse_auth.resources.verifier import Verifier
    from cruse_auth.server.state import ServerState

__all__ = ["AuthState"]


class AuthState(ExtensionState[AuthSettings]):
    """What is kept for one application: its providers, with what was read of them."""

    @property
    def auth(self) -> Auth[Any]:
        """The extension."""
        return cast("Auth[Any]", self.extension)

    @lazy
    def clients(self) -> dict[str, ProviderClient]:
        """The clients of the providers, by name.

        Raises:
            SettingsError: When a provider is not configured completely.
        """
        resolved = self.auth.providers.resolve(self.settings.providers)
        return {name: make_client(options, self.settings) for name, options in resolved.items()}

    @lazy
    def verifiers(self) -> dict[Resource, Verifier]:
        """What checks the access tokens of each resource, made at the first token."""
        return {}

    @lazy
    def logout_tokens(self) -> MemoryProofs:
        """The logout tokens of providers that were used."""
        return MemoryProofs()

    @lazy
    def server(self) -> ServerState:
        """What the authorization server keeps for it.

        Raises:
            RuntimeError: When there is none.
        """
        from cruse_auth.server.state import ServerState

        server = self.auth.authorization_server
        if server is None:
            raise RuntimeError("There is no authorization server: make one with 'auth.server'.")
        return ServerState(server, self)

    @property
    def sealer(self) -> Sealer:
        """What seals secrets that are stored, with the application's current keys."""
        return Sealer(reversed(self.secret_keys("Sealed secrets")))

    @property
    def realm(self) -> str:
        """The realm that 401 and 403 answers name."""
        return self.settings.realm or self.app.name

    @property
    def transactions(self) -> Transactions:
        """The logins that have begun, signed with the application's current keys."""
        return Transactions(reversed(self.secret_keys("Logins")))

    def secret_keys(self, what: str) -> tuple[str | bytes, ...]:
        """Return the secret keys of the application, the current one last.

        Args:
            what: What needs one, as the error says it.

        Raises:
            RuntimeError: When there is none.
        """
        keys = secret_keys(self.app)
        if not keys:
            raise RuntimeError(
                f"{what} need a secret key: set SECRET_KEY, in app.config or by a variable that"
                " app.config.from_prefixed_env() reads."
            )
        return keys

    @property
    def loader(self) -> Callable[[str], Any]:
        """The user loader.

        Raises:
            RuntimeError: When there is none.
        """
        loader = self.auth.user_loader_function
        if loader is None:
            raise RuntimeError(
                "Nothing says how to load the user whose id is in the session: register a function"
                " with '@auth.user_loader'."
            )
        return loader

    def login_hook(self, provider: str) -> Callable[..., Any]:
        """Return what finds the user for a login with a provider.

        Raises:
            RuntimeError: When there is nothing.
        """
        providers = self.auth.providers
        own = providers[provider].on_login_function if provider in providers else None
        hook = own or self.auth.on_login_function
        if hook is None:
            raise RuntimeError(
                f"Nothing finds the user of a login with the provider {provider!r}: register a"
                " function with '@auth.on_login'."
            )
        return hook

    @property
    def login_view(self) -> str:
        """The endpoint or URL of the login page."""
        return self.auth.login_view or self.settings.login_view

    def external_url(self, path: str) -> str:
        """Return the whole URL of a path of this application, as browsers see it.

        Args:
            path: The path, with the application's root if it has one; or a whole URL.
        """
        if "://" in path:
            return path
        external = self.settings.external_url
        if external is None:
            return request.host_url.rstrip("/") + path
        return external.rstrip("/") + path.removeprefix(request.root_path)

    def callback_url(self, provider: str) -> str:
        """Return the redirect URI of a provider: register exactly this with it."""
        return self.external_url(url_for("auth.callback", provider=provider))
