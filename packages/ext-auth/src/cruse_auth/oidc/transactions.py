"""Logins that have begun: one short-lived signed cookie each.

They are not in the session: a page that saves its session while a login is under way would
overwrite it, and several tabs would fight over one place. A cookie holds no secret. The nonce and
the PKCE verifier are computed from its state and the application's key, so that a copied cookie
gives nobody the means to use a stolen code.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from cruse_auth.errors import LoginError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from werkzeug.wrappers import Response as WerkzeugResponse

__all__ = ["Purpose", "Transaction", "Transactions", "mark_of"]

#: Seconds that a login may take.
LIFETIME = 600
#: Seconds that the browser keeps the cookie: longer, to tell "too late" from "no cookie".
COOKIE_LIFETIME = 3600
#: How many logins may be open in one browser. With all of them the Cookie header stays below 4 KB.
MOST = 5
#: The longest page to go to afterwards that is remembered.
MAX_NEXT = 300

_PREFIX = "cruse_login_"


@dataclass(frozen=True)
class Purpose:
    """What a login is for."""

    #: The page to go to afterwards.
    next: str | None = None
    #: Whether the person has to show up.
    fresh: bool = False
    #: How sure it has to be: values of ``acr`` of which one will do, with blanks between them.
    acr: str | None = None
    #: The mark of the login whose user the identity is to be linked to, see :func:`mark_of`.
    link: str | None = None


@dataclass(frozen=True)
class Transaction:
    """A login that has begun."""

    #: The ``state`` parameter (RFC 6749 section 10.12).
    state: str
    #: The name of the provider it began with.
    provider: str
    #: The provider's issuer.
    issuer: str
    #: Where the provider sends the browser.
    redirect_uri: str
    #: When it began, in seconds since the epoch.
    began: int
    purpose: Purpose
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)

    @property
    def cookie(self) -> str:
        """The name of its cookie; by name, the newest sort last."""
        name = f"{_PREFIX}{self.began:x}_{self.state[:8]}"
        return f"__Host-{name}" if self.secure else name

    @property
    def secure(self) -> bool:
        """Whether the browser reaches us over HTTPS."""
        return self.redirect_uri.startswith("https:")


class Transactions:
    """Begins logins and finds them again.

    Args:
        keys: The application's secret keys, the one to sign with first.
    """

    def __init__(self, keys: Iterable[str | bytes]) -> None:
        self._keys = [key.encode() if isinstance(key, str) else key for key in keys]

    def begin(
        self, provider: str, issuer: str, redirect_uri: str, purpose: Purpose
    ) -> Transaction:
        """Return a new login."""
        if purpose.next is not None and len(purpose.next) > MAX_NEXT:
            purpose = replace(purpose, next=None)
        state = secrets.token_urlsafe(24)
        began = int(time.time())
        nonce, verifier = _derive(self._keys[0], state)
        return Transaction(state, provider, issuer, redirect_uri, began, purpose, nonce, verifier)

    def save(
        self, login: Transaction, response: WerkzeugResponse, cookies: Mapping[str, str]
    ) -> None:
        """Give the browser the cookie of a login, and take those of its oldest ones.

        Args:
            login: The new login.
            response: The answer.
            cookies: What the browser sent.
        """
        value = {
            "s": login.state,
            "p": login.provider,
            "i": login.issuer,
            "r": login.redirect_uri,
            "t": login.began,
            **_pack(login.purpose),
        }
        response.set_cookie(
            login.cookie,
            _serializer(self._keys[0]).dumps(value),
            max_age=COOKIE_LIFETIME,
            secure=login.secure,
            httponly=True,
            # Lax, not Strict: the provider's redirect is a navigation from another site.
            samesite="Lax",
        )
        for name in _ours(cookies)[: 1 - MOST]:
            _delete(response, name)

    def find(self, state: str | None, cookies: Mapping[str, str]) -> tuple[str, Transaction]:
        """Return the login that a callback is about, with the name of its cookie.

        Args:
            state: The ``state`` of the callback.
            cookies: What the browser sent.

        Raises:
            LoginError: When there is none; it says why.
        """
        if not state:
            raise LoginError("the callback has no state")
        ours = _ours(cookies)
        names = [name for name in ours if name.endswith(f"_{state[:8]}")]
        if not names:
            raise LoginError(
                f"the browser has the cookies of {len(ours)} other logins, but not of this one: it"
                " was finished before, pushed out by newer ones, or begun in another browser"
                if ours
                else "the browser sent no login cookie: the login was finished before, begun in"
                " another browser or under another host name, or cookies are blocked"
            )
        error = LoginError("the login cookie is that of another login")
        for name in reversed(names):
            try:
                login = self._open(cookies[name])
            except LoginError as reason:
                error = reason
                continue
            # A cookie without the prefix could have been set by a neighbouring subdomain.
            if hmac.compare_digest(login.state.encode(), state.encode()) and name == login.cookie:
                return name, login
        raise error

    def _open(self, value: str) -> Transaction:
        for key in self._keys:
            try:
                content = _serializer(key).loads(value, max_age=LIFETIME)
            except SignatureExpired:
                raise LoginError(f"the login began more than {LIFETIME} s ago") from None
            except BadData:
                continue
            return _read(content, key)
        raise LoginError("the login cookie is forged, damaged, or signed with another key")

    def forget(self, name: str, response: WerkzeugResponse) -> None:
        """Take the cookie of a login that ended, so that its callback is good for once only."""
        _delete(response, name)


def _read(content: Any, key: bytes) -> Transaction:
    nonce, verifier = _derive(key, content["s"])
    return Transaction(
        content["s"],
        content["p"],
        content["i"],
        content["r"],
        content["t"],
        Purpose(content.get("n"), "f" in content, content.get("a"), content.get("l")),
        nonce,
        verifier,
    )


def _pack(purpose: Purpose) -> dict[str, Any]:
    """Return what is to be said of a purpose; cookies are short."""
    values = {"n": purpose.next, "f": purpose.fresh, "a": purpose.acr, "l": purpose.link}
    return {key: value for key, value in values.items() if value}


def mark_of(sid: str) -> str:
    """Return what stands for a login in a cookie, which is signed but can be read."""
    return urlsafe_b64encode(hashlib.sha256(sid.encode()).digest()[:12]).decode()


def _serializer(key: bytes) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        key,
        salt="cruse-auth.login",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )


def _derive(key: bytes, state: str) -> tuple[str, str]:
    """Return the nonce and the PKCE verifier that belong to a state."""

    def derived(purpose: str) -> str:
        message = f"cruse-auth.{purpose}:{state}".encode()
        digest = hmac.digest(key, message, hashlib.sha256)
        return urlsafe_b64encode(digest).rstrip(b"=").decode()  # 43 characters: RFC 7636 §4.1

    return derived("nonce"), derived("verifier")


def _ours(cookies: Mapping[str, str]) -> list[str]:
    """Return the names of login cookies, the oldest first."""
    names = [name for name in cookies if name.removeprefix("__Host-").startswith(_PREFIX)]
    return sorted(names, key=lambda name: name.removeprefix("__Host-"))


def _delete(response: WerkzeugResponse, name: str) -> None:
    secure = name.startswith("__Host-")
    response.delete_cookie(name, secure=secure, httponly=True, samesite="Lax")
