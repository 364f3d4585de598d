"""The authorization endpoint: who is it, do they allow it, and back with a code.

A request that needs a person is kept, and a short address leads back to it: after the login, which
may take several pages and other sites, and from the page that asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cruse import redirect, request, url_for
from cruse.globals import current_context
from cruse_auth.guards import login_url
from cruse_auth.server.addresses import host_of, with_parameters
from cruse_auth.server.consent import ConsentRequest, asking_person, is_allowed, remembering
from cruse_auth.server.errors import (
    AccessDeniedError,
    ConsentRequiredError,
    LoginRequiredError,
    OAuth2Error,
    PageError,
)
from cruse_auth.server.grants.code import issuing_code
from cruse_auth.server.parameters import Parameters
from cruse_auth.server.permissions import Permission, granting
from cruse_auth.server.pushed import check_pushed, taking_pushed
from cruse_auth.server.requests import (
    REQUEST,
    Asked,
    asking,
    finding_sender,
    keeping,
    resuming,
)
from cruse_auth.server.store import digest
from cruse_auth.server.tickets import check_ticket, make_ticket
from cruse_auth.sessions import current_record
from cruse_auth.steps import Call
from cruse_auth.users import ANONYMOUS, finding, id_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Response as WerkzeugResponse

    from cruse_auth.record import LoginRecord
    from cruse_auth.server.requests import Sender, Wish
    from cruse_auth.server.state import ServerState
    from cruse_auth.steps import Steps

__all__ = ["authorize", "consent", "finding_person"]

#: What somebody is told whom we send nowhere before they have seen where: everybody can register a
#: client, and have us lead people to its address with a link (RFC 9700 section 4.11.2).
NO_ANSWER = "The program that sent you here wants something that it cannot have now."


def authorize(here: ServerState) -> Steps[Any]:
    """Answer an authorization request (OpenID Connect Core section 3.1.2)."""
    posted = request.method == "POST"
    parameters = Parameters(request.form if posted else request.args)
    handle = None if posted else parameters.get("resume")
    if handle:
        asked = yield from resuming(here, handle)
    else:
        asked = yield from taking_pushed(here, Asked(parameters))
    answer = _cancelled if asked.handle and "cancel" in parameters else _deciding
    return (yield from _answering(here, asked, _posted if posted else answer))


def _posted(here: ServerState, asked: Asked, wish: Wish) -> Steps[WerkzeugResponse]:
    """Lead a form to a page: with one from another site browsers send no cookies."""
    asked = yield from keeping(here, asked)
    return redirect(_way_back(asked), 303)


def _cancelled(here: ServerState, asked: Asked, wish: Wish) -> Steps[WerkzeugResponse]:
    """Tell the client that somebody did not want to log in; their login page sent them here."""
    yield Call(here.store.remove, (REQUEST, digest(asked.handle or "")))
    raise AccessDeniedError


def consent(here: ServerState) -> Steps[Any]:
    """Take what somebody decided on the page that asked them."""
    handle = request.form.get("resume", "")
    asked = yield from resuming(here, handle)
    return (yield from _answering(here, asked, _decided))


def _answering(
    here: ServerState,
    asked: Asked,
    answer: Callable[[ServerState, Asked, Wish], Steps[Any]],
) -> Steps[Any]:
    """Answer a request; the client hears by way of the browser what is wrong with it."""
    sender = yield from finding_sender(here, asked.parameters)
    try:
        wish = asking(here, sender, asked.parameters)
        check_pushed(here, asked, wish)
        return (yield from answer(here, asked, wish))
    except OAuth2Error as error:
        back = _back(here, sender, dict(error.get_body()))
        if sender.client.stranger and not isinstance(error, AccessDeniedError):
            raise PageError(NO_ANSWER, back.location) from error
        return back


# -- who is it ----------------------------------------------------------------------------------


def _deciding(here: ServerState, asked: Asked, wish: Wish) -> Steps[Any]:
    user, login = yield from finding_person(here)
    if login is None or (yield from _is_to_log_in(here, asked, wish, user, login)):
        if "none" in wish.prompts:
            raise LoginRequiredError
        return (yield from _to_login(here, asked, wish, login))
    if "consent" not in wish.prompts and (yield from is_allowed(here, wish, id_of(user))):
        return (yield from _allowing(here, asked, wish, user, login))
    if "none" in wish.prompts:
        raise ConsentRequiredError
    return (yield from _asking(here, asked, wish, user, login))


def finding_person(here: ServerState) -> Steps[tuple[Any, LoginRecord | None]]:
    """Return who is logged in in this browser, and the login."""
    ctx = current_context()
    user = yield from finding(here.state, ctx)
    return user, None if user is ANONYMOUS else current_record(here.state, ctx)


def _is_to_log_in(
    here: ServerState, asked: Asked, wish: Wish, user: Any, login: LoginRecord
) -> Steps[bool]:
    """Whether somebody who is logged in has to do it once more."""
    # Who was sent to the login for this request, and has been there, is not sent again.
    been_there = asked.handle is not None and login.fresh and login.at >= asked.kept_at
    if wish.id_token_hint is not None:
        # One that nobody can read any more, because the keys have changed, says nothing.
        claims = yield from here.keys.reading(wish.id_token_hint)
        known = None if claims is None else claims.get("sub")
        if known != id_of(user) and (known is not None or "none" in wish.prompts):
            if been_there:
                raise LoginRequiredError
            return True
    if been_there:
        return False
    if wish.prompts & {"login", "select_account"}:
        return True
    if wish.max_age is not None and not (wish.max_age and login.is_fresh(wish.max_age)):
        return True
    # A wish, not a condition (section 5.5.1.1): the ID token says how sure it is in the end.
    return bool(wish.acr_values) and not (
        login.evidence.acr in wish.acr_values or "none" in wish.prompts
    )


def _to_login(
    here: ServerState, asked: Asked, wish: Wish, login: LoginRecord | None
) -> Steps[WerkzeugResponse]:
    """Send the browser to the application's own login page, and back afterwards."""
    if asked.handle is None:
        asked = yield from keeping(here, asked)
    state = here.state
    again = login is not None or bool(wish.prompts & {"login", "select_account"})
    view = (state.auth.refresh_view if login is not None else None) or state.login_view
    url = login_url(view, _way_back(asked), fresh=again, acr=wish.acr_values)
    return redirect(url, 303)


