"""Permissions that people gave to clients, and what was made of them: all that ends as one.

A permission is a record of its own, and what came of it is good as long as that is there. So
what is issued in the very moment in which the family is ended is worth nothing either.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cruse_auth.server.store import Record, digest, make_handle
from cruse_auth.signals import sending, tokens_misused
from cruse_auth.steps import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cruse_auth.record import LoginRecord
    from cruse_auth.server.state import ServerState
    from cruse_auth.steps import Steps

__all__ = [
    "ACCESS",
    "CODE",
    "GRANT",
    "REFRESH",
    "REMEMBERED",
    "Permission",
    "ending",
    "finding_grant",
    "finding_token",
    "granting",
    "misused",
]

#: The kinds of its records.
GRANT, CODE, ACCESS, REFRESH = "grant", "code", "access", "refresh"
#: Seconds for which a code is remembered after its end, to notice that it comes again.
REMEMBERED = 3600


@dataclass(frozen=True)
class Permission:
    """What somebody allows a client."""

    client_id: str
    user_id: str
    scopes: tuple[str, ...]
    resources: tuple[str, ...] = ()
    #: The name of the login in which it was given.
    login: str | None = None
    #: When the person was there, how sure it was, and by what methods.
    auth_time: int | None = None
    acr: str | None = None
    amr: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        login: LoginRecord,
        client_id: str,
        scopes: Iterable[str],
        resources: Iterable[str],
    ) -> Permission:
        """Return what somebody allows who is logged in."""
        return cls(
            client_id,
            login.user_id,
            tuple(scopes),
            tuple(resources),
            login.sid,
            login.at if login.fresh else None,
            login.evidence.acr,
            login.evidence.amr + login.evidence.shown,
        )

    def to_content(self) -> dict[str, Any]:
        """Return what is kept of it."""
        values = {
            "scope": " ".join(self.scopes),
            "resources": list(self.resources),
            "login": self.login,
            "auth_time": self.auth_time,
            "acr": self.acr,
            "amr": list(self.amr),
        }
        return {name: value for name, value in values.items() if value not in (None, [])}


def granting(here: ServerState, permission: Permission, seconds: int) -> Steps[Record]:
    """Keep a permission, which ends by itself unless it is used.

    Args:
        here: The server's state.
        permission: What is allowed.
        seconds: For how long it is kept.
    """
    now = int(time.time())
    name = make_handle()
    record = Record(
        GRANT,
        name,
        name,
        permission.client_id,
        permission.user_id,
        now,
        now + seconds,
        content=permission.to_content(),
    )
    yield Call(here.store.add, (record,))
    return record


def finding_grant(here: ServerState, name: str) -> Steps[Record | None]:
    """Return the permission of a name, if it still holds."""
    found: Record | None = yield Call(here.store.get, (GRANT, name))
    return found


def finding_token(
    here: ServerState, token: str, kinds: Iterable[str] = (ACCESS,)
) -> Steps[tuple[Record, Record | None] | None]:
    """Return the record of a token that is good, and of the permission that it came of.

    A client's own token came of none.
    """
    name = digest(token)
    for kind in kinds:
        found: Record | None = yield Call(here.store.get, (kind, name))
        if found is None or found.used_at:
            continue
        if not found.grant:
            return found, None
        grant = yield from finding_grant(here, found.grant)
        return None if grant is None else (found, grant)
    return None


def ending(
    here: ServerState,
    user_id: str,
    client_id: str | None = None,
    ends: Callable[[Record], Steps[bool]] | None = None,
) -> Steps[int]:
    """End permissions of a user, with all that came of them, and return how many.

    Args:
        here: The server's state.
        user_id: The user.
        client_id: Whom they were given to; all clients unless given.
        ends: Which of them; all unless given.
    """
    grants: list[Record] = yield Call(here.store.find, (GRANT, user_id, client_id))
    ended = 0
    for grant in grants:
        if ends is None or (yield from ends(grant)):
            yield Call(here.store.purge, (grant.id, None, None))
            ended += 1
    return ended


def misused(here: ServerState, record: Record, what: str) -> Steps[None]:
    """End a family of which something was used in a way in which only a thief would."""
    here.state.app.logger.warning(
        "%s of the client %r for the user %r: one of two who have it is a thief. All that was"
        " issued with it is ended.",
        what,
        record.client_id,
        record.user_id,
    )
    yield Call(here.store.purge, (record.grant, None, None))
    yield from sending(tokens_misused, user_id=record.user_id, client_id=record.client_id)
