"""The development provider itself: what it issues and to whom."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any, NamedTuple

from itsdangerous import BadData, URLSafeTimedSerializer
from joserfc import jwt
from joserfc.jwk import RSAKey

from cruse import Cruse, current_app, request
from cruse.extension import SettingsError
from cruse.lazy import lazy
from cruse_auth.development.people import Client
from cruse_auth.http import InProcess

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cruse import Blueprint
    from cruse_auth.development.people import Person

__all__ = ["DevelopmentProvider", "Grant"]

#: Seconds that a code is good for, and an access token.
CODE_LIFETIME = 60
TOKEN_LIFETIME = 3600


class Grant(NamedTuple):
    """What a person allowed a client; a code carries it, signed."""

    subject: str
    client_id: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str
    auth_time: int
    code_id: str
    #: What the client asked for; who needs no password is as sure as one likes.
    acr: str | None = None


class DevelopmentProvider:
    """An OpenID provider without passwords, mounted in the application that uses it.

    It keeps nothing: codes and tokens are signed, so that every process of a server knows those of
    the others. Make one per application::

        provider = DevelopmentProvider([Person("ada", "Ada Lovelace", "ada@example.com")])
        provider.init_app(app)
        app.config["AUTH_PROVIDERS"] = {"op": provider.options()}

    Args:
        people: Who can log in.
        url_prefix: What its URLs start with.
    """

    def __init__(self, people: Iterable[Person], *, url_prefix: str = "/provider") -> None:
        self.people = {person.subject: person for person in people}
        self.url_prefix = url_prefix
        #: Who may ask; the application it is mounted in is always there.
        self.clients: dict[str, Client] = {}
        self.add_client(Client("development", secrets.token_urlsafe(), same_origin=True))
        self._key = secrets.token_bytes(32)
        self._mounted_in: Cruse | None = None
        self._used: dict[str, float] = {}

    def add_client(self, client: Client) -> None:
        """Let another application use the provider."""
        self.clients[client.client_id] = client

    def init_app(self, app: Cruse) -> None:
        """Mount the provider in an application.

        The application does not start when it is neither in debug mode nor under test, unless
        ``AUTH_DEVELOPMENT_PROVIDER`` is set.
        """
        self._mounted_in = app
        app.register_blueprint(self.make_blueprint())

        def refuse_in_production() -> None:
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
        client = self.clients["development"]
        return {
            "issuer": self.find_issuer,
            "client_id": client.client_id,
            "client_secret": client.client_secret,
            "transport": InProcess(self.app),
            **more,
        }

    def make_blueprint(self) -> Blueprint:
        """Return the provider's pages and endpoints."""
        from cruse_auth.development.views import make_blueprint

        return make_blueprint(self)

    @lazy
    def app(self) -> Cruse:
        """The provider as an application of its own, for requests in this process."""
        app = Cruse(__name__, static_folder=None, template_folder="../templates")
        app.config["AUTH_DEVELOPMENT_PROVIDER"] = True
        app.register_blueprint(self.make_blueprint())
        return app

    def find_issuer(self) -> str:
        """Return the issuer: the provider's address as the current request sees it."""
        auth = current_app.extensions.get("auth")
        if auth is not None:
            address: str = auth.external_url(request.root_path + self.url_prefix)
            return address
        return request.host_url.rstrip("/") + self.url_prefix

    # -- codes and tokens -----------------------------------------------------------------------

    @lazy
    def signing_key(self) -> RSAKey:
        """The key that ID tokens are signed with, made at the first use."""
        return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)

    def _sealer(self, purpose: str) -> URLSafeTimedSerializer:
        app = self._mounted_in
        secret = app.config["SECRET_KEY"] if app is not None else None
        return URLSafeTimedSerializer(
            secret or self._key,  # the secret key is the same in all processes of a server
            salt=f"cruse-auth.development.{purpose}",
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )

    def issue_code(self, grant: Grant) -> str:
        """Return a code for what a person allowed."""
        code: str = self._sealer("code").dumps(list(grant))
        return code

    def redeem_code(self, code: str) -> Grant | None:
        """Return what a code stands for, once."""
        try:
            grant = Grant(*self._sealer("code").loads(code, max_age=CODE_LIFETIME))
        except (BadData, TypeError):
            return None
        now = time.monotonic()
        for used, at in list(self._used.items()):
            if now - at > 2 * CODE_LIFETIME:
                self._used.pop(used, None)
        # One step, so that of two threads with the same code one is first.
        return grant if self._used.setdefault(grant.code_id, now) is now else None

    def issue_tokens(self, grant: Grant) -> dict[str, Any]:
        """Return the answer of the token endpoint."""
        token = [grant.subject, grant.scope, secrets.token_urlsafe(8)]
        access_token = str(self._sealer("token").dumps(token))
        return {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFETIME,
            "scope": grant.scope,
            "id_token": self.sign(*self.id_token(grant, access_token)),
        }

    def id_token(self, grant: Grant, access_token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return header and claims of an ID token."""
        now = int(time.time())
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        claims = {
            "iss": self.find_issuer(),
            "sub": grant.subject,
            "aud": grant.client_id,
            "iat": now,
            "exp": now + 300,
            "auth_time": grant.auth_time,
            "at_hash": urlsafe_b64encode(half).rstrip(b"=").decode(),
        }
        if grant.nonce is not None:
            claims["nonce"] = grant.nonce
        if grant.acr is not None:
            claims["acr"] = grant.acr
        return {"alg": "RS256", "kid": self.signing_key.kid}, claims

    def sign(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        """Return a signed token."""
        return jwt.encode(header, claims, self.signing_key)

    def userinfo(self, access_token: str) -> dict[str, Any] | None:
        """Return what an access token lets its holder know; ``None`` when it is not good."""
        try:
            subject, scope, _ = self._sealer("token").loads(access_token, max_age=TOKEN_LIFETIME)
        except (BadData, TypeError, ValueError):
            return None
        person = self.people.get(subject)
        return None if person is None else {"sub": subject, **person.about(scope)}

    def jwks(self) -> dict[str, Any]:
        """Return the public keys."""
        return {"keys": [self.signing_key.as_dict(private=False)]}

    def authenticate(self, client_id: str, client_secret: str) -> Client | None:
        """Return a client that proved who it is."""
        client = self.clients.get(client_id)
        if client is None or not hmac.compare_digest(
            client.client_secret.encode(), client_secret.encode()
        ):
            return None
        return client


def is_development(app: Cruse) -> bool:
    """Whether a provider without passwords may run in an application."""
    return app.debug or app.testing or app.config.get("AUTH_DEVELOPMENT_PROVIDER") is True
