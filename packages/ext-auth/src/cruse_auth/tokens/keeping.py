"""How tokens are kept, found and renewed: by one, however many need them.

Who finds an expired access token writes into the store that they are renewing it. Of threads,
tasks and processes that want to, one succeeds; the others wait for what it writes. Where the
provider changes refresh tokens with each use, a second one with the old token would look like a
thief to it, and end the whole grant (RFC 9700 section 4.14.2).
"""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import Forbidden

from cruse_auth.errors import LoginError, ProviderError
from cruse_auth.oidc.client import TokenRefusedError
from cruse_auth.signals import sending, tokens_refreshed
from cruse_auth.steps import Call, Wait
from cruse_auth.tokens.sets import Tokens
from cruse_auth.tokens.stores import StoredTokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cruse_auth.oidc import ProviderClient
    from cruse_auth.oidc.transactions import Transaction
    from cruse_auth.state import AuthState
    from cruse_auth.steps import Steps

__all__ = [
    "NoTokenError",
    "access_token",
    "forgetting_online",
    "keep",
    "require_token_store",
]

#: Seconds between two looks whether another one is done.
PAUSE = 0.05
#: Seconds after which who was renewing tokens has died: more than two requests may take.
PATIENCE = 10
#: What says that a refresh token is good no more: RFC 6749 section 5.2; GitHub; Slack.
GRANT_IS_OVER = ("invalid_grant", "bad_refresh_token", "invalid_refresh_token")


class NoTokenError(Forbidden):
    """There is no good token for somebody: they have to sign in with the provider once more.

    Where nothing handles it, it is a 403 that does not tell the cause.

    Args:
        provider: The provider's name.
        user_id: Whose token was needed.
        cause: Why there is none, for the log.
    """

    def __init__(self, provider: str, user_id: str, cause: str) -> None:
        super().__init__("For this, please sign in with that service once more.")
        self.provider = provider
        self.user_id = user_id
        self.cause = cause

    def __str__(self) -> str:
        return f"No token of {self.provider!r} for the user {self.user_id!r}: {self.cause}."


def keep(
    state: AuthState, login: Transaction, user_id: str, subject: str, answer: Mapping[str, Any]
) -> Steps[None]:
    """Keep what the token endpoint gave at a login, if there is a store for it."""
    store, provider = state.auth.token_store, login.provider
    if store is None:
        return
    sealer = state.sealer
    while True:
        stored: StoredTokens | None = yield Call(store.get, (user_id, provider))
        before = None if stored is None else Tokens.opened(sealer, stored)
        sealed = Tokens.of(answer, subject, login.issuer, before).sealed(sealer, user_id, provider)
        new = StoredTokens(user_id, provider, _new_version(), sealed)
        if stored is None:
            yield Call(store.put, (new,))
            return
        # What was renewed meanwhile has another refresh token: look again.
        if (yield Call(store.replace, (new, stored.version))):
            return


def access_token(
    state: AuthState, client: ProviderClient, user_id: str, refused: str | None = None
) -> Steps[str]:
    """Return an access token that is good, renewed if it must be.

    Args:
        state: The application's.
        client: The provider's.
        user_id: Whose.
        refused: One that the API did not take.

    Raises:
        NoTokenError: When there is none.
        ProviderError: When the provider does not answer.
    """
    try:
        return (yield from _find_token(state, client, user_id, refused))
    except NoTokenError as error:
        state.app.logger.info("%s", error)
        raise


