"""Which clients somebody has visited in a login, so that they can be told of its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cruse_auth.server.store import Record, digest
from cruse_auth.sessions import FOREVER
from cruse_auth.steps import Call

if TYPE_CHECKING:
    from cruse_auth.server.clients import ServerClient
    from cruse_auth.server.state import ServerState
    from cruse_auth.steps import Steps

__all__ = ["VISIT", "sid_for", "visiting"]

#: The kind of the records.
VISIT = "visit"


def sid_for(login: str, client_id: str) -> str:
    """Return what a client knows a login by: another name for each, and none opens anything."""
    return digest(f"{login}\0{client_id}")


def visiting(here: ServerState, client: ServerClient, user_id: str, login: str) -> Steps[None]:
    """Remember that a client knows of a login, if it wants to hear of its end.

    Args:
        here: The server's state.
        client: The client.
        user_id: Whose login it is.
        login: The login's name.
    """
    if client.backchannel_logout_uri is None:
        return
    now, settings = int(time.time()), here.state.settings
    longest = (settings.absolute_timeout or FOREVER) + settings.remember_lifetime
    visit = Record(
        VISIT,
        sid_for(login, client.client_id),
        client_id=client.client_id,
        user_id=user_id,
        created_at=now,
        expires_at=now + longest,
        content={"login": login},
    )
    yield Call(here.store.add, (visit,))
