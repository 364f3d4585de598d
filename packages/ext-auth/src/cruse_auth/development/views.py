"""The endpoints of the development provider, and its one page."""

from __future__ import annotations

import hashlib
import secrets
import time
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus, urlencode

from werkzeug.exceptions import BadRequest, Forbidden, NotFound

from cruse import (
    Blueprint,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
)
from cruse.globals import current_context
from cruse_auth.development.provider import Grant, is_development
from cruse_auth.origins import is_same_origin

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as WerkzeugResponse

    from cruse import Response
    from cruse_auth.development.people import Client
    from cruse_auth.development.provider import DevelopmentProvider

__all__ = ["make_blueprint"]

#: For the page that gives things away: not framed, not kept, not named to others (RFC 9700 §4.16).
#: A Content-Security-Policy is left to the application, which may have a stricter one, and the
#: referrer policy is not "no-referrer" because then browsers send the form with "Origin: null".
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
ONCE = ("client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge", "nonce")


def make_blueprint(provider: DevelopmentProvider) -> Blueprint:
    """Return the blueprint ``development_provider``."""
    blueprint = Blueprint(
        "development_provider",
        "cruse_auth",
        url_prefix=provider.url_prefix,
        template_folder="templates",
    )
    views = Views(provider)

    @blueprint.before_request
    def refuse_in_production() -> None:
        if not is_development(current_context().app):
            raise NotFound

    for rule, methods, view in (
        ("/.well-known/openid-configuration", ["GET"], views.discovery),
        ("/authorize", ["GET", "POST"], views.authorize),
        ("/token", ["POST"], views.token),
        ("/userinfo", ["GET", "POST"], views.userinfo),
        ("/jwks", ["GET"], views.jwks),
        ("/logout", ["GET", "POST"], views.end_session),
    ):
        blueprint.add_url_rule(rule, view.__name__, view, methods=methods)
    return blueprint


class TokenError(Exception):
    """An error answer of the token endpoint (RFC 6749 section 5.2)."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.body = {"error": error, "error_description": description}
        self.status = status


class AuthorizationError(Exception):
    """An error that the client is told, by way of the browser (RFC 6749 section 4.1.2.1)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.parameters = {"error": error, "error_description": description}


