"""What ``auth`` has for the tokens that providers gave for a user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cruse_auth.management import owner_id
from cruse_auth.steps import arun, run
from cruse_auth.tokens.api import ProviderAPI
from cruse_auth.tokens.keeping import forgetting, require_token_store

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

    def forget_tokens(self, user: Any = None, provider: str | None = None) -> int:
        """Forget what a provider gave for a user; the provider is not told.

        Args:
            user: The user, or their id; the current one unless given.
            provider: Its name; all of them unless given.

        Returns:
            Of how many providers there was something.
        """
        return run(forgetting(self.state, owner_id(user), provider))

    async def aforget_tokens(self, user: Any = None, provider: str | None = None) -> int:
        """Forget what a provider gave for a user, as :meth:`forget_tokens`, in async code."""
        return await arun(forgetting(self.state, owner_id(user), provider))
