"""Logging in and out: what changes in the session, and who is told."""

from __future__ import annotations

from datetime import timedelta
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
from cruse_auth.sessions import begin, confirm, end
from cruse_auth.signals import (
    login_ended,
    sending,
    user_logged_in,
    user_logged_out,
    user_login_confirmed,
)
from cruse_auth.users import ANONYMOUS, finding, id_of, is_active, loading, way_of

if TYPE_CHECKING:
    from cruse_auth.state import AuthState
    from cruse_auth.steps import Steps

__all__ = ["confirming", "logging_in", "logging_out", "seconds_to_remember"]


def logging_in(
    state: AuthState,
    user: Any,
    *,
    fresh: bool,
    force: bool = False,
    evidence: Evidence | None = None,
    remember: bool = False,
    duration: timedelta | int | None = None,
) -> Steps[bool]:
    """Log a user in, in a session that is new; ``False`` for one who is not active.

    Args:
        state: The application's.
        user: The user, or a proxy of one.
        fresh: Whether the person was here.
        force: Log in even who is not active.
        evidence: What it rests on.
        remember: Whether the browser is remembered, so that closing it does not log out.
        duration: For how long, in seconds; ``AUTH_REMEMBER_LIFETIME`` unless given.
    """
    get = getattr(user, "_get_current_object", None)
    user = get() if callable(get) else user
    if not force and not is_active(user):
        return False
    record = LoginRecord.new(id_of(user), evidence or Evidence(), fresh)
    context = current_context()
    remember_for = seconds_to_remember(state, remember, duration)
    before = read_record(context.session)
    yield from begin(state, context, record, remember_for)
    renew_session(context.app, context.session, state.settings.keep_in_session)
    write_record(context.session, record)
    context.extras[state] = user
    context.extras[state, "way"] = "session"
    yield from sending(user_logged_in, user=user)
    if before is not None and before.user_id != record.user_id:  # somebody else was here
        yield from sending(login_ended, user_id=before.user_id, sid=before.sid)
    return True


def seconds_to_remember(state: AuthState, remember: bool, duration: timedelta | int | None) -> int:
    """Return for how many seconds a browser is to be remembered; 0 for not.

    Raises:
        ValueError: When it is to be remembered for no time at all.
    """
    if not remember:
        return 0
    if isinstance(duration, timedelta):
        duration = int(duration.total_seconds())
    seconds = state.settings.remember_lifetime if duration is None else duration
    if seconds <= 0:
        raise ValueError(f"A browser is remembered for some seconds, not for {seconds}.")
    return seconds


def confirming(state: AuthState) -> Steps[bool]:
    """Make the login fresh again; ``False`` when nobody is logged in by a session."""
    context = current_context()
    user = yield from finding(state, context)
    if way_of(state, context) != "session" or not (yield from confirm(state, context)):
        return False
    yield from sending(user_login_confirmed, user=user)
    return True


def logging_out(state: AuthState) -> Steps[bool]:
    """Log out; nothing of the session is left. ``False`` when nobody was logged in."""
    context = current_context()
    user = context.extras.get(state)
    if user is None and user_logged_out.receivers:
        user = yield from loading(state, context)
    record = read_record(context.session)
    yield from end(state, context)
    if context.session:
        clear_session(context.app, context.session)
    context.extras[state] = ANONYMOUS
    context.extras[state, "way"] = None
    yield from sending(user_logged_out, user=ANONYMOUS if user is None else user)
    if record is not None:
        yield from sending(login_ended, user_id=record.user_id, sid=record.sid)
    return record is not None
