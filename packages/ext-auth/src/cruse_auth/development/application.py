"""The development provider's own application: an authorization server, and who can log in."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from werkzeug.exceptions import Forbidden

from cruse import Cruse, redirect, request, session
from cruse.colors import inline
from cruse_auth.development.mounting import ask
from cruse_auth.extension import Auth
from cruse_auth.limits import Rule
from cruse_auth.origins import is_same_origin
from cruse_auth.redirects import safe_next

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as WerkzeugResponse

    from cruse import Response
    from cruse_auth.development.people import Person
    from cruse_auth.development.provider import DevelopmentProvider
    from cruse_auth.server import AuthorizationServer, ConsentRequest

__all__ = ["make_app"]


def make_app(provider: DevelopmentProvider) -> Cruse:
    """Return the application of a provider."""
    app = Cruse("cruse_auth", static_folder=None, template_folder="templates")
    _configure(app, provider)
    auth: Auth[Person] = Auth(url_prefix=f"{provider.url_prefix}/auth")
    app.use(auth)
    # Who is known needs no protection from many tries, and all of them come from this machine.
    auth.limits.rules.update(dict.fromkeys(("authorize", "client"), Rule()))
    auth.user_loader(inline(lambda subject: provider.people.get(subject)))
    server = auth.server(
        issuer=provider.find_issuer, url_prefix=provider.url_prefix, store=provider.store
    )
    server.client_loader(provider.find_client)
    _answer_for_people(server)
    _add_pages(app, auth, provider)
    return app


def _configure(app: Cruse, provider: DevelopmentProvider) -> None:
    app.config.update(
        SECRET_KEY=secrets.token_bytes(32),
        SESSION_COOKIE_NAME="development_provider",
        SESSION_COOKIE_PATH=provider.url_prefix or "/",
        AUTH_DEVELOPMENT_PROVIDER=True,
        AUTH_LOGIN_VIEW="choose",
    )
    application = provider.application
    if application is None:
        return
    for name in ("SECRET_KEY", "SECRET_KEY_FALLBACKS"):
        if value := application.config.get(name):  # the same in all processes of a server
            app.config[name] = value
    if "db" in application.extensions:  # where the store may be
        app.extensions["db"] = application.extensions["db"]


def _answer_for_people(server: AuthorizationServer) -> None:
    @server.claims
    @inline
    def claims(person: Person, scopes: frozenset[str]) -> dict[str, object]:
        return person.about(" ".join(scopes))

    @server.consent
    @inline
    def consent(asked: ConsentRequest) -> bool:
        return True  # nobody is real, so nobody has to be asked, whatever program it is


def _add_pages(app: Cruse, auth: Auth[Person], provider: DevelopmentProvider) -> None:
    @app.get(f"{provider.url_prefix}/choose")
    def choose() -> Response:
        return ask(provider)

    @app.post(f"{provider.url_prefix}/choose")
    def chosen() -> WerkzeugResponse:
        """Log somebody in, or tell the application that nobody wants to."""
        if not is_same_origin(request):
            raise Forbidden("This was asked for by a page of another site.")
        person = provider.people.get(request.form.get("person", ""))
        back = safe_next("/")
        if person is None:
            return redirect(f"{back}&cancel=1", 303)
        # Who needs no password is as sure as one likes.
        acr = next(iter(request.args.get("acr", "").split()), None)
        auth.login(person, acr=acr)
        return redirect(back, 303)

    @app.after_request
    def forget(response: Response) -> Response:
        """Keep nobody logged in: people are asked each time."""
        if request.endpoint == "auth_server.authorize":
            session.clear()
        return response