def _find_token(
    state: AuthState, client: ProviderClient, user_id: str, refused: str | None
) -> Steps[str]:
    store, provider = require_token_store(state), client.options.name
    patience = PATIENCE + 2 * state.settings.http_timeout
    give_up = time.monotonic() + 2 * patience
    while True:
        stored: StoredTokens | None = yield Call(store.get, (user_id, provider))
        tokens = None if stored is None else Tokens.opened(state.sealer, stored)
        if stored is None or tokens is None:
            raise NoTokenError(provider, user_id, "none is kept")
        if not tokens.expired and tokens.access_token != refused:
            return tokens.access_token
        if tokens.refresh_token is None:
            raise NoTokenError(provider, user_id, "it has ended, and none came to renew it")
        now = int(time.time())
        if stored.busy_until <= now:
            mine = replace(stored, version=_new_version(), busy_until=now + int(patience))
            if (yield Call(store.replace, (mine, stored.version))):
                return (yield from _renew(state, client, mine, tokens))
        elif time.monotonic() > give_up:
            raise ProviderError(f"another one is still renewing the tokens of {provider!r}")
        yield Wait(PAUSE)


def _renew(
    state: AuthState, client: ProviderClient, mine: StoredTokens, tokens: Tokens
) -> Steps[str]:
    """Renew tokens, as the one who has said that they do."""
    store = require_token_store(state)
    try:
        metadata = yield from client.metadata(tokens.issuer)
        answer = yield from client.exchange(
            metadata, "refresh_token", refresh_token=str(tokens.refresh_token)
        )
    except Exception as error:
        if isinstance(error, TokenRefusedError) and error.error in GRANT_IS_OVER:
            yield Call(store.remove, (mine.user_id, mine.provider, mine.version))
            raise NoTokenError(mine.provider, mine.user_id, error.cause) from error
        # It may go better the next time, so nobody has to wait for us.
        free = replace(mine, version=_new_version(), busy_until=0)
        yield Call(store.replace, (free, mine.version))
        if isinstance(error, LoginError):
            raise ProviderError(error.cause) from error
        raise
    new = Tokens.of(answer, tokens.subject, tokens.issuer, tokens)
    yield from _put_back(state, mine, new, str(tokens.refresh_token))
    yield from sending(tokens_refreshed, user_id=mine.user_id, provider=mine.provider)
    return new.access_token


def _put_back(state: AuthState, mine: StoredTokens, new: Tokens, used: str) -> Steps[None]:
    """Keep renewed tokens; of those that a login has brought meanwhile, the refresh token only.

    Args:
        state: The application's.
        mine: What is in the store, if nobody has changed it.
        new: The tokens.
        used: The refresh token that they came for, which may be good no more.
    """
    store, sealer = require_token_store(state), state.sealer
    stored: StoredTokens | None = mine
    while stored is not None:
        sealed = new.sealed(sealer, mine.user_id, mine.provider)
        done = StoredTokens(mine.user_id, mine.provider, _new_version(), sealed)
        if (yield Call(store.replace, (done, stored.version))):
            return
        stored = yield Call(store.get, (mine.user_id, mine.provider))
        theirs = None if stored is None else Tokens.opened(sealer, stored)
        if theirs is None or theirs.refresh_token != used:
            return
        new = replace(theirs, refresh_token=new.refresh_token)


def forgetting_online(state: AuthState, user_id: str, provider: str) -> Steps[None]:
    """Forget tokens that were given for as long as the person is logged in at the provider.

    Those for longer have ``offline_access`` in their scope (Back-Channel Logout 1.0 section 2.7).
    """
    store = state.auth.token_store
    if store is None:
        return
    stored: StoredTokens | None = yield Call(store.get, (user_id, provider))
    tokens = None if stored is None else Tokens.opened(state.sealer, stored)
    if stored is not None and (
        tokens is None or "offline_access" not in (tokens.scope or "").split()
    ):
        yield Call(store.remove, (user_id, provider, stored.version))


def _new_version() -> str:
    return secrets.token_hex(8)


def require_token_store(state: AuthState) -> Any:
    """Return the store of tokens.

    Raises:
        RuntimeError: When there is none.
    """
    if state.auth.token_store is None:
        raise RuntimeError(
            "Using a provider's API needs a store for its tokens: make the extension with"
            " 'Auth(token_store=cruse_auth.sql.SQLTokenStore(db))', or with 'MemoryTokenStore()'"
            " in a test."
        )
    return state.auth.token_store
