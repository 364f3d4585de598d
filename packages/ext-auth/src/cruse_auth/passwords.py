"""Passwords: hashed with Argon2id, checked in the same time whoever it is. Needs pwdlib."""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from werkzeug.security import check_password_hash

from cruse import current_app
from cruse.lazy import lazy
from cruse_auth.steps import Call, arun, run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from pwdlib import PasswordHash

    from cruse_auth.steps import Steps

__all__ = ["PasswordCheck", "Passwords", "WeakPassword"]

#: The most characters of a password: a limit on what a client can make us work on.
MOST = 1024
#: How hashes of ``werkzeug.security`` begin.
WERKZEUG = ("scrypt:", "pbkdf2:")


class WeakPassword(ValueError):  # noqa: N818 - it is about what somebody typed
    """A new password that is refused; its text may be shown to the person."""


@dataclass(frozen=True)
class PasswordCheck:
    """Whether a password was right; true in an ``if`` when it was."""

    ok: bool
    #: The hash to store in place of the old one, which was made with less effort.
    new_hash: str | None = field(default=None, repr=False)

    def __bool__(self) -> bool:
        return self.ok


class Passwords:
    """Hashes passwords, and checks them.

    Args:
        hashers: pwdlib's hashers: the first one makes new hashes, all are understood. Argon2id
            with pwdlib's parameters unless given. Hashes of ``werkzeug.security`` are always
            understood.
    """

    def __init__(self, hashers: Sequence[Any] | None = None) -> None:
        self._hashers = hashers
        #: Tells of a password whether thieves have it in their lists.
        self.breached_function: Callable[[str], Any] | None = None

    def breached(
        self, function: Callable[[str], bool | Awaitable[bool]]
    ) -> Callable[[str], bool | Awaitable[bool]]:
        """Register what says of a new password whether it is known to thieves; plain or async."""
        self.breached_function = function
        return function

    @lazy
    def hasher(self) -> PasswordHash:
        """What hashes.

        Raises:
            RuntimeError: When pwdlib is not installed.
        """
        try:
            from pwdlib import PasswordHash
            from pwdlib.hashers.argon2 import Argon2Hasher
        except ImportError:
            raise RuntimeError(
                "Passwords need the Python package 'pwdlib'. Install it with:"
                " pip install 'cruse-auth[password]'"
            ) from None
        return PasswordHash(self._hashers or (Argon2Hasher(),))

    @lazy
    def nobodys(self) -> str:
        """The hash of a password that nobody knows."""
        return self.hasher.hash(secrets.token_urlsafe())

    # -- new ones -------------------------------------------------------------------------------

    def hash(self, password: str, words: Iterable[str] = ()) -> str:
        """Return the hash of a new password, to be stored.

        Args:
            password: The password. Any characters are welcome; none are asked for.
            words: What it must not be: the person's name and address, the application's name.

        Raises:
            WeakPassword: When it is too short (``AUTH_PASSWORD_MIN_LENGTH``), too long, one of
                the words, or known to thieves. Its text is for the person.
        """
        return run(self._hashing(password, words))

    async def ahash(self, password: str, words: Iterable[str] = ()) -> str:
        """Return the hash of a new password, as :meth:`hash`, without stopping the loop."""
        return await arun(self._hashing(password, words))

    def _hashing(self, password: str, words: Iterable[str]) -> Steps[str]:
        least = current_app.extensions["auth"].settings.password_min_length
        text = normal(password)
        if text is None:
            raise WeakPassword(
                f"The password is longer than {MOST} characters, or no text at all."
            )
        if len(text) < least:
            raise WeakPassword(f"The password needs at least {least} characters.")
        if text.casefold() in {word.casefold() for word in words}:
            raise WeakPassword("The password is too easy to guess from what is known of you.")
        if self.breached_function is not None and (yield Call(self.breached_function, (text,))):
            raise WeakPassword("The password is known from a theft of data. Choose another one.")
        hashed: str = yield Call(self._hash, (text,))
        return hashed

    def _hash(self, text: str) -> str:
        return self.hasher.hash(text)

    # -- at the login ---------------------------------------------------------------------------

    def check(self, password: str, hashed: str | None) -> PasswordCheck:
        """Return whether a password is the one that a hash is of.

        Args:
            password: What was typed.
            hashed: The stored hash; ``None`` when there is no such user, or one without a
                password. It takes as long, so that nobody learns who has an account.

        Raises:
            pwdlib.exceptions.UnknownHashError: For a hash of another kind.
        """
        return run(self._checking(password, hashed))

    async def acheck(self, password: str, hashed: str | None) -> PasswordCheck:
        """Return whether a password is right, as :meth:`check`, without stopping the loop."""
        return await arun(self._checking(password, hashed))

    def _checking(self, password: str, hashed: str | None) -> Steps[PasswordCheck]:
        checked: PasswordCheck = yield Call(self._check, (password, hashed))
        return checked

    def _check(self, password: str, hashed: str | None) -> PasswordCheck:
        nobodys = self.nobodys  # made before anything else, for who comes first as for the others
        text = normal(password)
        if hashed is None or text is None:
            self.hasher.verify(text or "", nobodys)
            return PasswordCheck(ok=False)
        if hashed.startswith(WERKZEUG):
            right = check_password_hash(hashed, password)
            return PasswordCheck(right, self.hasher.hash(text) if right else None)
        return PasswordCheck(*self.hasher.verify_and_update(text, hashed))


def normal(password: Any) -> str | None:
    """Return a password as it is hashed, whatever keyboard it was typed on (NFKC).

    ``None`` for what is too long, or cannot be written as UTF-8: JSON may have half characters, or
    something else than text.
    """
    if not isinstance(password, str) or len(password) > MOST:
        return None
    text = unicodedata.normalize("NFKC", password)
    try:
        text.encode()
    except UnicodeEncodeError:
        return None
    return text