def _way_back(asked: Asked) -> str:
    return url_for("auth_server.authorize", resume=asked.handle)


# -- do they allow it ---------------------------------------------------------------------------


def _asking(
    here: ServerState, asked: Asked, wish: Wish, user: Any, login: LoginRecord
) -> Steps[Any]:
    if asked.handle is None:
        asked = yield from keeping(here, asked)
    handle = asked.handle or ""
    told = here.options.all_scopes
    answer = yield from asking_person(
        here,
        ConsentRequest(
            wish.client,
            user,
            {scope: told[scope] for scope in wish.scopes},
            wish.resources,
            url_for("auth_server.consent"),
            {
                "resume": handle,
                "ticket": make_ticket(here.state, "consent", login.sid, handle),
            },
            destination=host_of(wish.sender.redirect_uri),
        ),
    )
    if answer is True:
        return (yield from _allowing(here, asked, wish, user, login))
    if answer is False:
        raise AccessDeniedError
    return answer


def _decided(here: ServerState, asked: Asked, wish: Wish) -> Steps[Any]:
    user, login = yield from finding_person(here)
    handle, ticket = asked.handle or "", request.form.get("ticket", "")
    if login is None or not check_ticket(here.state, "consent", login.sid, handle, ticket):
        raise PageError("This page was open for too long. Please begin again.")
    if request.form.get("decision") != "allow":
        yield Call(here.store.remove, (REQUEST, digest(handle)))
        raise AccessDeniedError
    yield from remembering(here, wish, id_of(user))
    return (yield from _allowing(here, asked, wish, user, login))


# -- and back -----------------------------------------------------------------------------------


def _allowing(
    here: ServerState, asked: Asked, wish: Wish, user: Any, login: LoginRecord
) -> Steps[WerkzeugResponse]:
    """Send the browser back with a code; for a request that was kept, once."""
    if asked.handle is not None and not (
        yield Call(here.store.remove, (REQUEST, digest(asked.handle)))
    ):
        raise PageError("This is done already. Please begin again.")
    permission = Permission.of(login, wish.client.client_id, wish.scopes, wish.resources)
    # Until the code is redeemed, for no longer than that may be.
    grant = yield from granting(here, permission, here.options.code_lifetime + 1)
    content = {
        "redirect_uri": wish.sender.redirect_uri,
        "challenge": wish.challenge,
        "nonce": wish.nonce,
        "jkt": wish.jkt,
    }
    code = yield from issuing_code(here, grant, content)
    return _back(here, wish.sender, {"code": code})


def _back(here: ServerState, sender: Sender, parameters: dict[str, str]) -> WerkzeugResponse:
    """Send the browser back to the client, which learns whose answer it is (RFC 9207)."""
    answer = {**parameters, "iss": here.issuer}
    if sender.state is not None:
        answer["state"] = sender.state
    # Not 307, which would send a form with a password along (RFC 9700 section 4.12).
    return redirect(with_parameters(sender.redirect_uri, answer), 303)
