"""The extension: what an application says to it, and what it keeps for each application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast
from weakref import WeakSet

from cruse import Extension, current_app
from cruse.colors import inline
from cruse.extension import SettingsError
from cruse.globals import current_context
from cruse_auth.factors import Factors, Passkeys
from cruse_auth.limits import Limits
from cruse_auth.links import Links
from cruse_auth.logins import confirming, logging_in, logging_out
from cruse_auth.management import SessionManagement
from cruse_auth.passwords import Passwords
from cruse_auth.providers import Providers
from cruse_auth.record import Evidence
from cruse_auth.resources.guard import Resource, ResourceOptions, publish_metadata
from cruse_auth.settings import AuthSettings
from cruse_auth.state import AuthState
from cruse_auth.steps import arun, run
from cruse_auth.tokens.management import TokenManagement
from cruse_auth.users import AnonymousUser, current_user, find_user, loading, preload
from cruse_auth.views import make_blueprint

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator
    from datetime import timedelta

    import click

    # Without a parameter, `Auth` is `Auth[Any]` (PEP 696; at run time from Python 3.13).
    from typing_extensions import TypeVar as TypeVarWithDefault

    from cruse import Blueprint, Cruse, Request
    from cruse.checks import Finding
    from cruse.typing import ResponseReturnValue
    from cruse_auth.factors import FactorStore
    from cruse_auth.oidc import Identity
    from cruse_auth.server import AuthorizationServer, ServerStore
    from cruse_auth.stores import SessionStore
    from cruse_auth.tokens import TokenStore

    UserT = TypeVarWithDefault("UserT", default=Any)
else:
    UserT = TypeVar("UserT")

__all__ = ["Auth", "confirm_login", "login_user", "logout_user"]

F = TypeVar("F", bound="Callable[..., Any]")


class Auth(Extension[AuthState], SessionManagement, TokenManagement, Generic[UserT]):
    """Signing in, and who is signed in.

    ``Auth[User]`` tells type checkers what users are.

    Args:
        app: Bind it to this application at once.
        store: Keeps the records of logins on the server, so that they can be listed and ended:
            ``cruse_auth.sql.SQLStore(db)``, or any :class:`~cruse_auth.stores.SessionStore`.
        factors: Keeps what people show beside a password:
            ``cruse_auth.factors.sql.SQLFactors(db)``, or any
            :class:`~cruse_auth.factors.FactorStore`.
        token_store: Keeps the tokens of providers, so that their APIs can be called:
            ``cruse_auth.sql.SQLTokenStore(db)``, or any :class:`~cruse_auth.tokens.TokenStore`.
        url_prefix: What its pages' URLs start with.
    """

    name = "auth"
    prefix = "AUTH_"
    settings = AuthSettings
    state_class = AuthState

    #: The endpoint or URL of the login page; goes before ``AUTH_LOGIN_VIEW``.
    login_view: str | None = None
    #: The same for those whose login is not fresh; the login page unless set.
    refresh_view: str | None = None
    #: What is flashed to those who are sent to these pages, and its category.
    login_message: str | None = None
    needs_refresh_message: str | None = None
    login_message_category = "message"

    def __init__(
        self,
        app: Cruse | None = None,
        *,
        store: SessionStore | None = None,
        factors: FactorStore | None = None,
        token_store: TokenStore | None = None,
        url_prefix: str = "/auth",
    ) -> None:
        self.store = store
        self.token_store = token_store
        self.url_prefix = url_prefix
        #: The providers to log in with.
        self.providers = Providers()
        #: Hashes and checks passwords; needs pwdlib.
        self.passwords = Passwords()
        #: Makes and reads the tokens of links in mails.
        self.links = Links()
        #: Counts attempts to log in and their like; needs limits.
        self.limits = Limits()
        #: Keeps second factors, and checks them.
        self.factors = Factors(factors)
        #: Registers passkeys and logs in with them; needs webauthn.
        self.passkeys = Passkeys()
        #: The APIs that are protected by access tokens.
        self.resources: list[Resource] = []
        #: The authorization server, where there is one.
        self.authorization_server: AuthorizationServer | None = None
        self._states: WeakSet[AuthState] = WeakSet()
        self.user_loader_function: Callable[[str], Any] | None = None
        self.on_login_function: Callable[..., Any] | None = None
        self.on_link_function: Callable[..., Any] | None = None
        self.request_loader_function: Callable[..., Any] | None = None
        self.unauthorized_function: Callable[..., Any] | None = None
        self.needs_refresh_function: Callable[..., Any] | None = None
        super().__init__(app)

    # -- what applications register -------------------------------------------------------------

    def user_loader(
        self, function: Callable[[str], UserT | Awaitable[UserT | None] | None]
    ) -> Callable[[str], UserT | Awaitable[UserT | None] | None]:
        """Register what returns the user with an id, or ``None``; plain or async."""
        self.user_loader_function = function
        return function

    def request_loader(
        self, function: Callable[[Request], UserT | Awaitable[UserT | None] | None]
    ) -> Callable[[Request], UserT | Awaitable[UserT | None] | None]:
        """Register what finds a user by a request, as by an API key in it; plain or async.

        It goes first for a request with an ``Authorization`` field, else last. Whom it finds is
        logged in for this request only.
        """
        self.request_loader_function = function
        return function

    def on_login(self, function: F) -> F:
        """Register what finds the user after a login with a provider that has no function for it.

        It gets an :class:`~cruse_auth.oidc.Identity` and returns the user. ``None`` refuses the
        login. It may be plain or async.
        """
        self.on_login_function = function
        return function

    def on_link(
        self, function: Callable[[UserT, Identity], bool | Awaitable[bool]]
    ) -> Callable[[UserT, Identity], bool | Awaitable[bool]]:
        """Register what links a further identity to a user, and so let them ask for it.

        It gets the user, who is logged in freshly, and the identity that they have shown to be
        theirs. It returns whether it was linked: ``False`` when it is somebody else's. It may be
        plain or async.
        """
        self.on_link_function = function
        return function

    def unauthorized_handler(
        self, function: Callable[[], ResponseReturnValue | Awaitable[ResponseReturnValue]]
    ) -> Callable[[], ResponseReturnValue | Awaitable[ResponseReturnValue]]:
        """Register what answers those who are not logged in, instead of the login page and 401."""
        self.unauthorized_function = function
        return function

    def needs_refresh_handler(
        self, function: Callable[[], ResponseReturnValue | Awaitable[ResponseReturnValue]]
    ) -> Callable[[], ResponseReturnValue | Awaitable[ResponseReturnValue]]:
        """Register what answers those who are logged in, but not freshly enough."""
        self.needs_refresh_function = function
        return function

    def resource(self, *, issuer: str, audience: str, **options: Any) -> Resource:
        """Declare an API that takes access tokens; its ``require`` decorates views.

        Args:
            issuer: Who issues the tokens, exactly as its metadata have it.
            audience: What the tokens have to be for: the API's name at the issuer, best its URL.
            options: ``introspection``, ``types``, ``scopes`` and the other fields of
                :class:`~cruse_auth.resources.guard.ResourceOptions`.

        Raises:
            ValueError: When they make no sense.
            TypeError: When an option is not known.
        """
        resource = Resource(ResourceOptions(issuer=issuer, audience=audience, **options))
        self.resources.append(resource)
        return resource

    def server(
        self, *, issuer: str | Callable[[], str], store: ServerStore, **options: Any
    ) -> AuthorizationServer:
        """Make the application an authorization server: others log in with it, and ask it.

        Args:
            issuer: What it calls itself: its address, such as ``"https://id.example.com"``; or a
                function for it, where it goes by the host that was asked.
            store: Keeps clients, keys, permissions and tokens:
                ``cruse_auth.sql.SQLServerStore(db)``, or any
                :class:`~cruse_auth.server.ServerStore`.
            options: ``scopes``, ``resources``, ``access_lifetime`` and the other fields of
                :class:`~cruse_auth.server.ServerOptions`.

        Raises:
            ValueError: When they make no sense.
            TypeError: When an option is not known.
            RuntimeError: When there is one already.
        """
        from cruse_auth.server import AuthorizationServer, ServerOptions
        from cruse_auth.server.endpoints import register

        if self.authorization_server is not None:
            raise RuntimeError("There is an authorization server already; one object has one.")
        chosen = ServerOptions(issuer=issuer, store=store, **options)
        self.authorization_server = AuthorizationServer(chosen)
        for state in self._states:
            register(state.server)
        return self.authorization_server

    # -- what views call ------------------------------------------------------------------------

    def login(
        self,
        user: Any,
        *,
        remember: bool = False,
        duration: timedelta | int | None = None,
        fresh: bool = True,
        force: bool = False,
        acr: str | None = None,
        amr: Iterable[str] = (),
    ) -> bool:
        """Log a user in, in this browser. The session is a new one afterwards.

        Args:
            user: The user: anything with an ``id`` or ``get_id()``.
            remember: Remember the browser, so that they are still logged in after it was closed.
                Needs a store.
            duration: For how many seconds; ``AUTH_REMEMBER_LIFETIME`` unless given.
            fresh: Whether the person was here, as after a password.
            force: Log in even who is not active.
            acr: How sure you are that it is they: what ``auth_required(acr=...)`` asks for.
            amr: By what methods they have shown it, such as ``["pwd", "otp"]`` (RFC 8176).

        Returns:
            Whether it happened: ``False`` for a user whose ``is_active`` is false.

        Raises:
            TypeError: When the object has no id.
            RuntimeError: When a browser is to be remembered and there is no store.
        """
        evidence = Evidence(acr=acr, amr=tuple(amr))
        options: dict[str, Any] = {"remember": remember, "duration": duration, "force": force}
        return run(logging_in(self.state, user, fresh=fresh, evidence=evidence, **options))

    async def alogin(
        self,
        user: Any,
        *,
        remember: bool = False,
        duration: timedelta | int | None = None,
        fresh: bool = True,
        force: bool = False,
        acr: str | None = None,
        amr: Iterable[str] = (),
    ) -> bool:
        """Log a user in, as :meth:`login`, without stopping the event loop for the store."""
        evidence = Evidence(acr=acr, amr=tuple(amr))
        options: dict[str, Any] = {"remember": remember, "duration": duration, "force": force}
        return await arun(logging_in(self.state, user, fresh=fresh, evidence=evidence, **options))

    def logout(self) -> bool:
        """Log out, in this browser; nothing of the session is left.

        Returns:
            Whether somebody was logged in.
        """
        return run(logging_out(self.state))

    async def alogout(self) -> bool:
        """Log out, as :meth:`logout`, without stopping the event loop for the store."""
        return await arun(logging_out(self.state))

    def confirm_login(self) -> bool:
        """Make the current login fresh, after the person has shown who they are once more.

        Returns:
            Whether there was one.
        """
        return run(confirming(self.state))

    async def aconfirm_login(self) -> bool:
        """Make the current login fresh, as :meth:`confirm_login`, in async code."""
        return await arun(confirming(self.state))

    # -- who it is -------------------------------------------------------------------------------

    @property
    def current_user(self) -> UserT:
        """The proxy of the current user, typed. May be kept and imported like ``request``."""
        return cast("UserT", current_user)

    @property
    def user(self) -> UserT | None:
        """The user of the current request; ``None`` when nobody is logged in."""
        user = find_user()
        return None if isinstance(user, AnonymousUser) else cast("UserT", user)

    async def load_user(self) -> UserT | None:
        """Load the user of the current request in async code, and return them.

        Async views need not call it: before them it is done. It is for hooks that run earlier.
        """
        ctx = current_context()
        if self.state not in ctx.extras:
            await arun(loading(self.state, ctx))
        return self.user

    # -- hooks of the core ----------------------------------------------------------------------

    @inline
    def before_request(self) -> Any:
        """Load the user, where views could not wait for it."""
        return preload(self.state, current_context())

    def startup(self, state: AuthState) -> None:
        """Check that what is there fits together.

        Raises:
            SettingsError: When a provider is not configured completely.
            RuntimeError: When something is missing without which nobody could log in.
        """
        if state.settings.idle_timeout and self.store is None:
            raise SettingsError(
                "AUTH_IDLE_TIMEOUT needs a store that notes when a login was used: make the"
                " extension with 'Auth(store=cruse_auth.sql.SQLStore(db))'."
            )
        _check_pages(state)
        if state.settings.limits_storage != AuthSettings.limits_storage:
            self.limits.limiter(state)
        if self.authorization_server is not None:
            _ = state.loader, state.sealer
            state.server.exempt()
            if self.authorization_server.options.needs_limits:
                self.limits.limiter(state)
        for name, client in state.clients.items():
            _ = state.login_hook(name), state.loader, state.transactions
            if client.options.form_post and "forms" in state.app.extensions:
                # Such a form is another site's by design; the login's own state is checked.
                state.app.extensions["forms"].extension.exempt("auth.form_post")

    def setup(self, state: AuthState) -> None:
        """Let ``app.test_client(user=...)`` log somebody in, unless it is another class's."""
        if state.app.test_client_class is None:
            state.app.test_client_class = _TestClient

    def check(self, state: AuthState, deploy: bool) -> Iterator[Finding]:
        """Tell of what a start fails with, and of what is unsafe."""
        from cruse.checks import Finding

        try:
            self.startup(state)
        except (SettingsError, RuntimeError) as error:
            yield Finding("error", "start", str(error))
            return
        if deploy and self.store is None and self.user_loader_function is not None:
            yield Finding(
                "warning",
                "auth",
                "Logins are not recorded: a copied session cookie is good until"
                " AUTH_ABSOLUTE_TIMEOUT, also after the logout, and no browser is remembered. Give"
                " the extension a store, such as Auth(store=cruse_auth.sql.SQLStore(db)).",
            )
        providers = [*self.providers, *state.settings.providers]
        if deploy and self.factors.store and providers and state.settings.factor_view is None:
            yield Finding(
                "warning",
                "AUTH_FACTOR_VIEW",
                "A login with a provider asks nobody for the second factor that they have here."
                " Name the page that does; or say that the provider is enough, with ''.",
            )
        if deploy and self.authorization_server is not None:
            yield from state.server.check()
        if deploy and state.settings.insecure_http:
            yield Finding(
                "warning",
                "AUTH_INSECURE_HTTP",
                "It is True: whoever is between here and a provider at an http:// address can"
                " sign in as anybody.",
            )
        if deploy and state.settings.development_provider:
            yield Finding(
                "error",
                "AUTH_DEVELOPMENT_PROVIDER",
                "It is True: everybody may sign in as anybody. Set AUTH_PROVIDERS instead.",
            )
        elif deploy and "development_provider" in state.app.blueprints:
            yield Finding(
                "error",
                "AUTH_PROVIDERS",
                "The application adds the development provider, with which it does not start"
                " outside of debug mode. Name a real provider, and don't add that one.",
            )

    def commands(self, state: AuthState) -> click.Command:
        """Return ``cruse auth``."""
        from cruse_auth.commands import make_group

        return make_group(state)

    def template_context(self) -> dict[str, Any]:
        """Give templates the ``current_user``."""
        return {"current_user": current_user}

    def make_blueprint(self, state: AuthState) -> Blueprint:
        """Return the pages: login, callback, logout. The metadata of resources go to the root."""
        publish_metadata(state)
        self._states.add(state)
        if self.authorization_server is not None:
            from cruse_auth.server.endpoints import register

            register(state.server)
        return make_blueprint(state, self.url_prefix)


