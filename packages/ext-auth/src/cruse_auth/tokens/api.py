"""A provider's API, called for one person with the token that they let us have."""

from __future__ import annotations

import asyncio
import json as json_module
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from cruse_auth.oidc.discovery import check_url
from cruse_auth.oidc.protocol import add_parameters
from cruse_auth.steps import Fetch, arun, on_event_loop, run
from cruse_auth.tokens.keeping import access_token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cruse_auth.http import Reply
    from cruse_auth.oidc import ProviderClient
    from cruse_auth.state import AuthState
    from cruse_auth.steps import Steps

__all__ = ["ProviderAPI"]

T = TypeVar("T")


class ProviderAPI:
    """The API of one provider, for one user. ``auth.api("github")`` makes one.

    Tokens that have ended are renewed first, and one that the API refuses once more. Of the
    methods, those with an ``a`` before their name are for async code.

    All raise :class:`~cruse_auth.tokens.NoTokenError` when the person has to sign in once
    more, :class:`~cruse_auth.errors.ProviderError` when the provider can't be reached,
    ``ValueError`` for an address that is not the API's, and ``RuntimeError`` for a plain one that
    is called on an event loop.

    Args:
        state: The application's.
        client: The provider's.
        user_id: The user's id.
    """

    def __init__(self, state: AuthState, client: ProviderClient, user_id: str) -> None:
        self._state = state
        self._client = client
        self.user_id = user_id

    def access_token(self) -> str:
        """Return an access token that is good now, for a library of the provider's."""
        return self._run(self._token())

    async def aaccess_token(self) -> str:
        """Return an access token, as :meth:`access_token`."""
        return await self._finish(self._token())

    def get(self, url: str, *, params: Mapping[str, str] | None = None) -> Reply:
        """Return what the API says to a GET; as :meth:`request`."""
        return self.request("GET", url, params=params)

    async def aget(self, url: str, *, params: Mapping[str, str] | None = None) -> Reply:
        """Return what the API says to a GET; as :meth:`request`."""
        return await self.arequest("GET", url, params=params)

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Return what the API says to a request, whatever its status.

        Args:
            method: The method.
            url: A path below the provider's ``api_url``; or a whole address of the same origin.
                The token is sent nowhere else.
            params: To be added to its query.
            json: The body.
            headers: More header fields.
        """
        return self._run(self._request(method, url, params or {}, json, headers or {}))

    async def arequest(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Return what the API says to a request; as :meth:`request`."""
        return await self._finish(self._request(method, url, params or {}, json, headers or {}))

    def _token(self, refused: str | None = None) -> Steps[str]:
        return access_token(self._state, self._client, self.user_id, refused)

    def _run(self, steps: Steps[T]) -> T:
        # Who renews the tokens may be a task of the loop that would stand still here.
        if on_event_loop():
            raise RuntimeError("Async code calls a provider's API by 'aget' and its like.")
        return run(steps, self._client.http())

    async def _finish(self, steps: Steps[T]) -> T:
        # Also when who waits for it goes away: a refresh token that was used up without keeping
        # the new one would log the person out of the provider.
        return await asyncio.shield(asyncio.create_task(arun(steps, self._client.http())))

    def _request(
        self,
        method: str,
        url: str,
        params: Mapping[str, str],
        json: Any,
        headers: Mapping[str, str],
    ) -> Steps[Reply]:
        url = self._address(url)
        if params:
            url = add_parameters(url, params)
        headers, body = {"Accept": "application/json", **headers}, ""
        if json is not None:
            headers["Content-Type"], body = "application/json", json_module.dumps(json)
        refused: str | None = None
        while True:
            token = yield from self._token(refused)
            authorized = {**headers, "Authorization": f"Bearer {token}"}
            reply: Reply = yield Fetch(method, url, authorized, body)
            if reply.status != 401 or refused is not None:
                return reply
            refused = token

    def _address(self, url: str) -> str:
        bases = self._client.options.api_urls
        if not bases:
            raise ValueError(
                f"The provider has no 'api_url' that would say whether {url!r} may get its tokens."
            )
        if url.startswith("/") and not url.startswith("//"):
            url = bases[0].rstrip("/") + url
        if urlsplit(url)[:2] not in [urlsplit(base)[:2] for base in bases]:
            raise ValueError(f"{url!r} is not an address of the API at {' or '.join(bases)}.")
        check_url(url, "the address", self._client.insecure)
        return url
