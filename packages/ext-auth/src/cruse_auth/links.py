"""Links that are sent by mail: to reset a password, to confirm an address, to log in.

Nothing is stored for them. A token is bound to a state of the user, such as the hash of the
password: when that changes, by the use of the link, all tokens for it are over.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from itsdangerous import BadData, URLSafeTimedSerializer

from cruse import current_app
from cruse.extension import SettingsError
from cruse_auth.steps import Call, arun, run
from cruse_auth.users import id_of, is_active

if TYPE_CHECKING:
    from collections.abc import Callable

    from cruse_auth.state import AuthState
    from cruse_auth.steps import Steps

__all__ = ["Links"]

#: The longest token that is looked at, in characters.
LONGEST = 1000


class Links:
    """Makes tokens for links, and finds the users that they are for."""

    def make(self, purpose: str, user: Any, state: str) -> str:
        """Return a token for a link.

        Args:
            purpose: What it is good for, such as ``"reset"``.
            user: The user.
            state: What changes when the token is used, such as the hash of the password.

        Raises:
            RuntimeError: When the application has no ``SECRET_KEY``.
        """
        keys, user_id = signing_keys(), id_of(user)
        return _serializer(keys, purpose).dumps([user_id, _mac(keys[-1], purpose, user_id, state)])

    def find(
        self, purpose: str, token: str, state_of: Callable[[Any], str], max_age: int = 3600
    ) -> Any:
        """Return the user that a token is for; ``None`` when it is not good.

        Args:
            purpose: What it has to be good for.
            token: The token.
            state_of: Returns the current state of a user.
            max_age: The most seconds since it was made.
        """
        return run(self._finding(purpose, token, state_of, max_age))

    async def afind(
        self, purpose: str, token: str, state_of: Callable[[Any], str], max_age: int = 3600
    ) -> Any:
        """Return the user that a token is for, as :meth:`find`, in async code."""
        return await arun(self._finding(purpose, token, state_of, max_age))

    def _finding(
        self, purpose: str, token: str, state_of: Callable[[Any], str], max_age: int
    ) -> Steps[Any]:
        keys = signing_keys()
        if not isinstance(token, str):  # a JSON body may have anything
            return None
        try:
            content = _serializer(keys, purpose).loads(token[:LONGEST], max_age=max_age)
        except (BadData, UnicodeEncodeError):  # nor has every text of JSON an encoding
            return None
        match content:
            case [str(user_id), str(mac)]:
                auth_state: AuthState = current_app.extensions["auth"]
                user = yield Call(auth_state.loader, (user_id,))
            case _:
                return None
        if user is None or not is_active(user):
            return None
        state = state_of(user)
        same = [hmac.compare_digest(mac, _mac(key, purpose, user_id, state)) for key in keys]
        return user if any(same) else None

    def url(self, endpoint: str, **values: Any) -> str:
        """Return the whole URL of a page, to be sent by mail.

        It begins with ``AUTH_EXTERNAL_URL``. The host of the request is not used: whoever asks for
        a mail to somebody else could write another one there, and get the token.

        Args:
            endpoint: The endpoint of the page.
            values: The values of its rule, such as the token.

        Raises:
            SettingsError: When ``AUTH_EXTERNAL_URL`` is not set.
        """
        state: AuthState = current_app.extensions["auth"]
        external = state.settings.external_url
        if external is None:
            raise SettingsError(
                "Links in mails need AUTH_EXTERNAL_URL, such as 'https://example.com': the host of"
                " a request is whatever the client says."
            )
        parts = urlsplit(external)
        current_app.inject_url_defaults(endpoint, values)
        adapter = current_app.url_map.bind(parts.netloc, parts.path, url_scheme=parts.scheme)
        return adapter.build(endpoint, values, force_external=True)


def signing_keys() -> list[bytes]:
    """Return the keys of the application, the one that signs last.

    Raises:
        RuntimeError: When there is none.
    """
    state: AuthState = current_app.extensions["auth"]
    keys = state.secret_keys("Tokens")
    return [key.encode() if isinstance(key, str) else key for key in keys]


def _serializer(keys: list[bytes], purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        list(keys),
        salt=f"cruse-auth.token.{purpose}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )


def _mac(key: bytes, purpose: str, user_id: str, state: str) -> str:
    """Return what binds a token to a state, without telling it."""
    message = "\0".join(("cruse-auth.state", purpose, user_id, state)).encode()
    return urlsafe_b64encode(hmac.digest(key, message, hashlib.sha256)[:18]).decode()
