"""Tokens that are given up: forgotten here, and taken back by the provider (RFC 7009)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cruse_auth.errors import LoginError
from cruse_auth.steps import Call
from cruse_auth.tokens.keeping import require_token_store
from cruse_auth.tokens.sets import Tokens

if TYPE_CHECKING:
    from cruse_auth.oidc import ProviderClient
    from cruse_auth.state import AuthState
    from cruse_auth.steps import Steps
    from cruse_auth.tokens.stores import StoredTokens

__all__ = ["giving_up", "revoking", "taking"]


def taking(
    state: AuthState, user_id: str, provider: str | None
) -> Steps[tuple[int, list[tuple[ProviderClient, Tokens]]]]:
    """Take the tokens of a user out of the store.

    Args:
        state: The application's.
        user_id: Whose.
        provider: Of which provider; of all for ``None``.

    Returns:
        Of how many providers there was something, and what can still be read of it.
    """
    store, taken = require_token_store(state), []
    for name in state.clients if provider is None else [provider]:
        client = state.clients.get(name)
        stored: StoredTokens | None = yield Call(store.get, (user_id, name))
        tokens = None if stored is None else Tokens.opened(state.sealer, stored)
        if client is not None and tokens is not None:
            taken.append((client, tokens))
    # Before the provider hears of it: nobody shall use tokens that it is about to end.
    gone: int = yield Call(store.remove, (user_id, provider, None))
    return gone, taken


def revoking(state: AuthState, client: ProviderClient, tokens: Tokens) -> Steps[None]:
    """Ask a provider to take tokens back, if it can; that it did not is for the log only.

    Of a grant with a refresh token that one is named: with it the others end (section 2.1).
    """
    try:
        metadata = yield from client.metadata(tokens.issuer)
        if tokens.refresh_token is not None:
            yield from client.revoke(metadata, tokens.refresh_token, "refresh_token")
        else:
            yield from client.revoke(metadata, tokens.access_token, "access_token")
    except LoginError as error:
        state.app.logger.warning(
            "Provider %r did not take a token back: %s", client.options.name, error.cause
        )


def giving_up(state: AuthState, client: ProviderClient, user_id: str) -> Steps[None]:
    """Forget the tokens that a user has of one provider, and have it take them back."""
    if state.auth.token_store is None:
        return
    _, taken = yield from taking(state, user_id, client.options.name)
    for _, tokens in taken:
        yield from revoking(state, client, tokens)
