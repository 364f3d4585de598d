"""One provider as one application talks to it: how a login begins, ends, and is undone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from cruse_auth.errors import LoginDeniedError, LoginError, ProviderError
from cruse_auth.http import Http
from cruse_auth.oidc.protocol import (
    add_parameters,
    authorization_url,
    revocation_request,
    token_request,
)
from cruse_auth.steps import Fetch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cruse_auth.http import Reply
    from cruse_auth.oidc.discovery import Metadata
    from cruse_auth.oidc.identity import Identity
    from cruse_auth.oidc.transactions import Transaction
    from cruse_auth.options import ProviderOptions
    from cruse_auth.settings import AuthSettings
    from cruse_auth.steps import Steps

__all__ = ["Callback", "ProviderClient"]

#: The parameters of a callback.
PARAMETERS = ("code", "state", "iss", "error", "error_description", "user")
#: The longest of them that is taken from a form, in characters.
LONGEST = 2000


@dataclass(frozen=True)
class Callback:
    """The parameters with which the provider sent the browser back (RFC 6749 section 4.1.2)."""

    code: str | None = field(repr=False)
    issuer: str | None
    error: str | None
    error_description: str | None
    #: What Apple says about the person at their first login, as JSON; nobody vouches for it.
    user: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, args: Mapping[str, str]) -> Callback:
        """Return the parameters of a query."""
        return cls(
            *(args.get(key) for key in ("code", "iss", "error", "error_description", "user"))
        )

    @staticmethod
    def as_query(form: Mapping[str, str]) -> str:
        """Return the query that says the same as a form (OAuth 2.0 Form Post Response Mode)."""
        parameters = {key: form[key] for key in PARAMETERS if key in form}
        return urlencode({key: text for key, text in parameters.items() if len(text) <= LONGEST})


class ProviderClient:
    """The client of one application for one provider; what kind it is, subclasses know.

    Args:
        options: Which provider, and who we are there.
        settings: The settings of the extension.
    """

    def __init__(self, options: ProviderOptions, settings: AuthSettings) -> None:
        self.options = options
        self.settings = settings

    @property
    def issuer(self) -> str:
        """The issuer, for the current request."""
        issuer = self.options.issuer
        return issuer if isinstance(issuer, str) else issuer()

    @property
    def insecure(self) -> bool:
        """Whether plain HTTP will do; in this process nobody listens in."""
        return self.settings.insecure_http or self.options.transport is not None

    def http(self) -> Http:
        """Return a new HTTP client, for one login."""
        settings = self.settings
        return Http(settings.http_timeout, settings.http_max_bytes, self.options.transport)

    # -- what kinds of providers differ in ------------------------------------------------------

    def metadata(self, issuer: str) -> Steps[Metadata]:
        """Return where everything is.

        Raises:
            ProviderError: When it can't be had.
        """
        raise NotImplementedError

    def _nonce(self, login: Transaction) -> str | None:
        """Return what binds the ID token to the login, where there is one."""
        raise NotImplementedError

    def _identify(
        self, metadata: Metadata, login: Transaction, callback: Callback, tokens: dict[str, Any]
    ) -> Steps[Identity]:
        """Return whose tokens these are."""
        raise NotImplementedError

    # -- the way of a login ---------------------------------------------------------------------

    def authorization_url(self, login: Transaction) -> Steps[str]:
        """Return where to send the browser to log in.

        Raises:
            ProviderError: When the provider's metadata can't be had.
        """
        metadata = yield from self.metadata(login.issuer)
        # Even where the provider still knows the person, for a login that must be fresh.
        parameters = {"prompt": "login", "max_age": "0"} if login.purpose.fresh else {}
        if login.purpose.acr is not None:
            parameters["acr_values"] = login.purpose.acr
        return authorization_url(
            metadata.authorization_endpoint,
            self.options,
            redirect_uri=login.redirect_uri,
            state=login.state,
            nonce=self._nonce(login),
            code_verifier=login.code_verifier,
            parameters=parameters,
        )

    def complete(
        self, login: Transaction, callback: Callback
    ) -> Steps[tuple[Identity, dict[str, Any]]]:
        """Return who logged in, and the answer of the token endpoint.

        Args:
            login: The login; its state was checked to be this browser's.
            callback: What the provider sent back.

        Raises:
            LoginError: When anything is not as it has to be.
        """
        metadata = yield from self.metadata(login.issuer)
        self._check_issuer(callback, metadata)
        if callback.error is not None:
            text = f"{callback.error!r}: {callback.error_description!r}"
            raise LoginDeniedError(f"the provider refused with {text}")
        if not callback.code:
            raise LoginError("the callback has neither a code nor an error")
        tokens = yield from self.exchange(
            metadata,
            "authorization_code",
            code=callback.code,
            code_verifier=login.code_verifier,
            redirect_uri=login.redirect_uri,
        )
        return (yield from self._identify(metadata, login, callback, tokens)), tokens

    def logout_url(self, post_logout_redirect_uri: str) -> Steps[str | None]:
        """Return where to send the browser to log out at the provider too, if it can do that.

        OpenID Connect RP-Initiated Logout 1.0, by our client id: an ID token as a hint would have
        to be kept for the whole session.
        """
        metadata = yield from self.metadata(self.issuer)
        if metadata.end_session_endpoint is None:
            return None
        return add_parameters(
            metadata.end_session_endpoint,
            {
                "client_id": self.options.client_id,
                "post_logout_redirect_uri": post_logout_redirect_uri,
            },
        )

    @staticmethod
    def _check_issuer(callback: Callback, metadata: Metadata) -> None:
        """Refuse an answer of another provider, before its code goes anywhere (RFC 9207)."""
        if callback.issuer is None and not metadata.names_itself:
            return
        if callback.issuer is None or not metadata.is_issuer(callback.issuer):
            raise LoginError(
                f"the answer is that of issuer {callback.issuer!r}, not of {metadata.issuer!r}"
            )

    def exchange(
        self, metadata: Metadata, grant_type: str, **parameters: str
    ) -> Steps[dict[str, Any]]:
        """Turn a grant into tokens (RFC 6749 sections 4.1.3 and 6).

        Args:
            metadata: Where the token endpoint is.
            grant_type: ``authorization_code`` or ``refresh_token``.
            parameters: The grant.

        Raises:
            TokenRefusedError: When the provider refuses.
            ProviderError: When its answer makes no sense.
        """
        reply = yield token_request(
            metadata.token_endpoint,
            self.options,
            self._client_auth(metadata),
            grant_type,
            parameters,
        )
        tokens: dict[str, Any] = reply.json()
        # Some (GitHub, Slack) refuse with status 200.
        if reply.status != 200 or "error" in tokens:
            raise TokenRefusedError(reply.status, tokens)
        if str(tokens.get("token_type")).lower() != "bearer":
            raise ProviderError(f"the access token is of type {tokens.get('token_type')!r}")
        access_token = tokens.get("access_token")
        if not isinstance(access_token, str) or not _is_token(access_token):
            raise ProviderError("the token endpoint sent no access token")
        return tokens

    def revoke(self, metadata: Metadata, token: str, hint: str) -> Steps[None]:
        """Have the provider take a token back, if it has an endpoint for it (RFC 7009).

        Args:
            metadata: Where the endpoint is.
            token: The token.
            hint: What it is: ``access_token`` or ``refresh_token``.

        Raises:
            ProviderError: When the provider does not say that it did.
        """
        endpoint = metadata.revocation_endpoint
        if endpoint is None:
            return
        method = self._client_auth(metadata)
        reply = yield revocation_request(endpoint, self.options, method, token, hint)
        if reply.status != 200:
            raise ProviderError(f"{endpoint} answered with status {reply.status}")

    def _client_auth(self, metadata: Metadata) -> str:
        if self.options.client_auth is not None:
            return self.options.client_auth
        if self.options.client_secret is None:
            return "none"
        offered = metadata.client_auth_methods
        if "client_secret_basic" not in offered and "client_secret_post" in offered:
            return "client_secret_post"
        return "client_secret_basic"

    @staticmethod
    def _ask(endpoint: str, access_token: str) -> Steps[Reply]:
        """Ask an endpoint about the person whose access token it is."""
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        reply = yield Fetch("GET", endpoint, headers)
        if reply.status != 200:
            raise ProviderError(f"{endpoint} answered with status {reply.status}")
        answer: Reply = reply
        return answer


class TokenRefusedError(LoginError):
    """The token endpoint said no.

    Args:
        status: The status of its answer.
        answer: The answer.
    """

    def __init__(self, status: int, answer: Mapping[str, Any]) -> None:
        self.error = answer.get("error")
        said = f"{self.error!r}: {answer.get('error_description')!r}"
        super().__init__(f"the token endpoint refused (status {status}) with {said}")


def _is_token(value: str) -> bool:
    """Whether a text can be sent as a bearer token: visible ASCII (RFC 6749 appendix A.12)."""
    return bool(value) and all("!" <= character <= "~" for character in value)
