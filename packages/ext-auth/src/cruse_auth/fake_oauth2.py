"""A provider of plain OAuth 2.0 for tests: without ID tokens, as GitHub and others are."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from cruse import Cruse, jsonify, make_response, request
from cruse_auth.http import InProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cruse import Response

__all__ = ["FakeOAuth2Provider"]


class FakeOAuth2Provider:
    """Answers at every host as a provider of plain OAuth 2.0 does; nothing leaves the process.

    ::

        github = FakeOAuth2Provider(
            "/login/oauth/access_token",
            {"/user": {"id": 1, "login": "ada"}, "/user/emails": []},
        )
        app.config["AUTH_PROVIDERS"] = {"github": {"preset": "github", **github.options()}}
        client.get(github.approve(client.post("/auth/github/login").location))  # logged in

    Args:
        token_path: The path of the token endpoint.
        documents: What is shown to a good access token, by path.
        issuer: What it calls itself in its answers (RFC 9207); ``None`` if it does not.
        refuses_with: The status of a refusal by the token endpoint; of some it is 200.
        token_answer: What the token endpoint says beside the access token. With ``expires_in`` in
            it there are refresh tokens, each good for once.
    """

    def __init__(
        self,
        token_path: str,
        documents: Mapping[str, Any],
        *,
        issuer: str | None = None,
        refuses_with: int = 400,
        token_answer: Mapping[str, Any] | None = None,
    ) -> None:
        self.documents = dict(documents)
        self.issuer = issuer
        self.refuses_with = refuses_with
        self.token_answer = dict(token_answer or {})
        #: What it calls a grant that is not good; some have a word of their own.
        self.error = "invalid_grant"
        self.client_secret = secrets.token_urlsafe()
        #: The forms that the token endpoint got, in order.
        self.token_requests: list[dict[str, str]] = []
        #: The access tokens and refresh tokens that are good.
        self.access_tokens: set[str] = set()
        self.refresh_tokens: set[str] = set()
        self._codes: dict[str, dict[str, str]] = {}
        #: The provider as an application.
        self.app = Cruse(__name__, static_folder=None)
        self.app.add_url_rule(token_path, "token", self._token, methods=["POST"])
        for number, path in enumerate(documents):
            self.app.add_url_rule(path, f"document{number}", self._document)

    def options(self, **more: Any) -> dict[str, Any]:
        """Return what the configuration of the provider needs beside the endpoints."""
        return {
            "client_id": "fake",
            "client_secret": self.client_secret,
            "transport": InProcess(self.app),
            **more,
        }

    def approve(self, url: str, **changes: str) -> str:
        """Return where the browser of somebody who said yes is sent back to.

        Args:
            url: The authorization request.
            changes: New parameters of the answer.
        """
        query = dict(parse_qsl(urlsplit(url).query))
        code = secrets.token_urlsafe()
        self._codes[code] = query
        issuer = {} if self.issuer is None else {"iss": self.issuer}
        answer = {"code": code, "state": query["state"], **issuer, **changes}
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def _token(self) -> Response:
        form = dict(request.form)
        self.token_requests.append(form)
        if not self._is_client(form) or not self._is_good(form):
            error = {"error": self.error, "error_description": "This is not good."}
            return make_response((jsonify(error), self.refuses_with))
        tokens: dict[str, Any] = {"access_token": secrets.token_urlsafe(), "token_type": "bearer"}
        self.access_tokens.add(tokens["access_token"])
        tokens |= self.token_answer
        if "expires_in" in tokens:
            tokens["refresh_token"] = secrets.token_urlsafe()
            self.refresh_tokens.add(tokens["refresh_token"])
        if "application/json" not in request.headers.get("Accept", ""):
            return make_response(urlencode(tokens))  # GitHub does so
        return jsonify(tokens)

    def _is_client(self, form: Mapping[str, str]) -> bool:
        basic = request.authorization
        if basic is not None and basic.type == "basic":
            client = unquote_plus(basic.username or ""), unquote_plus(basic.password or "")
        else:
            client = form.get("client_id", ""), form.get("client_secret", "")
        return client == ("fake", self.client_secret)

    def _is_good(self, form: Mapping[str, str]) -> bool:
        """Whether the grant is; it is used up."""
        if form.get("grant_type") == "refresh_token":
            token = form.get("refresh_token", "")
            known = token in self.refresh_tokens
            self.refresh_tokens.discard(token)
            return known
        asked = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
        return (
            asked is not None
            and asked.get("code_challenge") == challenge
            and asked["redirect_uri"] == form.get("redirect_uri")
        )

    def _document(self) -> Response:
        bearer = request.authorization
        token = bearer.token if bearer is not None and bearer.type == "bearer" else None
        # GitHub wants to be told who asks.
        if token not in self.access_tokens or "User-Agent" not in request.headers:
            return make_response((jsonify(message="Bad credentials"), 401))
        return jsonify(self.documents[request.path])
