"""The authorization server of an application: what it says to it, and what it can ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from cruse import current_app
from cruse_auth.management import owner_id
from cruse_auth.server.clients import Clients
from cruse_auth.server.consent import CONSENT
from cruse_auth.server.keys import Keys
from cruse_auth.server.permissions import ending
from cruse_auth.steps import Call, arun, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from cruse_auth.server.options import ServerOptions
    from cruse_auth.server.store import Record
    from cruse_auth.steps import Steps

__all__ = ["AuthorizationServer"]

F = TypeVar("F", bound="Callable[..., Any]")


class AuthorizationServer:
    """An authorization server, OAuth 2.1 and OpenID Connect; ``auth.server(...)`` makes it.

    Args:
        options: What the application says of it.
    """

    def __init__(self, options: ServerOptions) -> None:
        self.options = options
        #: The programs that may ask for tokens.
        self.clients = Clients()
        #: The keys that tokens are signed with.
        self.keys = Keys()
        self.claims_function: Callable[..., Any] | None = None
        self.consent_function: Callable[..., Any] | None = None
        self.client_function: Callable[..., Any] | None = None

    def claims(self, function: F) -> F:
        """Register what tells about a user: a dictionary of claims, such as ``name``.

        It gets the user and the set of scopes. Standard claims of scopes that are not among them
        are left out afterwards (OpenID Connect Core section 5.4). It may be plain or async.
        """
        self.claims_function = function
        return function

    def consent(self, function: F) -> F:
        """Register what asks people whether a client may have what it asks for.

        It gets a :class:`~cruse_auth.server.ConsentRequest` and returns the page, with a form; or
        True or False where nobody has to be asked. It may be plain or async.
        """
        self.consent_function = function
        return function

    def client_loader(self, function: F) -> F:
        """Register what knows clients that are not in the store, such as those of a configuration.

        It gets a ``client_id`` and returns a :class:`~cruse_auth.server.ServerClient`, or ``None``
        for one that is in the store, or nowhere. It may be plain or async.
        """
        self.client_function = function
        return function

    # -- what people have allowed ---------------------------------------------------------------

    def allowed(self, user: Any = None) -> dict[str, list[str]]:
        """Return what a user has allowed: the scopes by the ``client_id``.

        Args:
            user: The user, or their id; the current one unless given.
        """
        return run(_allowed(owner_id(user)))

    async def aallowed(self, user: Any = None) -> dict[str, list[str]]:
        """Return what a user has allowed, as :meth:`allowed`, in async code."""
        return await arun(_allowed(owner_id(user)))

    def revoke(self, user: Any = None, client_id: str | None = None) -> bool:
        """Take back what a user has allowed, with all that was issued because of it.

        Args:
            user: The user, or their id; the current one unless given.
            client_id: The client; all of them unless given.

        Returns:
            Whether there was something.
        """
        return run(_revoking(owner_id(user), client_id))

    async def arevoke(self, user: Any = None, client_id: str | None = None) -> bool:
        """Take back what a user has allowed, as :meth:`revoke`, in async code."""
        return await arun(_revoking(owner_id(user), client_id))


def _allowed(user_id: str) -> Steps[dict[str, list[str]]]:
    store = current_app.extensions["auth"].server.store
    records: list[Record] = yield Call(store.find, (CONSENT, user_id, None))
    return {
        record.client_id: sorted(
            {scope for each in record.content["at"].values() for scope in each}
        )
        for record in records
    }


def _revoking(user_id: str, client_id: str | None) -> Steps[bool]:
    here = current_app.extensions["auth"].server
    # Not all that is known of them: who has to be told of the end of a login has to be still.
    gone: int = yield from ending(here, user_id, client_id)
    records: list[Record] = yield Call(here.store.find, (CONSENT, user_id, client_id))
    for record in records:
        gone += yield Call(here.store.remove, (CONSENT, record.id))
    return bool(gone)
