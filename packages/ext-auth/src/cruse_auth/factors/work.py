"""What is done with factors, written once for both colours."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import BadRequest

from cruse.globals import current_context
from cruse_auth.factors.codes import (
    is_totp,
    make_recovery_code,
    read_recovery_code,
    recovery_id,
    step_of,
)
from cruse_auth.factors.pending import LoginStep, PendingLogin
from cruse_auth.factors.store import RECOVERY, TOTP, Factor
from cruse_auth.logins import logging_in, seconds_to_remember
from cruse_auth.record import Evidence, renew_session
from cruse_auth.sessions import end
from cruse_auth.signals import sending, user_factors_changed
from cruse_auth.steps import Call
from cruse_auth.users import ANONYMOUS, id_of, is_active

if TYPE_CHECKING:
    from datetime import timedelta

    from cruse_auth.state import AuthState
    from cruse_auth.steps import Steps

__all__ = [
    "LastFactor",
    "adding",
    "adding_totp",
    "beginning",
    "checking",
    "completing",
    "finding_pending_user",
    "listing",
    "removing",
    "removing_all",
    "renewing_recovery",
    "require_store",
]

#: The most factors that somebody may have beside their recovery codes.
MOST = 50
#: The longest name of a factor, in characters.
NAME = 100
#: How many recovery codes somebody has.
CODES = 10
#: What those are told who remove the last one.
LAST = "This is the last factor of the user: remove it with 'last=True'."


class LastFactor(Exception):  # noqa: N818 - it is about a factor
    """The last factor of a user is not removed by accident."""


def require_store(state: AuthState) -> Any:
    """Return the store of factors.

    Raises:
        RuntimeError: When there is none.
    """
    if state.auth.factors.store is None:
        raise RuntimeError(
            "Factors need a store: make the extension with"
            " 'Auth(factors=cruse_auth.factors.sql.SQLFactors(db))', or with 'MemoryFactors()' in"
            " a test."
        )
    return state.auth.factors.store


def listing(state: AuthState, user_id: str) -> Steps[list[Factor]]:
    """Return the factors of a user, the oldest first."""
    found: list[Factor] = yield Call(require_store(state).of_user, (user_id,))
    return found


def _lasting(state: AuthState, user_id: str) -> Steps[list[Factor]]:
    """Return the factors of a user but for the recovery codes, which alone are none."""
    return [each for each in (yield from listing(state, user_id)) if each.kind != RECOVERY]


# -- having them --------------------------------------------------------------------------------


def adding(state: AuthState, factor: Factor) -> Steps[Factor | None]:
    """Keep a new factor; ``None`` when there is one of its name.

    Raises:
        BadRequest: When the user has very many.
    """
    if len((yield from _lasting(state, factor.user_id))) >= MOST:
        raise BadRequest(f"There are {MOST} factors already: remove one first.")
    # Databases refuse some of what cannot be seen.
    name = "".join(letter for letter in factor.name[:NAME] if letter.isprintable())
    factor = replace(factor, name=name)
    if not (yield Call(require_store(state).add, (factor,))):
        return None
    yield from _telling(factor.user_id, "added", factor.kind)
    return factor


def adding_totp(
    state: AuthState, user_id: str, secret: str, code: str, name: str
) -> Steps[Factor | None]:
    """Keep the secret of an app that has shown its first code; ``None`` when that is wrong."""
    yield from state.auth.limits.hitting("factor", user_id)
    step = step_of(secret, code) if is_totp(code) else None
    if step is None:
        return None
    yield from state.auth.limits.clearing("factor", user_id)
    # Named by its secret, so that it is there once; and the code that proved it is used up.
    factor = Factor(
        hashlib.sha256(secret.encode()).hexdigest()[:32],
        user_id,
        TOTP,
        name,
        int(time.time()),
        counter=step,
        data=state.sealer.seal(secret, user_id),
    )
    return (yield from adding(state, factor))


def renewing_recovery(state: AuthState, user_id: str) -> Steps[list[str]]:
    """Give a user new recovery codes, in place of those they have."""
    codes = [make_recovery_code() for _ in range(CODES)]
    now = int(time.time())
    factors = [Factor(recovery_id(user_id, code), user_id, RECOVERY, "", now) for code in codes]
    yield Call(require_store(state).renew, (user_id, RECOVERY, factors))
    yield from _telling(user_id, "added", RECOVERY)
    return codes


def removing(state: AuthState, user_id: str, factor_id: str, last: bool) -> Steps[bool]:
    """Forget a factor of a user; ``False`` when they have none of that name.

    Raises:
        LastFactor: When it is the last one, and that was not asked for.
    """
    mine = yield from _lasting(state, user_id)
    factor = next((each for each in mine if each.id == factor_id), None)
    if factor is None:
        return False
    if len(mine) == 1 and not last:
        raise LastFactor(LAST)
    store = require_store(state)
    if not (yield Call(store.remove, (factor.id,))):
        return False
    if not (yield from _lasting(state, user_id)):
        if not last:  # the other one was removed at the same time
            yield Call(store.add, (factor,))
            raise LastFactor(LAST)
        yield Call(store.renew, (user_id, RECOVERY, []))
    yield from _telling(user_id, "removed", factor.kind)
    return True


def removing_all(state: AuthState, user_id: str) -> Steps[None]:
    """Forget all factors of a user."""
    for kind in sorted({each.kind for each in (yield from listing(state, user_id))}):
        yield Call(require_store(state).renew, (user_id, kind, []))
        yield from _telling(user_id, "removed", kind)


def _telling(user_id: str, change: str, kind: str) -> Steps[None]:
    yield from sending(user_factors_changed, user_id=user_id, change=change, kind=kind)


# -- showing them -------------------------------------------------------------------------------


def checking(state: AuthState, user_id: str, code: str) -> Steps[str | None]:
    """Use up a code of a user's app, or a recovery code, and return its kind; or ``None``."""
    limits = state.auth.limits
    yield from limits.hitting("factor", user_id)
    if is_totp(code):
        kind = yield from _using_totp(state, user_id, code)
    else:
        kind = yield from _using_recovery(state, user_id, code)
    if kind is not None:
        yield from limits.clearing("factor", user_id)
    return kind


