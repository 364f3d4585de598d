"""What ``auth`` has for the tokens that providers gave for a user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cruse_auth.management import owner_id
from cruse_auth.steps import arun, on_event_loop, run
from cruse_auth.tokens.api import ProviderAPI
from cruse_auth.tokens.keeping import require_token_store
from cruse_auth.tokens.revoking import revoking, taking

if TYPE_CHECKING:
    from cruse_auth.state import AuthState

__all__ = ["TokenManagement"]


class TokenManagement:
    """Uses and forgets tokens; there has to be a store for them."""

    @property
    def state(self) -> AuthState:
        """What is kept for the current application."""
        raise NotImplementedError

    def api(self, provider: str, user: Any = None) -> ProviderAPI:
        """Return the API of a provider, called with the tokens that a user let us have.

        Args:
            provider: The provider's name.
            user: The user, or their id; the current one unless given.

        Raises:
            KeyError: When there is no such provider.
            RuntimeError: Without a store for tokens.
        """
        state = self.state
        require_token_store(state)
        return ProviderAPI(state, state.clients[provider], owner_id(user))

    def forget_tokens(
        self, user: Any = None, provider: str | None = None, *, revoke: bool = True
    ) -> int:
        """Forget what a provider gave for a user, and have it take the tokens back (RFC 7009).

        That is done where the provider has an endpoint for it; when it fails, the log tells.

        Args:
            user: The user, or their id; the current one unless given.
            provider: Its name; all of them unless given.
            revoke: Whether the provider is told.

        Returns:
            Of how many providers there was something.

        Raises:
            RuntimeError: Without a store for tokens; or on an event loop, which would stand still
                until the provider has answered.
        """
        if revoke and on_event_loop():
            raise RuntimeError("Async code forgets tokens by 'aforget_tokens'.")
        state = self.state
        gone, taken = run(taking(state, owner_id(user), provider))
        for client, tokens in taken if revoke else ():
            run(revoking(state, client, tokens), client.http())
        return gone

    async def aforget_tokens(
        self, user: Any = None, provider: str | None = None, *, revoke: bool = True
    ) -> int:
        """Forget what a provider gave for a user, as :meth:`forget_tokens`, in async code."""
        state = self.state
        gone, taken = await arun(taking(state, owner_id(user), provider))
        for client, tokens in taken if revoke else ():
            await arun(revoking(state, client, tokens), client.http())
        return gone
