"""The development provider: an authorization server of its own, mounted in an application."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cruse import Cruse, current_app, request
from cruse.colors import inline
from cruse.extension import SettingsError
from cruse.globals import current_context
from cruse.lazy import lazy
from cruse_auth.development.people import Client
from cruse_auth.http import InProcess
from cruse_auth.server.clients import ServerClient, hash_secret
from cruse_auth.server.store import MemoryServerStore

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cruse_auth.development.people import Person
    from cruse_auth.server.store import ServerStore

__all__ = ["DevelopmentProvider", "KnownClient", "is_development"]

#: The name of the client that is the application itself.
OURSELVES = "development"


class KnownClient(ServerClient):
    """A client that whoever wrote the application has named, so that nothing is checked."""

    def __post_init__(self) -> None:
        """Take everything as it is."""


class DevelopmentProvider:
    """An OpenID provider without passwords, mounted in the application that uses it.

    It is the authorization server that ``auth.server`` makes, in an application of its own whose
    login page is a choice of people. Make one per application::

        provider = DevelopmentProvider([Person("ada", "Ada Lovelace", "ada@example.com")])
        provider.init_app(app)
        app.config["AUTH_PROVIDERS"] = {"op": provider.options()}

    Args:
        people: Who can log in.
        url_prefix: What its URLs start with.
        store: Keeps its codes, keys and tokens, such as ``cruse_auth.sql.SQLServerStore(db)``.
            Unless given they are in memory, so that a server may have one process.
    """

    def __init__(
        self,
        people: Iterable[Person],
        *,
        url_prefix: str = "/provider",
        store: ServerStore | None = None,
    ) -> None:
        self.people = {person.subject: person for person in people}
        self.url_prefix = url_prefix
        self.store: ServerStore = MemoryServerStore() if store is None else store
        #: Who may ask; the application it is mounted in is always there.
        self.clients: dict[str, Client] = {}
        self.add_client(Client(OURSELVES, secrets.token_urlsafe()))
        #: The application that logs in with it: that in which it is mounted, or which asked first.
        self.application: Cruse | None = None

    def add_client(self, client: Client) -> None:
        """Let another application use the provider."""
        self.clients[client.client_id] = client

    def init_app(self, app: Cruse) -> None:
        """Mount the provider in an application.

        The application does not start when it is neither in debug mode nor under test, unless
        ``AUTH_DEVELOPMENT_PROVIDER`` is set.
        """
        from cruse_auth.development.mounting import make_blueprint

        self.application = app
        blueprint = make_blueprint(self)
        app.register_blueprint(blueprint)

        def refuse_in_production() -> None:
            if "forms" in app.extensions:  # the server has protection of its own
                app.extensions["forms"].extension.exempt(blueprint)
            if not is_development(app):
                raise SettingsError(
                    "The development provider lets everybody in as anybody, and this application"
                    " is not in debug mode. For a demonstration, set AUTH_DEVELOPMENT_PROVIDER;"
                    " in production, set AUTH_PROVIDERS to a real provider and don't add this one."
                )

        app.startup(refuse_in_production)

    def options(self, **more: Any) -> dict[str, Any]:
        """Return the arguments of ``auth.providers.oidc`` for the application it is mounted in.

        Args:
            more: Further arguments, such as ``label``.
        """
        client = self.clients[OURSELVES]
        return {
            "issuer": self.tell_issuer,
            "client_id": client.client_id,
            "client_secret": client.client_secret,
            "transport": InProcess(self.app),
            **more,
        }

    @lazy
    def app(self) -> Cruse:
        """The provider as an application of its own, for requests in this process."""
        return self.make_app()

    def make_app(self) -> Cruse:
        """Make the application of the provider."""
        from cruse_auth.development.application import make_app

        return make_app(self)

    def find_issuer(self) -> str:
        """Return the issuer: the provider's address as the current request sees it."""
        auth = current_app.extensions.get("auth")
        if auth is not None:
            address: str = auth.external_url(request.root_path + self.url_prefix)
            return address
        return request.host_url.rstrip("/") + self.url_prefix

    def tell_issuer(self) -> str:
        """Return the issuer to the application that logs in with it."""
        if self.application is None:
            self.application = current_context().app
        return self.find_issuer()

    @inline
    def find_client(self, client_id: str) -> ServerClient | None:
        """Return a client as the server knows it, in a request to the server."""
        client = self.clients.get(client_id)
        if client is None:
            return None
        # One with a secret may send it in either way.
        method = "client_secret_post" if "client_secret" in request.form else "client_secret_basic"
        known = KnownClient(
            client_id,
            redirect_uris=tuple(client.redirect_uris),
            post_logout_redirect_uris=tuple(client.post_logout_redirect_uris),
            token_endpoint_auth_method=method if client.client_secret else "none",
            grant_types=("authorization_code",),
            trusted=True,
            secret_hash=hash_secret(client.client_secret),
        )
        return self._with_own_addresses(known) if client_id == OURSELVES else known

    def _with_own_addresses(self, client: ServerClient) -> ServerClient:
        """Let the application that logs in with us have browsers sent to its own pages."""
        auth = None if self.application is None else self.application.extensions.get("auth")
        if auth is None:
            return client
        root = self.find_issuer().removesuffix(self.url_prefix)
        pages = (f"{root}{auth.auth.url_prefix}/{name}/callback" for name in auth.clients)
        after = auth.settings.after_logout
        goodbye = after if "://" in after else root + after
        return replace(
            client,
            redirect_uris=(*client.redirect_uris, *pages),
            post_logout_redirect_uris=(*client.post_logout_redirect_uris, goodbye),
        )


def is_development(app: Cruse) -> bool:
    """Whether a provider without passwords may run in an application."""
    return app.debug or app.testing or app.config.get("AUTH_DEVELOPMENT_PROVIDER") is True