def _using_totp(state: AuthState, user_id: str, code: str) -> Steps[str | None]:
    store = require_store(state)
    for factor in (yield from listing(state, user_id)):
        if factor.kind != TOTP:
            continue
        secret = state.sealer.open(factor.data, user_id)
        if secret is None:
            state.app.logger.error("No key opens the secret of the factor %r.", factor.id)
            continue
        step = step_of(secret, code)
        if step is None or step <= factor.counter:
            continue  # RFC 6238 section 5.2: a code is good once
        # Sealed anew, so that old keys can go.
        used = replace(
            factor, used_at=int(time.time()), counter=step, data=state.sealer.seal(secret, user_id)
        )
        if (yield Call(store.replace, (used, factor.counter))):
            return TOTP
    return None


def _using_recovery(state: AuthState, user_id: str, code: str) -> Steps[str | None]:
    found = read_recovery_code(code)
    if found is None:
        return None
    if not (yield Call(require_store(state).remove, (recovery_id(user_id, found),))):
        return None
    yield from _telling(user_id, "used", RECOVERY)
    return RECOVERY


# -- logging in with them -----------------------------------------------------------------------


def beginning(
    state: AuthState,
    user: Any,
    evidence: Evidence,
    remember: bool = False,
    duration: timedelta | int | None = None,
    *,
    fresh: bool = True,
) -> Steps[LoginStep]:
    """Log a user in, or only begin it when they have factors of which one has to be shown."""
    if not is_active(user):
        return LoginStep(logged_in=False)
    user_id = id_of(user)
    needs = tuple(sorted({each.kind for each in (yield from listing(state, user_id))}))
    seconds = seconds_to_remember(state, remember, duration)
    pending = PendingLogin(user_id, int(time.time()), needs, evidence, seconds)
    if needs in ((), (RECOVERY,)):
        logged_in = yield from completing(state, user, pending, (), fresh=fresh)
        return LoginStep(logged_in)
    context = current_context()
    yield from end(state, context)
    renew_session(context.app, context.session, state.settings.keep_in_session)
    context.extras[state], context.extras[state, "way"] = ANONYMOUS, None
    pending.write(context.session)
    return LoginStep(False, needs)


def finding_pending_user(state: AuthState, pending: PendingLogin) -> Steps[Any]:
    """Return the user whose login is pending; ``None`` when they are gone or shut out."""
    user = yield Call(state.loader, (pending.user_id,))
    return user if user is not None and is_active(user) else None


def completing(
    state: AuthState,
    user: Any,
    pending: PendingLogin,
    methods: tuple[str, ...],
    *,
    fresh: bool = True,
) -> Steps[bool]:
    """Log a user in who has shown everything."""
    seconds, evidence = pending.remember_for, pending.evidence
    if evidence.provider is None:
        evidence = replace(evidence, amr=(*evidence.amr, *methods))
    else:
        evidence = replace(evidence, shown=methods)
    return (
        yield from logging_in(
            state,
            user,
            fresh=fresh,
            evidence=evidence,
            remember=bool(seconds),
            duration=seconds or None,
        )
    )
