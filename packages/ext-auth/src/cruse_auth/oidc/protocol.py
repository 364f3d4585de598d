"""The messages of OAuth 2.0 and OpenID Connect, made by Authlib.

Authlib has no types, so it is kept behind these few functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from authlib.common.urls import add_params_to_uri  # type: ignore[import-untyped]
from authlib.oauth2.auth import ClientAuth  # type: ignore[import-untyped]
from authlib.oauth2.rfc6749.parameters import (  # type: ignore[import-untyped]
    prepare_grant_uri,
    prepare_token_request,
)
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]

from cruse_auth.steps import Fetch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cruse_auth.options import ProviderOptions

__all__ = ["add_parameters", "authorization_url", "revocation_request", "token_request"]


def authorization_url(
    endpoint: str,
    options: ProviderOptions,
    *,
    redirect_uri: str,
    state: str,
    nonce: str | None,
    code_verifier: str,
    parameters: Mapping[str, str],
) -> str:
    """Return where to send the browser: an authorization request with PKCE S256 (RFC 7636)."""
    url: str = prepare_grant_uri(
        endpoint,
        options.client_id,
        "code",
        redirect_uri=redirect_uri,
        scope=options.scope,
        state=state,
        **{
            **options.authorize_params,
            **parameters,
            **({} if nonce is None else {"nonce": nonce}),
            "code_challenge": create_s256_code_challenge(code_verifier),
            "code_challenge_method": "S256",
        },
    )
    return url


def token_request(
    endpoint: str,
    options: ProviderOptions,
    method: str,
    grant_type: str,
    parameters: Mapping[str, str],
) -> Fetch:
    """Return the request that turns a grant into tokens.

    Args:
        endpoint: The token endpoint.
        options: Who we are.
        method: How we prove it: ``client_secret_basic``, ``client_secret_post`` or ``none``.
        grant_type: Which grant.
        parameters: The grant.
    """
    body = prepare_token_request(grant_type, "", **parameters)
    return _authenticated(endpoint, options, method, body)


def revocation_request(
    endpoint: str, options: ProviderOptions, method: str, token: str, hint: str
) -> Fetch:
    """Return the request that takes a token back (RFC 7009 section 2.1).

    Args:
        endpoint: The revocation endpoint.
        options: Who we are.
        method: How we prove it, as for :func:`token_request`.
        token: The token.
        hint: What it is: ``access_token`` or ``refresh_token``.
    """
    body = urlencode({"token": token, "token_type_hint": hint})
    return _authenticated(endpoint, options, method, body)


def _authenticated(endpoint: str, options: ProviderOptions, method: str, body: str) -> Fetch:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    client_id, secret = options.client_id, options.secret()
    if method == "client_secret_basic":  # form-encoded before Base64: RFC 6749 section 2.3.1
        client_id, secret = quote(client_id, safe=""), quote(secret, safe="")
    auth = ClientAuth(client_id, secret, method)
    url, headers, body = auth.prepare("POST", endpoint, headers, body)
    return Fetch("POST", url, headers, body)


def add_parameters(url: str, parameters: Mapping[str, str]) -> str:
    """Return a URL with more parameters in its query."""
    added: str = add_params_to_uri(url, list(parameters.items()))
    return added
