"""The life of a login: begun, found again in each request, remembered, ended."""

from __future__ import annotations

import hmac
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cruse.globals import current_context
from cruse_auth.record import (
    Evidence,
    LoginRecord,
    clear_session,
    read_record,
    renew_session,
    write_record,
)
from cruse_auth.remember import Token, forget_browser, read_token, remember_browser
from cruse_auth.signals import login_ended, remember_theft, sending, user_loaded_from_cookie
from cruse_auth.steps import Call
from cruse_auth.stores import SessionRecord

if TYPE_CHECKING:
    from cruse.context import Context
    from cruse_auth.settings import AuthSettings
    from cruse_auth.state import AuthState
    from cruse_auth.steps import Steps

__all__ = [
    "FOREVER",
    "begin",
    "confirm",
    "current_record",
    "current_sid",
    "end",
    "find_login",
    "is_over",
    "open_sessions",
    "require_store",
    "revoking",
    "revoking_all",
]

#: Seconds between two notes of when a login was used.
SEEN_INTERVAL = 60
#: Seconds for which the remember cookie from before is taken still: a browser that starts sends
#: several requests at once, and only one of them gets the new one.
GRACE = 30
#: Seconds that a record is kept where nothing ends logins; browsers keep no cookie longer.
FOREVER = 400 * 86400


def is_over(record: SessionRecord, settings: AuthSettings) -> bool:
    """Whether the session of a login was unused, or there, for too long."""
    now = time.time()
    idle, absolute = settings.idle_timeout, settings.absolute_timeout
    unused = bool(idle) and now - record.seen_at >= idle
    return unused or (bool(absolute) and now - record.at >= absolute)


def find_login(state: AuthState, ctx: Context) -> Steps[LoginRecord | None]:
    """Return the login that a request belongs to; a session whose login has ended is emptied."""
    record = read_record(ctx.session)
    if record is not None:
        if (yield from _holds(state, record)):
            return record
        clear_session(ctx.app, ctx.session)
    if state.auth.store is None:
        return None
    return (yield from _recall(state, ctx))


