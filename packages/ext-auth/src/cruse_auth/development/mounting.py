"""The way to the development provider, through the application that it is mounted in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import NotFound

from cruse import Blueprint, Response, make_response, render_template, request
from cruse.globals import current_context
from cruse_auth.development.provider import is_development
from cruse_auth.http import Http, InProcess
from cruse_auth.settings import AuthSettings
from cruse_auth.steps import Fetch, perform

if TYPE_CHECKING:
    from cruse_auth.development.provider import DevelopmentProvider
    from cruse_auth.steps import Steps

__all__ = ["ask", "make_blueprint"]

#: For the page that gives things away: not framed, not kept, not named to others (RFC 9700 §4.16).
#: A Content-Security-Policy is left to the application, which may have a stricter one, and the
#: referrer policy is not "no-referrer" because then browsers send the form with "Origin: null".
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
#: What belongs to one connection, or is said anew for the next.
OWN = frozenset({"connection", "content-length", "host", "transfer-encoding"})


def make_blueprint(provider: DevelopmentProvider) -> Blueprint:
    """Return the blueprint ``development_provider``: it passes on what it is asked.

    The one page that people see is made here, so that it looks as the application does.
    """
    blueprint = Blueprint(
        "development_provider",
        "cruse_auth",
        url_prefix=provider.url_prefix,
        template_folder="templates",
    )

    @blueprint.before_request
    def refuse_in_production() -> None:
        if not is_development(current_context().app):
            raise NotFound

    @blueprint.get("/choose")
    def choose() -> Response:
        return ask(provider)

    def forward(path: str) -> Any:
        settings, transport = AuthSettings(), InProcess(provider.app)
        http = Http(settings.http_timeout, settings.http_max_bytes, transport)
        return perform(_forwarding(provider, path), http)

    blueprint.add_url_rule(
        "/<path:path>", "forward", forward, methods=["GET", "POST"], inline=True
    )
    return blueprint


def ask(provider: DevelopmentProvider) -> Response:
    """Return the page that asks who it is."""
    people = provider.people.values()
    page = render_template("auth/provider.html", people=people, action=request.full_path)
    response: Response = make_response((page, HEADERS))
    return response


def _forwarding(provider: DevelopmentProvider, path: str) -> Steps[Response]:
    query = request.query_string.decode("ascii", "replace")
    reply = yield Fetch(
        request.method,
        f"{provider.find_issuer()}/{path}{'?' if query else ''}{query}",
        {name: value for name, value in request.headers if name.lower() not in OWN},
        request.get_data(as_text=True),
    )
    headers = [each for each in reply.headers.multi_items() if each[0].lower() not in OWN]
    return Response(reply.body, reply.status, headers)
