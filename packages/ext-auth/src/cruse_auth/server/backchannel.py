"""When a login ends: clients are told (OpenID Connect Back-Channel Logout 1.0), and lose access.

What is sent is sent behind the answer, so that no logout waits for a client that is away.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from cruse.globals import current_context
from cruse_auth.errors import ProviderError
from cruse_auth.http import Http
from cruse_auth.oidc.logout import EVENT
from cruse_auth.outside import OutsideOnly
from cruse_auth.server.clients import finding_client
from cruse_auth.server.options import OFFLINE
from cruse_auth.server.permissions import ending
from cruse_auth.server.visits import VISIT, sid_for
from cruse_auth.steps import Call, Fetch, run

if TYPE_CHECKING:
    from cruse import Cruse
    from cruse_auth.server.clients import ServerClient
    from cruse_auth.server.state import ServerState
    from cruse_auth.server.store import Record
    from cruse_auth.steps import Steps

__all__ = ["Farewells"]

#: Seconds for which a logout token is good (section 2.4 recommends two minutes at most).
LIFETIME = 120


class Farewells:
    """Hears that logins have ended, ends what was for their time only, and tells the clients.

    Args:
        here: The server's state.
    """

    def __init__(self, here: ServerState) -> None:
        self.here = here

    def hear(self, app: Cruse, user_id: str, sid: str | None) -> None:
        """End permissions and tell the clients; receives the signal ``login_ended``."""
        run(self._ending(user_id, sid))
        run(self._telling(user_id, sid))

    def _ending(self, user_id: str, sid: str | None) -> Steps[None]:
        """End what is good only while people are there (OpenID Connect Core section 11)."""

        def ends(grant: Record) -> Steps[bool]:
            login = grant.content.get("login")
            if login is None or OFFLINE in grant.content["scope"].split():
                return False
            return (yield from _is_over(self.here, login, sid))

        yield from ending(self.here, user_id, ends=ends)

    def _telling(self, user_id: str, sid: str | None) -> Steps[None]:
        here = self.here
        visits: list[Record] = yield Call(here.store.find, (VISIT, user_id, None))
        for visit in visits:
            login = visit.content["login"]
            if not (yield from _is_over(here, login, sid)):
                continue
            client = yield from finding_client(here, visit.client_id)
            # Of many who hear of it at once, one tells.
            gone = yield Call(here.store.remove, (VISIT, visit.id))
            if gone and client is not None and client.backchannel_logout_uri is not None:
                token = yield from _signing(here, client, user_id, login)
                if current_context().has_request:
                    here.state.app.add_background_task(_send, here, client, token)
                else:  # a command would not wait for it
                    _send(here, client, token)


def _is_over(here: ServerState, login: str, sid: str | None) -> Steps[bool]:
    """Whether this is the login that has ended, or one that ended without a word.

    Such as one that another login took the place of, in the same browser.
    """
    store = here.state.auth.store
    if login == sid or store is None:
        return login == sid
    return (yield Call(store.get, (login,))) is None


def _signing(here: ServerState, client: ServerClient, user_id: str, login: str) -> Steps[str]:
    """Return a logout token (section 2.4)."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": here.issuer,
        "sub": user_id,
        "aud": client.client_id,
        "iat": now,
        "exp": now + LIFETIME,
        "jti": secrets.token_urlsafe(16),
        "sid": sid_for(login, client.client_id),
        "events": {EVENT: {}},
    }
    return (yield from here.keys.signing(claims, "logout+jwt"))


def _send(here: ServerState, client: ServerClient, token: str) -> None:
    """Tell one client (section 2.5); that it does not hear is for the log only."""
    app, settings = here.state.app, here.state.settings
    # While an application is developed, its clients are on the same machine.
    transport = None if app.debug or app.testing else OutsideOnly()
    http = Http(settings.http_timeout, settings.http_max_bytes, transport)
    try:
        run(_posting(str(client.backchannel_logout_uri), token), http)
    except ProviderError as error:
        app.logger.warning(
            "The client %r was not told of a logout: %s", client.client_id, error.cause
        )


def _posting(url: str, token: str) -> Steps[None]:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = yield Fetch("POST", url, headers, urlencode({"logout_token": token}))
    if reply.status not in (200, 204):
        raise ProviderError(f"{url} answered with status {reply.status}")
