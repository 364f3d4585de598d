"""The signals of logins, with the application as sender. Receivers may be plain or async."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from cruse.globals import current_context
from cruse.signals import Namespace
from cruse_auth.steps import Call

if TYPE_CHECKING:
    from blinker import Signal

    from cruse_auth.steps import Steps

__all__ = [
    "identity_linked",
    "login_ended",
    "remember_theft",
    "tokens_misused",
    "tokens_refreshed",
    "user_factors_changed",
    "user_loaded_from_cookie",
    "user_loaded_from_request",
    "user_logged_in",
    "user_logged_out",
    "user_login_confirmed",
    "user_login_failed",
    "user_needs_refresh",
    "user_unauthorized",
]

_signals = Namespace()

#: Sent with ``user`` after a login.
user_logged_in = _signals.signal("user-logged-in")
#: Sent with ``user`` after a logout; the anonymous one when nobody was logged in.
user_logged_out = _signals.signal("user-logged-out")
#: Sent with ``provider`` and ``cause``, both text, when a login with a provider failed.
user_login_failed = _signals.signal("user-login-failed")
#: Sent when a view asked for a login and there was none, or none that is fresh.
user_unauthorized = _signals.signal("user-unauthorized")
#: Sent, after that one, when there was a login that is not fresh.
user_needs_refresh = _signals.signal("user-needs-refresh")
#: Sent with ``user`` when the person who is logged in has shown up once more.
user_login_confirmed = _signals.signal("user-login-confirmed")
#: Sent with ``user_id`` and ``sid`` when a login has ended, by a logout here or elsewhere, or
#: because it was revoked; ``sid`` is None when several have.
login_ended = _signals.signal("login-ended")
#: Sent with ``user_id`` when a session begins because the browser is remembered.
user_loaded_from_cookie = _signals.signal("user-loaded-from-cookie")
#: Sent with ``user`` when the request loader found somebody.
user_loaded_from_request = _signals.signal("user-loaded-from-request")
#: Sent with ``user_id`` and ``record`` when an old remember cookie was used: somebody has copied
#: it. The login has been ended.
remember_theft = _signals.signal("remember-theft")

#: Sent with ``user`` and ``identity`` when a further way to log in was linked to a user.
identity_linked = _signals.signal("identity-linked")
#: Sent with ``user_id`` and ``provider`` when the tokens of a provider were renewed.
tokens_refreshed = _signals.signal("tokens-refreshed")
#: Sent with ``user_id`` and ``client_id`` when a code or a refresh token of the authorization
#: server came twice: somebody has copied it. All that was issued with it has been ended.
tokens_misused = _signals.signal("tokens-misused")


def sending(signal: Signal, **arguments: Any) -> Steps[None]:
    """Send a signal for the current application, as a part of other work."""
    if signal.receivers:
        app = current_context().app
        for receiver in signal.receivers_for(app):
            yield Call(partial(receiver, app, **arguments))


#: Sent with ``user_id``, ``kind`` (``"totp"``, ``"passkey"``, ``"recovery"``) and ``change``
#: (``"added"``, ``"removed"``, ``"used"`` for a recovery code) when the factors of a user have
#: changed. They should get a mail about it.
user_factors_changed = _signals.signal("user-factors-changed")