def _check_pages(state: AuthState) -> None:
    """Check that the pages which visitors are sent to are there, before anybody is.

    Raises:
        SettingsError: When one is not.
    """
    for name, view in (
        ("AUTH_LOGIN_VIEW", state.login_view),
        ("AUTH_FACTOR_VIEW", state.settings.factor_view),
        ("auth.refresh_view", state.auth.refresh_view),
    ):
        if view and "/" not in view and view not in state.app.view_functions:
            raise SettingsError(
                f"{name} is {view!r}: this application has no endpoint of that name, and a URL"
                " would have a '/' in it."
            )


class _TestClient:
    """Stands for :class:`cruse_auth.testing.AuthClient`, which is imported when it is used."""

    def __new__(cls, *args: Any, **options: Any) -> Any:
        """Return a client."""
        from cruse_auth.testing import AuthClient

        return AuthClient(*args, **options)


def login_user(
    user: Any,
    remember: bool = False,
    duration: timedelta | int | None = None,
    force: bool = False,
    fresh: bool = True,
) -> bool:
    """Log a user in; :meth:`Auth.login` under Flask-Login's name."""
    auth: Auth[Any] = current_app.extensions["auth"].auth
    return auth.login(user, remember=remember, duration=duration, force=force, fresh=fresh)


def confirm_login() -> bool:
    """Make the login fresh; :meth:`Auth.confirm_login` under Flask-Login's name."""
    auth: Auth[Any] = current_app.extensions["auth"].auth
    return auth.confirm_login()


def logout_user() -> bool:
    """Log out; :meth:`Auth.logout` under Flask-Login's name."""
    auth: Auth[Any] = current_app.extensions["auth"].auth
    return auth.logout()
