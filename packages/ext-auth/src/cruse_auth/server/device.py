"""Devices without a browser or a keyboard (RFC 8628): a code is typed in on another machine.

The person who types it may have it from somebody else, who waits for the tokens. So they are shown
what it is for, always, and a link with the code in it is not enough.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from cruse import make_response, redirect, render_template, request, url_for
from cruse_auth.guards import login_url
from cruse_auth.server.authentication import authenticating
from cruse_auth.server.authorize import finding_person
from cruse_auth.server.clients import finding_client
from cruse_auth.server.consent import ConsentRequest, asking_person
from cruse_auth.server.errors import PageError, UnauthorizedClientError
from cruse_auth.server.grants.device import (
    ALLOWED,
    DENIED,
    DEVICE,
    DEVICE_CODE,
    INTERVAL,
    LIFETIME,
    PENDING,
)
from cruse_auth.server.parameters import Parameters
from cruse_auth.server.permissions import REMEMBERED, Permission, granting
from cruse_auth.server.requests import chosen_resources
from cruse_auth.server.scopes import chosen_scopes
from cruse_auth.server.store import Record, digest, make_handle
from cruse_auth.server.tickets import check_ticket, make_ticket
from cruse_auth.steps import Call
from cruse_auth.users import id_of

if TYPE_CHECKING:
    from cruse_auth.record import LoginRecord
    from cruse_auth.server.state import ServerState
    from cruse_auth.steps import Steps

__all__ = ["authorize_device", "device"]

#: The kind of the records that user codes lead to devices by.
USER_CODE = "user_code"
#: No vowels, so that no code is a word, and nothing that looks like something else (section 6.1).
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH = 8


# -- the device -----------------------------------------------------------------------------------


def authorize_device(here: ServerState) -> Steps[dict[str, Any]]:
    """Give a device its codes (section 3.2).

    Raises:
        OAuth2Error: When it may not have them.
    """
    parameters = Parameters(request.form)
    parameters.check()
    client = yield from authenticating(here, parameters)
    if client.public:  # which anybody can say to be
        yield from here.state.auth.limits.hitting("device", None)
    if DEVICE_CODE not in client.grant_types:
        raise UnauthorizedClientError("This client may not use this grant_type.")
    scopes = chosen_scopes(here, client, parameters.get("scope"))
    resources = chosen_resources(here, parameters)
    device_code, now = make_handle(), int(time.time())
    content = {
        "scopes": list(scopes),
        "resources": list(resources),
        "until": now + LIFETIME,
        "interval": INTERVAL,
        "polled_at": 0.0,
        "state": PENDING,
    }
    record = Record(
        DEVICE,
        digest(device_code),
        client_id=client.client_id,
        created_at=now,
        expires_at=now + LIFETIME + REMEMBERED,
        content=content,
    )
    yield Call(here.store.add, (record,))
    user_code = yield from _naming(here, record)
    page = f"{here.base}/oauth/device"
    return {
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={user_code}",
        "expires_in": LIFETIME,
        "interval": INTERVAL,
    }


def _naming(here: ServerState, device: Record) -> Steps[str]:
    """Return a new user code for a device."""
    while True:
        code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
        now, until = device.created_at, device.content["until"]
        record = Record(
            USER_CODE,
            code,
            client_id=device.client_id,
            created_at=now,
            expires_at=until,
            content={"device": device.id},
        )
        if (yield Call(here.store.add, (record,))):
            return _shown(code)


def _shown(code: str) -> str:
    return f"{code[:4]}-{code[4:]}"


def _typed(text: str) -> str:
    """Return the code that somebody meant, however they wrote it."""
    return "".join(letter for letter in text[:100].upper() if letter in LETTERS)


# -- the person -----------------------------------------------------------------------------------


def device(here: ServerState) -> Steps[Any]:
    """Ask for the code, and then whether the device may have what it asks for (section 3.3)."""
    parameters = Parameters(request.form if request.method == "POST" else request.args)
    text = parameters.get("user_code") or ""
    user, login = yield from finding_person(here)
    if login is None:
        back = url_for("auth_server.device", user_code=text or None)
        return redirect(login_url(here.state.login_view, back), 303)
    if request.method != "POST":
        return _form(here, login, text)
    ticket, decision = parameters.get("ticket") or "", parameters.get("decision")
    # The first ticket is for any code, the second one for that which the person was asked about.
    purpose, subject = ("code", "") if decision is None else ("device", _typed(text))
    if not check_ticket(here.state, purpose, login.sid, subject, ticket):
        raise PageError("This page was open for too long. Please begin again.")
    if decision is None:
        return (yield from _looking_up(here, user, login, text))
    return (yield from _deciding(here, user, login, subject, decision == "allow"))


def _form(here: ServerState, login: LoginRecord, text: str, wrong: bool = False) -> Any:
    page = render_template(
        "auth/device.html",
        action=url_for("auth_server.device"),
        ticket=make_ticket(here.state, "code", login.sid, ""),
        user_code=text[:20],
        wrong=wrong,
    )
    return make_response((page, 400 if wrong else 200))


def _looking_up(here: ServerState, user: Any, login: LoginRecord, text: str) -> Steps[Any]:
    """Ask about the device whose code was typed, which may be a guess (section 5.1)."""
    # Those that are right count, too: else who guesses had some of their own between the others.
    yield from here.state.auth.limits.hitting("device", id_of(user))
    code = _typed(text)
    found = yield from _finding(here, code)
    client = None if found is None else (yield from finding_client(here, found.client_id))
    if found is None or client is None:
        return _form(here, login, text, wrong=True)
    told = here.options.all_scopes
    scopes = [scope for scope in found.content["scopes"] if scope in told]
    ticket = make_ticket(here.state, "device", login.sid, code)
    answer = yield from asking_person(
        here,
        ConsentRequest(
            client,
            user,
            {scope: told[scope] for scope in scopes},
            tuple(found.content["resources"]),
            url_for("auth_server.device"),
            {"user_code": code, "ticket": ticket},
            _shown(code),
        ),
    )
    if isinstance(answer, bool):
        return (yield from _deciding(here, user, login, code, answer))
    return answer


def _finding(here: ServerState, code: str) -> Steps[Record | None]:
    """Return the device that a code stands for, if nobody has decided about it yet."""
    name: Record | None = yield Call(here.store.get, (USER_CODE, code))
    if name is None:
        return None
    found: Record | None = yield Call(here.store.get, (DEVICE, name.content["device"]))
    return found


def _deciding(
    here: ServerState, user: Any, login: LoginRecord, code: str, allowed: bool
) -> Steps[Any]:
    found = yield from _finding(here, code)
    if found is None or not (yield Call(here.store.remove, (USER_CODE, code))):
        raise PageError("This took too long, or it is done already. Please begin again.")
    changes: dict[str, Any] = {"user_id": id_of(user)}
    if allowed:
        scopes, resources = found.content["scopes"], found.content["resources"]
        permission = Permission.of(login, found.client_id, scopes, resources)
        # Until the device comes for its tokens, for no longer than that may be.
        grant = yield from granting(here, permission, LIFETIME)
        changes["grant"] = grant.id
    content = {"state": ALLOWED if allowed else DENIED}
    # The device asks at the same time, which notes when it did.
    while found is not None:
        changed = found.changed(**changes, content={**found.content, **content})
        if (yield Call(here.store.replace, (changed, found.version))):
            break
        found = yield Call(here.store.get, (DEVICE, found.id))
    return render_template("auth/device_done.html", allowed=allowed)
