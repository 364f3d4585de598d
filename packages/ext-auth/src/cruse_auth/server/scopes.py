"""What a client asks for, and what of it there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cruse_auth.server.errors import InvalidScopeError

if TYPE_CHECKING:
    from cruse_auth.server.clients import ServerClient
    from cruse_auth.server.state import ServerState

__all__ = ["chosen_scopes"]


def chosen_scopes(
    here: ServerState,
    client: ServerClient,
    wanted: str | None,
    without: frozenset[str] = frozenset(),
) -> tuple[str, ...]:
    """Return the scopes that a client may have of those that it asks for.

    What is not known here is left out (OpenID Connect Core section 3.1.2.1), and the answer says
    what there is (RFC 6749 section 3.3).

    Args:
        here: The server's state.
        client: The client.
        wanted: What it asks for; all that it registered for when it says nothing.
        without: What can't be had in this way.

    Raises:
        InvalidScopeError: When nothing is left.
    """
    allowed = client.scopes
    if wanted is None:
        wanted = " ".join(here.options.all_scopes) if allowed is None else client.scope
    asked = frozenset((wanted or "").split())
    scopes = tuple(
        scope
        for scope in here.options.all_scopes
        if scope in asked and scope not in without and (allowed is None or scope in allowed)
    )
    if not scopes:
        raise InvalidScopeError("There is nothing among the scopes that this client may have.")
    return scopes
