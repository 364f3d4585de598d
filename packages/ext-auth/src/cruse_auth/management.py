"""What ``auth`` has for the logins of a user, in all browsers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cruse.globals import current_context
from cruse_auth.sessions import current_sid, open_sessions, revoking, revoking_all
from cruse_auth.steps import arun, run
from cruse_auth.users import AnonymousUser, find_user, id_of

if TYPE_CHECKING:
    from cruse_auth.state import AuthState
    from cruse_auth.steps import Steps
    from cruse_auth.stores import SessionRecord

__all__ = ["SessionManagement"]


class SessionManagement:
    """Lists and ends logins; they have to be recorded in a store."""

    @property
    def state(self) -> AuthState:
        """What is kept for the current application."""
        raise NotImplementedError

    @property
    def session_id(self) -> str | None:
        """The name of the current login among :meth:`sessions`; ``None`` for visitors."""
        find_user()
        return current_sid(self.state, current_context())

    def sessions(self, user: Any = None) -> list[SessionRecord]:
        """Return the logins of a user that are open, the one used last first.

        Args:
            user: The user, or their id; the current one unless given.

        Raises:
            RuntimeError: Without a store.
        """
        return run(open_sessions(self.state, owner_id(user)))

    async def asessions(self, user: Any = None) -> list[SessionRecord]:
        """Return the logins of a user, as :meth:`sessions`, in async code."""
        return await arun(open_sessions(self.state, owner_id(user)))

    def revoke_session(self, sid: str, user: Any = None) -> bool:
        """End one login of a user, whoever has its cookies.

        Args:
            sid: Its name. It may come from a form: those of other users are left alone.
            user: Whose it is, or their id; the current user unless given.

        Returns:
            Whether the user had a login of that name.
        """
        return run(revoking(self.state, sid, owner_id(user)))

    async def arevoke_session(self, sid: str, user: Any = None) -> bool:
        """End one login of a user, as :meth:`revoke_session`, in async code."""
        return await arun(revoking(self.state, sid, owner_id(user)))

    def logout_everywhere(
        self, user: Any = None, *, keep_current: bool = False, permissions: bool = False
    ) -> int:
        """End all logins of a user, in every browser, also where it is remembered.

        Do it when the password changed, or rights were taken.

        Args:
            user: The user, or their id; the current one unless given.
            keep_current: Leave the login of this browser.
            permissions: Also end what other programs were given by the authorization server: all
                tokens, those for while the user is away, too.

        Returns:
            How many logins.
        """
        return run(_ending_all(self.state, owner_id(user), keep_current, permissions))

    async def alogout_everywhere(
        self, user: Any = None, *, keep_current: bool = False, permissions: bool = False
    ) -> int:
        """End all logins of a user, as :meth:`logout_everywhere`, in async code."""
        return await arun(_ending_all(self.state, owner_id(user), keep_current, permissions))


def _ending_all(
    state: AuthState, user_id: str, keep_current: bool, permissions: bool
) -> Steps[int]:
    ended = yield from revoking_all(state, user_id, keep_current)
    if permissions and state.auth.authorization_server is not None:
        from cruse_auth.server.permissions import ending

        yield from ending(state.server, user_id)
    return ended


def owner_id(user: Any) -> str:
    """Return the id of a user, given as it is or as an id.

    Raises:
        ValueError: When nobody is given or logged in.
    """
    if isinstance(user, str | int):
        return str(user)
    user = find_user() if user is None else user
    if isinstance(user, AnonymousUser):
        raise ValueError("Nobody is logged in: say whose logins are meant.")
    return id_of(user)
