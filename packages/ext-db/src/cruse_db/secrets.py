"""Columns for what must not lie in a database as it is: passwords, and secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import String, Text
from sqlalchemy.types import TypeDecorator
from werkzeug.security import check_password_hash, generate_password_hash

from cruse import current_app

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.fernet import MultiFernet
    from sqlalchemy.engine import Dialect

__all__ = ["EncryptedString", "Password", "PasswordHash"]


class Password:
    """A password of which only the hash is known.

    Args:
        hashed: The hash, with its method and salt, as it is stored.
    """

    __slots__ = ("hashed",)

    def __init__(self, hashed: str) -> None:
        self.hashed = hashed

    @classmethod
    def of(cls, text: str) -> Password:
        """Return the hash of a password, salted (scrypt, RFC 7914)."""
        return cls(generate_password_hash(text))

    def matches(self, text: str) -> bool:
        """Whether a text is the password; takes as long for a wrong one."""
        return check_password_hash(self.hashed, text)

    def __eq__(self, other: object) -> bool:
        return self.hashed == other.hashed if isinstance(other, Password) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.hashed)

    def __repr__(self) -> str:
        return "<Password>"


class PasswordHash(TypeDecorator[Password]):
    """A column of a :class:`Password`; plain text is refused, so that none is stored."""

    impl = String(255)
    cache_ok = True

    def process_bind_param(self, value: Password | None, dialect: Dialect) -> str | None:
        """Return the hash.

        Raises:
            TypeError: For anything but a :class:`Password`.
        """
        if value is None:
            return None
        if not isinstance(value, Password):
            raise TypeError("A password is stored as its hash: write 'Password.of(text)'.")
        return value.hashed

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Password | None:
        """Return the stored password."""
        return None if value is None else Password(value)


class EncryptedString(TypeDecorator[str]):
    """Text that is encrypted and authenticated in the database (Fernet: AES-128-CBC and HMAC).

    It can't be searched for or compared in queries: the same text is stored differently each time.

    Args:
        keys: One or more keys, as ``Fernet.generate_key()`` makes them. The first encrypts, all
            decrypt, so that keys can be changed. Unless given, those of the setting
            ``DB_ENCRYPTION_KEYS`` of the current application.
    """

    impl = Text
    # Types with different keys behave differently: SQLAlchemy compares them by the arguments.
    cache_ok = True

    def __init__(self, keys: Sequence[str] | None = None) -> None:
        super().__init__()
        self.keys = None if keys is None else tuple(keys)

    def __repr__(self) -> str:
        return "EncryptedString()"  # without the keys; it stands in migrations

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text encrypted."""
        return None if value is None else self._cipher().encrypt(value.encode()).decode()

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        """Return the text decrypted.

        Raises:
            ValueError: When none of the keys fits.
        """
        if value is None:
            return None
        from cryptography.fernet import InvalidToken

        try:
            return self._cipher().decrypt(value).decode()
        except InvalidToken:
            raise ValueError(
                "An encrypted column could not be read: none of the keys in DB_ENCRYPTION_KEYS "
                "is the one that it was written with."
            ) from None

    def _cipher(self) -> MultiFernet:
        try:
            from cryptography.fernet import Fernet, MultiFernet
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "Encrypted columns need a package that is not installed: pip install "
                "'cruse-db[crypto]'",
                name=error.name,
            ) from error
        keys = self.keys or tuple(current_app.config.get("DB_ENCRYPTION_KEYS") or ())
        if not keys:
            raise RuntimeError(
                "An encrypted column needs a key. Make one with Fernet.generate_key() of "
                "cryptography.fernet, and set DB_ENCRYPTION_KEYS = [key]."
            )
        return MultiFernet([Fernet(key) for key in keys])
