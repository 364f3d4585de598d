"""``auth.passkeys``: logins without a password, and as the second step after one."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from cruse import current_app
from cruse.globals import current_context
from cruse_auth.factors.ceremonies import (
    LIFETIME,
    Ceremony,
    Credential,
    Party,
    PasskeyRefused,
    ask_for_login,
    ask_for_registration,
    check_login,
    check_registration,
    credential_id_of,
    encode,
    factor_id_of,
)
from cruse_auth.factors.pending import PendingLogin
from cruse_auth.factors.store import PASSKEY, Factor
from cruse_auth.factors.work import (
    adding,
    completing,
    finding_pending_user,
    listing,
    require_store,
)
from cruse_auth.logins import seconds_to_remember
from cruse_auth.management import owner_id
from cruse_auth.origins import origin_of
from cruse_auth.record import Evidence
from cruse_auth.steps import Call, arun, run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from cruse_auth.state import AuthState
    from cruse_auth.steps import Steps

__all__ = ["Passkeys"]

T = TypeVar("T")


class Passkeys:
    """Registers passkeys, and logs in with them. They are kept in the store of the factors.

    Args:
        rp_id: The domain that they are for; the application's host unless given. A passkey for
            ``example.com`` is good for its subdomains, too, and for no other domain ever.
        name: What the browser calls the application; its name unless given.
        origins: The addresses whose pages may ask for them, such as ``https://app.example.com``.
            That of ``AUTH_EXTERNAL_URL`` may, too, and else ``rp_id`` itself.
    """

    def __init__(
        self, rp_id: str | None = None, name: str | None = None, origins: Iterable[str] = ()
    ) -> None:
        self.rp_id = rp_id
        self.name = name
        self.origins = tuple(origins)

    # -- registration ---------------------------------------------------------------------------

    def registration_options(self, account: str, user: Any = None) -> dict[str, Any]:
        """Return what ``navigator.credentials.create()`` needs, as JSON.

        Args:
            account: What the browser shows to tell accounts apart, such as the address.
            user: Whose passkey it is to be; the current user unless given.

        Raises:
            RuntimeError: Without a store, or when webauthn is not installed.
        """
        return run(self._asking(account, owner_id(user)))

    async def aregistration_options(self, account: str, user: Any = None) -> dict[str, Any]:
        """Return the options of a registration, as :meth:`registration_options`."""
        return await arun(self._asking(account, owner_id(user)))

    def register(self, answer: Any, name: str = "", user: Any = None) -> Factor:
        """Keep a new passkey.

        Args:
            answer: What the browser made: ``credential.toJSON()``.
            name: What the person calls it.
            user: Whose it is; the current user unless given.

        Raises:
            PasskeyRefused: When it is no answer to the options that this browser got (400).
        """
        return run(_refusing(self._registering(answer, name, owner_id(user))))

    async def aregister(self, answer: Any, name: str = "", user: Any = None) -> Factor:
        """Keep a new passkey, as :meth:`register`, in async code."""
        return await arun(_refusing(self._registering(answer, name, owner_id(user))))

    def _asking(self, account: str, user_id: str) -> Steps[dict[str, Any]]:
        known = yield from self._of(user_id)
        # One handle for all passkeys of a user, so that a new one replaces an old one in a device.
        handle = known[0].handle if known else encode(secrets.token_bytes(32))
        ceremony = Ceremony.start(current_context().session, "register", user_id, handle)
        return ask_for_registration(self._party(), ceremony, account, known)

    def _registering(self, answer: Any, name: str, user_id: str) -> Steps[Factor]:
        ceremony = Ceremony.end(current_context().session, "register")
        if ceremony.user_id != user_id:
            raise PasskeyRefused("the challenge was given to another user")
        credential, counter = check_registration(self._party(), ceremony, answer)
        yield from _spending(ceremony)
        now, data = int(time.time()), credential.dump()
        factor_id = factor_id_of(credential.id)
        factor = Factor(factor_id, user_id, PASSKEY, name, now, counter=counter, data=data)
        added = yield from adding(_state(), factor)
        if added is None:
            raise PasskeyRefused("it is registered already")
        return added

    # -- login ----------------------------------------------------------------------------------

    def login_options(self) -> dict[str, Any]:
        """Return what ``navigator.credentials.get()`` needs, as JSON.

        When a login is pending, one of the user's passkeys is asked for as its second step.
        Else any passkey of the application, and the person is asked who they are by the device.
        """
        return run(self._asking_for_login())

    async def alogin_options(self) -> dict[str, Any]:
        """Return the options of a login, as :meth:`login_options`, in async code."""
        return await arun(self._asking_for_login())

    def login(
        self, answer: Any, *, remember: bool = False, duration: timedelta | int | None = None
    ) -> Any:
        """Log in who has the passkey, and return the user.

        Args:
            answer: What the browser made: ``credential.toJSON()``.
            remember: Remember the browser, as :meth:`Auth.login` does; of a pending login that
                was said at its beginning.
            duration: For how many seconds.

        Raises:
            PasskeyRefused: When it is no answer to the options that this browser got, by a passkey
                of ours whose user may log in (400).
        """
        return run(_refusing(self._logging_in(answer, remember, duration)))

    async def alogin(
        self, answer: Any, *, remember: bool = False, duration: timedelta | int | None = None
    ) -> Any:
        """Log in who has the passkey, as :meth:`login`, in async code."""
        return await arun(_refusing(self._logging_in(answer, remember, duration)))

    def _asking_for_login(self) -> Steps[dict[str, Any]]:
        session = current_context().session
        pending = PendingLogin.read(session)
        user_id = None if pending is None else pending.user_id
        allowed = [] if user_id is None else (yield from self._of(user_id))
        ceremony = Ceremony.start(session, "login", user_id)
        return ask_for_login(self._party(), ceremony, allowed)

    def _logging_in(
        self, answer: Any, remember: bool, duration: timedelta | int | None
    ) -> Steps[Any]:
        state, session = _state(), current_context().session
        pending, ceremony = PendingLogin.read(session), Ceremony.end(session, "login")
        if ceremony.user_id != (None if pending is None else pending.user_id):
            raise PasskeyRefused("the challenge was given for another login")
        factor = yield from self._find(credential_id_of(answer))
        if ceremony.user_id not in (None, factor.user_id):
            raise PasskeyRefused("the passkey is another user's")
        counter, ways = check_login(self._party(), ceremony, answer, factor)
        yield from _spending(ceremony)
        now = int(time.time())
        used = replace(factor, used_at=now, counter=counter)
        if not (yield Call(require_store(state).replace, (used, factor.counter))):
            raise PasskeyRefused("it was used elsewhere at the same time")
        if pending is None:
            seconds = seconds_to_remember(state, remember, duration)
            pending = PendingLogin(factor.user_id, now, (), Evidence(), seconds)
        user = yield from finding_pending_user(state, pending)
        if user is None or not (yield from completing(state, user, pending, (*ways, "mfa"))):
            raise PasskeyRefused("its user may not log in")
        return user

    # -- the parts ------------------------------------------------------------------------------

    def _party(self) -> Party:
        state = _state()
        own = origin_of(state.external_url(""))
        host = urlsplit(own).hostname or ""
        rp_id = self.rp_id or host
        origins = {origin_of(each) for each in self.origins}
        # A request names the host that its client likes. Where passkeys are good for subdomains,
        # a page of any of them would be let in by it.
        if host == rp_id or state.settings.external_url is not None:
            origins.add(own)
        return Party(rp_id, self.name or current_app.name, tuple(sorted(origins)))

    def _of(self, user_id: str) -> Steps[list[Credential]]:
        factors = yield from listing(_state(), user_id)
        return [Credential.of(factor) for factor in factors if factor.kind == PASSKEY]

    def _find(self, credential_id: str) -> Steps[Factor]:
        store = require_store(_state())
        factor: Factor | None = yield Call(store.get, (factor_id_of(credential_id),))
        if factor is None or factor.kind != PASSKEY:
            raise PasskeyRefused("it is not registered here")
        return factor


def _spending(ceremony: Ceremony) -> Steps[None]:
    """Use up a challenge, also for those who have a copy of the session that it was in."""
    name = encode(ceremony.challenge)
    if not (yield Call(require_store(_state()).spend, (name, LIFETIME))):
        raise PasskeyRefused("the challenge was answered before")


def _refusing(steps: Steps[T]) -> Steps[T]:
    """Do the work, and tell the log why a passkey was refused."""
    try:
        return (yield from steps)
    except PasskeyRefused as error:
        current_app.logger.info("A passkey was refused: %r", error.cause)
        raise


def _state() -> AuthState:
    state: AuthState = current_app.extensions["auth"]
    return state
