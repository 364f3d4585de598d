"""The addresses of the server, in one table; pages for people, and endpoints for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cruse import Blueprint, make_response, render_template
from cruse_auth.server.authorize import authorize, consent
from cruse_auth.server.device import authorize_device, device
from cruse_auth.server.discovery import jwks, metadata
from cruse_auth.server.errors import OAuth2Error, PageError, error_answer
from cruse_auth.server.introspection import introspect, revoke
from cruse_auth.server.logout import end_session
from cruse_auth.server.pushed import push
from cruse_auth.server.registration import register_client
from cruse_auth.server.token import token
from cruse_auth.server.userinfo import userinfo
from cruse_auth.signals import login_ended
from cruse_auth.steps import perform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cruse import Response
    from cruse_auth.server.options import ServerOptions
    from cruse_auth.server.state import ServerState
    from cruse_auth.steps import Steps

__all__ = ["ENDPOINTS", "Endpoint", "endpoints_of", "register"]

#: For answers to programs.
HEADERS = {"Cache-Control": "no-store"}
#: For pages: not kept, not framed (RFC 9700 section 4.16), and their addresses, which may be worth
#: something, not told to others (section 4.2.4).
PAGE_HEADERS = {
    **HEADERS,
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
#: Programs in browsers are other sites' pages. No cookie counts for anything where they ask, and
#: why a token was refused is in a field of the answer.
PROGRAMS = {"origins": "*", "expose_headers": ["WWW-Authenticate", "Retry-After"]}
FRAMES = "frame-ancestors 'none'"
MISTAKE = "The program that sent you here made a mistake."
WELL_KNOWN = "/.well-known/oauth-authorization-server"


@dataclass(frozen=True)
class Endpoint:
    """One address of the server."""

    name: str
    #: Its path, below that of the issuer.
    path: str
    methods: tuple[str, ...]
    #: What answers, as steps.
    view: Callable[[ServerState], Steps[Any]]
    #: What the metadata call it.
    metadata: str | None = None
    #: Whether it is for people: others' pages must not read its answers (RFC 9700 section 2.6).
    page: bool = False
    #: Whether a server with these options has it.
    when: Callable[[ServerOptions], bool] | None = None


ENDPOINTS = (
    Endpoint(
        "authorize", "/oauth/authorize", ("GET", "POST"), authorize, "authorization_endpoint", True
    ),
    Endpoint("consent", "/oauth/consent", ("POST",), consent, page=True),
    Endpoint(
        "end_session", "/oauth/logout", ("GET", "POST"), end_session, "end_session_endpoint", True
    ),
    Endpoint("par", "/oauth/par", ("POST",), push, "pushed_authorization_request_endpoint"),
    Endpoint("token", "/oauth/token", ("POST",), token, "token_endpoint"),
    Endpoint("userinfo", "/oauth/userinfo", ("GET", "POST"), userinfo, "userinfo_endpoint"),
    Endpoint("introspect", "/oauth/introspect", ("POST",), introspect, "introspection_endpoint"),
    Endpoint("revoke", "/oauth/revoke", ("POST",), revoke, "revocation_endpoint"),
    Endpoint(
        "device_authorization",
        "/oauth/device_authorization",
        ("POST",),
        authorize_device,
        "device_authorization_endpoint",
        when=lambda options: options.device,
    ),
    Endpoint(
        "device",
        "/oauth/device",
        ("GET", "POST"),
        device,
        page=True,
        when=lambda options: options.device,
    ),
    Endpoint(
        "register",
        "/oauth/register",
        ("POST",),
        register_client,
        "registration_endpoint",
        when=lambda options: options.registration != "closed",
    ),
    Endpoint("jwks", "/oauth/jwks", ("GET",), jwks, "jwks_uri"),
    Endpoint("metadata", "/.well-known/openid-configuration", ("GET",), metadata),
    Endpoint("oauth_metadata", WELL_KNOWN, ("GET",), metadata),
)


def endpoints_of(options: ServerOptions) -> Iterator[Endpoint]:
    """Return the endpoints that a server with these options has."""
    return (each for each in ENDPOINTS if each.when is None or each.when(options))


def register(here: ServerState) -> None:
    """Give an application the addresses of its server."""
    app, options = here.state.app, here.options
    login_ended.connect(here.farewells.hear, sender=app)  # as long as the state is there
    pages = Blueprint(
        "auth_server", "cruse_auth", url_prefix=options.prefix, template_folder="templates"
    )
    programs = Blueprint("auth_server_api", "cruse_auth", url_prefix=options.prefix, cors=PROGRAMS)
    for endpoint in endpoints_of(options):
        blueprint = pages if endpoint.page else programs
        blueprint.add_url_rule(
            endpoint.path,
            endpoint.name,
            _make_view(here, endpoint),
            methods=endpoint.methods,
            inline=True,
        )
    app.register_blueprint(pages)
    app.register_blueprint(programs)
    path = options.issuer_path
    if path:  # RFC 8414 section 3.1 puts it before the path of the issuer
        view = app.view_functions["auth_server_api.oauth_metadata"]
        root = Blueprint("auth_server_root", "cruse_auth", cors=PROGRAMS)
        root.add_url_rule(f"{WELL_KNOWN}{path}", "oauth_metadata", view, inline=True)
        app.register_blueprint(root)


def _make_view(here: ServerState, endpoint: Endpoint) -> Callable[[], Any]:
    def view() -> Any:
        return perform(_answering(here, endpoint), here.http())

    return view


def _answering(here: ServerState, endpoint: Endpoint) -> Steps[Response]:
    """Answer a request, and give the answer the header fields that it needs."""
    try:
        response = make_response((yield from endpoint.view(here)))
    except OAuth2Error as error:
        response = _page(MISTAKE) if endpoint.page else error_answer(error)
    except PageError as error:
        response = _page(error.message, error.way_on)
    for name, value in (PAGE_HEADERS if endpoint.page else HEADERS).items():
        response.headers.setdefault(name, value)
    if endpoint.page and not here.state.app.config["CONTENT_SECURITY_POLICY"]:
        response.headers.setdefault("Content-Security-Policy", FRAMES)
    return response


def _page(message: str, way_on: str | None = None) -> Response:
    page = render_template("auth/server_error.html", message=message, way_on=way_on)
    response: Response = make_response((page, 400))
    return response
