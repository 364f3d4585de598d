"""``auth.factors``: what people show beside a password, and the second step of a login."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cruse import current_app
from cruse.globals import current_context
from cruse_auth.factors.codes import NewTOTP, make_totp
from cruse_auth.factors.pending import PendingLogin
from cruse_auth.factors.work import (
    adding_totp,
    beginning,
    checking,
    completing,
    finding_pending_user,
    listing,
    removing,
    removing_all,
    renewing_recovery,
)
from cruse_auth.management import owner_id
from cruse_auth.record import Evidence
from cruse_auth.sessions import current_record
from cruse_auth.steps import arun, run
from cruse_auth.users import find_user

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from cruse_auth.factors.pending import LoginStep
    from cruse_auth.factors.store import Factor, FactorStore
    from cruse_auth.state import AuthState
    from cruse_auth.steps import Steps

__all__ = ["Factors"]

#: The key of the session for the secret of an app that has not shown a code yet.
NEW = "_auth_new_totp"


class Factors:
    """Keeps factors and checks them. Wherever a ``user`` may be given, it is the current one.

    Args:
        store: Where they are kept.
        issuer: What authenticator apps call the application; its name unless given.
    """

    def __init__(self, store: FactorStore | None = None, issuer: str | None = None) -> None:
        self.store = store
        self.issuer = issuer

    # -- having them ----------------------------------------------------------------------------

    def of_user(self, user: Any = None) -> list[Factor]:
        """Return the factors of a user, the oldest first; each recovery code is one.

        Raises:
            RuntimeError: Without a store.
        """
        return run(listing(_state(), owner_id(user)))

    async def aof_user(self, user: Any = None) -> list[Factor]:
        """Return the factors of a user, as :meth:`of_user`, in async code."""
        return await arun(listing(_state(), owner_id(user)))

    def start_totp(self, account: str, user: Any = None) -> NewTOTP:
        """Return a new secret for an authenticator app.

        It counts from when the app has shown a code of it; until then the session has it.

        Args:
            account: What the app calls the account, such as the address.
            user: Whose it is to be.
        """
        new = make_totp(self.issuer or current_app.name, account)
        owner = owner_id(user)
        current_context().session[NEW] = _state().sealer.seal(new.secret, owner)
        return new

    def add_totp(self, code: str, name: str = "", user: Any = None) -> Factor | None:
        """Keep the secret of :meth:`start_totp`, if an app has it.

        Args:
            code: What the app shows.
            name: What the person calls it.
            user: Whose it is.

        Returns:
            The factor; ``None`` when the code is wrong, or nothing was started.

        Raises:
            TooManyAttempts: After too many wrong ones (429).
        """
        return run(self._adding_totp(code, name, owner_id(user)))

    async def aadd_totp(self, code: str, name: str = "", user: Any = None) -> Factor | None:
        """Keep the secret of :meth:`start_totp`, as :meth:`add_totp`, in async code."""
        return await arun(self._adding_totp(code, name, owner_id(user)))

    def _adding_totp(self, code: str, name: str, user_id: str) -> Steps[Factor | None]:
        session = current_context().session
        sealed = session.get(NEW)
        secret = _state().sealer.open(sealed, user_id) if isinstance(sealed, str) else None
        if secret is None:
            return None
        factor = yield from adding_totp(_state(), user_id, secret, code, name)
        if factor is not None:
            session.pop(NEW, None)
        return factor

    def renew_recovery_codes(self, user: Any = None) -> list[str]:
        """Return ten new recovery codes, to be shown once; those from before are over."""
        return run(renewing_recovery(_state(), owner_id(user)))

    async def arenew_recovery_codes(self, user: Any = None) -> list[str]:
        """Return new recovery codes, as :meth:`renew_recovery_codes`, in async code."""
        return await arun(renewing_recovery(_state(), owner_id(user)))

    def remove(self, factor_id: str, user: Any = None, *, last: bool = False) -> bool:
        """Forget an app or a passkey of a user; with the last one go the recovery codes.

        Args:
            factor_id: Its name. It may come from a form: those of other users are left alone.
            user: Whose it is.
            last: Remove it although it is the last: the user has another way in.

        Returns:
            Whether the user had it.

        Raises:
            LastFactor: When it is the last one.
        """
        return run(removing(_state(), owner_id(user), factor_id, last))

    async def aremove(self, factor_id: str, user: Any = None, *, last: bool = False) -> bool:
        """Forget a factor of a user, as :meth:`remove`, in async code."""
        return await arun(removing(_state(), owner_id(user), factor_id, last))

    def remove_all(self, user: Any = None) -> None:
        """Forget all that a user has, with the account or when everything is lost."""
        run(removing_all(_state(), owner_id(user)))

    async def aremove_all(self, user: Any = None) -> None:
        """Forget all that a user has, as :meth:`remove_all`, in async code."""
        await arun(removing_all(_state(), owner_id(user)))

    # -- showing them ---------------------------------------------------------------------------

    def check(self, code: str, user: Any = None) -> bool:
        """Use up a code of a user: to let them do something, beside a login.

        Args:
            code: What they typed: what their app shows, or a recovery code.
            user: Whose it has to be.

        Returns:
            Whether it was good. No code is twice.

        Raises:
            TooManyAttempts: After too many wrong ones (429).
        """
        return run(checking(_state(), owner_id(user), code)) is not None

    async def acheck(self, code: str, user: Any = None) -> bool:
        """Use up a code of a user, as :meth:`check`, in async code."""
        return await arun(checking(_state(), owner_id(user), code)) is not None

    def login(
        self,
        user: Any,
        *,
        methods: Iterable[str] = ("pwd",),
        remember: bool = False,
        duration: timedelta | int | None = None,
    ) -> LoginStep:
        """Log a user in who has no factors; of who has some, one has to be shown first.

        Until that has happened nobody is logged in, in this browser.

        Args:
            user: The user, who has shown the password or what it was.
            methods: What they have shown, by the names of RFC 8176.
            remember: Remember the browser, as :meth:`Auth.login` does.
            duration: For how many seconds.

        Returns:
            How far it is: true when the user is logged in.
        """
        return run(beginning(_state(), user, Evidence(amr=tuple(methods)), remember, duration))

    async def alogin(
        self,
        user: Any,
        *,
        methods: Iterable[str] = ("pwd",),
        remember: bool = False,
        duration: timedelta | int | None = None,
    ) -> LoginStep:
        """Log a user in, or begin it, as :meth:`login`, in async code."""
        evidence = Evidence(amr=tuple(methods))
        return await arun(beginning(_state(), user, evidence, remember, duration))

    @property
    def pending(self) -> PendingLogin | None:
        """The login that has begun in this browser and waits for a factor, for ten minutes."""
        return PendingLogin.read(current_context().session)

    def finish(self, code: str) -> Any:
        """Log in whose login is pending, with a code of their app or a recovery code.

        Returns:
            The user; ``None`` when the code is wrong, or no login is pending.

        Raises:
            TooManyAttempts: After too many wrong ones (429).
        """
        return run(self._finishing(code))

    async def afinish(self, code: str) -> Any:
        """Log in whose login is pending, as :meth:`finish`, in async code."""
        return await arun(self._finishing(code))

    def _finishing(self, code: str) -> Steps[Any]:
        state, pending = _state(), self.pending
        if pending is None:
            return None
        user = yield from finding_pending_user(state, pending)
        if user is None or (yield from checking(state, pending.user_id, code)) is None:
            return None
        logged_in = yield from completing(state, user, pending, ("otp", "mfa"))
        return user if logged_in else None

    @property
    def methods(self) -> tuple[str, ...]:
        """How the current login was made, by the names of RFC 8176: ``"mfa"`` for two factors.

        Empty for a login that was not made here, and for a browser that is only remembered.
        """
        find_user()
        record = current_record(_state(), current_context())
        if record is None:
            return ()
        # What a provider says of its own login was not shown here.
        by = record.evidence
        return by.amr if by.provider is None else by.shown


def _state() -> AuthState:
    state: AuthState = current_app.extensions["auth"]
    return state