def _holds(state: AuthState, record: LoginRecord) -> Steps[bool]:
    settings, store = state.settings, state.auth.store
    now = int(time.time())
    if store is None:
        return not settings.absolute_timeout or now - record.at < settings.absolute_timeout
    kept: SessionRecord | None = yield Call(store.get, (record.sid,))
    # A session from before the browser was remembered anew has another beginning.
    if kept is None or (kept.user_id, kept.at) != (record.user_id, record.at):
        return False
    if is_over(kept, settings):
        if not kept.validator:
            yield Call(store.remove, (kept.sid,))
        return False
    if now - kept.seen_at >= min(SEEN_INTERVAL, (settings.idle_timeout or 600) // 10):
        yield Call(store.touch, (kept.sid, now))
    return True


# -- remembered browsers ------------------------------------------------------------------------


def _recall(state: AuthState, ctx: Context) -> Steps[LoginRecord | None]:
    """Begin a session anew for a browser that is remembered."""
    token = read_token(state, ctx)
    # The new cookie goes with the answer, so it must not be too late for that.
    if token is None or ctx.answered or ctx.websocket is not None:
        return None
    kept = yield from _redeem(state, ctx, token)
    if kept is None:
        forget_browser(state, ctx)
        return None
    record = LoginRecord(kept.user_id, kept.at, kept.sid, Evidence(kept.provider), fresh=False)
    renew_session(ctx.app, ctx.session, state.settings.keep_in_session)
    write_record(ctx.session, record)
    yield from sending(user_loaded_from_cookie, user_id=record.user_id)
    return record


def _redeem(state: AuthState, ctx: Context, token: Token) -> Steps[SessionRecord | None]:
    """Return the record that a token is good for, with a session that begins now."""
    store: Any = state.auth.store
    for _ in range(2):
        kept: SessionRecord | None = yield Call(store.get, (token.selector,))
        now = int(time.time())
        if kept is None or kept.validator is None or kept.remember_until <= now:
            return None
        if not hmac.compare_digest(token.digest, kept.validator):
            if token.digest == kept.previous and now - kept.at < GRACE:
                return kept
            yield from _stolen(state, kept)
            return None
        new = Token.new(kept.sid)
        renewed = replace(
            kept,
            at=now,
            seen_at=now,
            expires_at=_expiry(state.settings, now, kept.remember_until),
            validator=new.digest,
            previous=kept.validator,
        )
        if (yield Call(store.replace, (renewed, kept.validator))):
            remember_browser(state, ctx, new, kept.remember_until)
            return renewed
        # Another request with the same token was quicker: look again.
    return None


def _stolen(state: AuthState, kept: SessionRecord) -> Steps[None]:
    """End a login of which somebody has shown an old remember cookie: one of two is a thief."""
    store: Any = state.auth.store
    yield Call(store.remove, (kept.sid,))
    state.app.logger.warning(
        "An old remember cookie of the user %r was used: it was copied. The login is ended.",
        kept.user_id,
    )
    yield from sending(remember_theft, user_id=kept.user_id, record=kept)
    yield from sending(login_ended, user_id=kept.user_id, sid=kept.sid)


# -- beginning and ending -----------------------------------------------------------------------


def _expiry(settings: AuthSettings, at: int, remember_until: int) -> int:
    return max(at + (settings.absolute_timeout or FOREVER), remember_until)


def begin(
    state: AuthState, ctx: Context, record: LoginRecord, remember_for: int = 0
) -> Steps[None]:
    """Record a login, in place of the one that this browser had.

    Args:
        state: The application's.
        ctx: The request's context.
        record: What the session says.
        remember_for: Seconds for which the browser is remembered.

    Raises:
        RuntimeError: When it is to be remembered, and there is no store.
    """
    store = state.auth.store
    if store is None:
        if remember_for:
            raise RuntimeError(NO_STORE.format(what="Remembering a browser"))
        return
    yield from end(state, ctx)
    token = Token.new(record.sid) if remember_for else None
    until = record.at + remember_for if remember_for else 0
    request = ctx.request
    kept = SessionRecord(
        record.sid,
        record.user_id,
        created_at=record.at,
        at=record.at,
        seen_at=int(time.time()),
        expires_at=_expiry(state.settings, record.at, until),
        provider=record.evidence.provider,
        issuer=record.evidence.issuer,
        subject=record.evidence.subject,
        provider_sid=record.evidence.provider_sid,
        acr=record.evidence.acr,
        amr=record.evidence.amr + record.evidence.shown,
        address=request.remote_addr,
        user_agent=request.user_agent.string[:200],
        remember_until=until,
        validator=None if token is None else token.digest,
    )
    yield Call(store.add, (kept,))
    if token is not None:
        remember_browser(state, ctx, token, until)


def end(state: AuthState, ctx: Context) -> Steps[None]:
    """End the login that this browser has, also the one it is remembered by."""
    store = state.auth.store
    if store is None:
        return
    record = read_record(ctx.session)
    if record is not None:
        yield Call(store.remove, (record.sid,))
    token = read_token(state, ctx)
    if token is not None and (record is None or record.sid != token.selector):
        kept: SessionRecord | None = yield Call(store.get, (token.selector,))
        if kept is not None and token.digest in (kept.validator, kept.previous):
            yield Call(store.remove, (kept.sid,))
    forget_browser(state, ctx)


def confirm(state: AuthState, ctx: Context) -> Steps[bool]:
    """Note that the person who is logged in has shown up; ``False`` when nobody is."""
    record = yield from find_login(state, ctx)
    if record is None:
        return False
    now = int(time.time())
    store = state.auth.store
    if store is not None:
        kept: SessionRecord | None = yield Call(store.get, (record.sid,))
        if kept is None:
            return False
        expires_at = _expiry(state.settings, now, kept.remember_until)
        renewed = replace(kept, at=now, seen_at=now, expires_at=expires_at)
        if not (yield Call(store.replace, (renewed, kept.validator))):
            return False
    if callable(rotate := getattr(ctx.session, "rotate", None)):
        rotate()
    write_record(ctx.session, replace(record, at=now, fresh=True))
    return True


def open_sessions(state: AuthState, user_id: str) -> Steps[list[SessionRecord]]:
    """Return the logins of a user that hold, or could come to life from a remember cookie.

    Raises:
        RuntimeError: When there is no store.
    """
    store = require_store(state, "Listing sessions")
    records: list[SessionRecord] = yield Call(store.of_user, (user_id,))
    now = time.time()
    return [
        record
        for record in records
        if record.remember_until > now or not is_over(record, state.settings)
    ]


def current_record(state: AuthState, ctx: Context) -> LoginRecord | None:
    """Return the login that the current user was found by."""
    if not ctx.has_request or ctx.extras.get((state, "way")) != "session":
        return None
    return read_record(ctx.session)


def current_sid(state: AuthState, ctx: Context) -> str | None:
    """Return the name of the login that the current user was found by."""
    record = current_record(state, ctx)
    return None if record is None else record.sid


def revoking(state: AuthState, sid: str, user_id: str) -> Steps[bool]:
    """End one login of a user; ``False`` when they have none of that name."""
    store = require_store(state, "Ending a session")
    kept: SessionRecord | None = yield Call(store.get, (sid,))
    if kept is None or kept.user_id != user_id:
        return False
    yield Call(store.remove, (sid,))
    yield from sending(login_ended, user_id=user_id, sid=sid)
    return True


def revoking_all(state: AuthState, user_id: str, keep_current: bool) -> Steps[int]:
    """End all logins of a user, and return how many."""
    store = require_store(state, "Logging out everywhere")
    keep = current_sid(state, current_context()) if keep_current else None
    ended: int = yield Call(store.remove_user, (user_id, keep))
    yield from sending(login_ended, user_id=user_id, sid=None)
    return ended


NO_STORE = (
    "{what} needs a store for the records of logins: make the extension with"
    " 'Auth(store=cruse_auth.sql.SQLStore(db))', or with 'MemoryStore()' in a test."
)


def require_store(state: AuthState, what: str) -> Any:
    """Return the store.

    Raises:
        RuntimeError: When there is none.
    """
    if state.auth.store is None:
        raise RuntimeError(NO_STORE.format(what=what))
    return state.auth.store