class Views:
    """The views of one provider."""

    def __init__(self, provider: DevelopmentProvider) -> None:
        self.provider = provider

    def discovery(self) -> Response:
        """Say what this provider is and can do."""
        return jsonify(self.metadata())

    def metadata(self) -> dict[str, Any]:
        """Return the metadata (OpenID Connect Discovery section 3)."""
        issuer = self.provider.find_issuer()
        return {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "jwks_uri": f"{issuer}/jwks",
            "end_session_endpoint": f"{issuer}/logout",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "profile", "email"],
            "claims_supported": ["sub", "name", "preferred_username", "email", "email_verified"],
            "prompt_values_supported": ["none", "login"],
            "authorization_response_iss_parameter_supported": True,
        }

    # -- the page -------------------------------------------------------------------------------

    def authorize(self) -> WerkzeugResponse:
        """Ask who it is, and send the browser back with a code."""
        client, redirect_uri = self._find_client()
        try:
            self._check_authorization_request()
            if request.method != "POST":
                return self._ask()
            if not is_same_origin(request):
                raise Forbidden("This was asked for by a page of another site.")
            grant = self._decide(client, redirect_uri)
        except AuthorizationError as error:
            return self._send_back(redirect_uri, error.parameters)
        return self._send_back(redirect_uri, {"code": self.provider.issue_code(grant)})

    def _find_client(self) -> tuple[Client, str]:
        """Return who asks, and where the answer goes. Errors here must not redirect anywhere."""
        client = self.provider.clients.get(request.args.get("client_id", ""))
        if client is None:
            raise BadRequest("There is no client with this client_id.")
        uri = request.args.get("redirect_uri", "")
        if not client.may_go_to(uri, client.redirect_uris, self.provider.find_issuer()):
            raise BadRequest("The redirect_uri is not one that the client registered.")
        return client, uri

    @staticmethod
    def _check_authorization_request() -> None:
        args = request.args
        for name in ONCE:
            if len(args.getlist(name)) > 1:
                raise AuthorizationError("invalid_request", f"{name} is there more than once")
        if args.get("response_type") != "code":
            raise AuthorizationError("unsupported_response_type", "only 'code' is supported")
        if "openid" not in args.get("scope", "").split():
            raise AuthorizationError("invalid_scope", "the scope must contain 'openid'")
        if args.get("code_challenge_method") != "S256" or not args.get("code_challenge"):
            raise AuthorizationError("invalid_request", "PKCE with S256 is required")
        if args.get("prompt") == "none":
            raise AuthorizationError("login_required", "people are asked each time")

    def _ask(self) -> Response:
        page = render_template(
            "auth/provider.html",
            people=self.provider.people.values(),
            action=request.full_path,
        )
        return make_response((page, HEADERS))

    def _decide(self, client: Client, redirect_uri: str) -> Grant:
        person = self.provider.people.get(request.form.get("person", ""))
        if person is None:
            raise AuthorizationError("access_denied", "nobody was chosen")
        return Grant(
            person.subject,
            client.client_id,
            redirect_uri,
            request.args["scope"],
            request.args.get("nonce"),
            request.args["code_challenge"],
            int(time.time()),
            secrets.token_urlsafe(8),
            next(iter(request.args.get("acr_values", "").split()), None),
        )

    def _send_back(self, redirect_uri: str, parameters: dict[str, str]) -> WerkzeugResponse:
        answer = {**parameters, "iss": self.provider.find_issuer()}
        if state := request.args.get("state"):
            answer["state"] = state
        separator = "&" if "?" in redirect_uri else "?"
        response = redirect(f"{redirect_uri}{separator}{urlencode(answer)}", 303)
        response.headers.update(HEADERS)
        return response

    # -- what applications ask ------------------------------------------------------------------

    def token(self) -> Response:
        """Turn a code into tokens."""
        try:
            answer = jsonify(self._exchange())
        except TokenError as error:
            answer = jsonify(error.body)
            answer.status_code = error.status
            if error.status == 401:
                answer.headers["WWW-Authenticate"] = 'Basic realm="token"'
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def _exchange(self) -> dict[str, Any]:
        client = self._authenticate()
        if request.form.get("grant_type") != "authorization_code":
            raise TokenError("unsupported_grant_type", "only 'authorization_code' is supported")
        grant = self.provider.redeem_code(request.form.get("code", ""))
        digest = hashlib.sha256(request.form.get("code_verifier", "").encode()).digest()
        challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            grant is None
            or grant.client_id != client.client_id
            or grant.redirect_uri != request.form.get("redirect_uri")
            or grant.code_challenge != challenge
        ):
            raise TokenError("invalid_grant", "the code is not good")
        return self.provider.issue_tokens(grant)

    def _authenticate(self) -> Client:
        basic, form = request.authorization, request.form
        if basic is not None and basic.type == "basic":
            if "client_secret" in form:
                raise TokenError("invalid_request", "authenticate in one way, not in two")
            # Form-encoded before Base64: RFC 6749 section 2.3.1.
            identity = unquote_plus(basic.username or ""), unquote_plus(basic.password or "")
        else:
            identity = form.get("client_id", ""), form.get("client_secret", "")
        client = self.provider.authenticate(*identity)
        if client is None:
            raise TokenError("invalid_client", "client_id and client_secret are not good", 401)
        return client

    def userinfo(self) -> Response:
        """Tell about the person that an access token is for."""
        bearer = request.authorization
        token = bearer.token if bearer is not None and bearer.type == "bearer" else None
        claims = self.provider.userinfo(token) if token else None
        answer = jsonify(claims if claims is not None else {"error": "invalid_token"})
        if claims is None:
            answer.status_code = 401
            answer.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def jwks(self) -> Response:
        """Show the public keys."""
        return jsonify(self.provider.jwks())

    def end_session(self) -> WerkzeugResponse:
        """Log out (OpenID Connect RP-Initiated Logout). Nobody is kept logged in here."""
        client = self.provider.clients.get(request.values.get("client_id", ""))
        uri = request.values.get("post_logout_redirect_uri", "")
        issuer = self.provider.find_issuer()
        if client is None or not client.may_go_to(uri, client.post_logout_redirect_uris, issuer):
            return make_response((render_template("auth/provider_logout.html"), HEADERS))
        state = request.values.get("state")
        separator = "&" if "?" in uri else "?"
        return redirect(f"{uri}{separator}{urlencode({'state': state})}" if state else uri, 303)
