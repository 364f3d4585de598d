"""A provider for tests: complete logins without a browser or a socket, honest ones and forged.

::

    provider = FakeProvider([Person("ada", "Ada Lovelace")])
    app.config["AUTH_PROVIDERS"] = {"op": provider.options()}

    start = client.post("/auth/op/login")
    client.get(provider.approve(start.location, "ada"))     # logged in

    with provider.tampering(claims={"aud": "somebody else"}):
        ...                                                 # must be refused
"""

from __future__ import annotations

import secrets
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from cruse import request
from cruse.lazy import lazy
from cruse.testing import CruseClient
from cruse_auth.development import Client, DevelopmentProvider, Person
from cruse_auth.fake_oauth2 import FakeOAuth2Provider
from cruse_auth.record import Evidence, LoginRecord, write_record
from cruse_auth.server.keys import KeyRing, SigningKey
from cruse_auth.sessions import begin
from cruse_auth.steps import run
from cruse_auth.users import id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from cruse import Cruse, Response
    from cruse.testing import AsyncCruseClient
    from cruse_auth.server.state import ServerState
    from cruse_auth.server.store import ServerStore
    from cruse_auth.state import AuthState
    from cruse_auth.steps import Steps

__all__ = [
    "MISSING",
    "AuthClient",
    "Client",
    "FakeOAuth2Provider",
    "FakeProvider",
    "Person",
    "log_in",
    "provider",
]


def log_in(
    client: CruseClient | AsyncCruseClient,
    user: Any,
    *,
    fresh: bool = True,
    age: timedelta | int = 0,
    acr: str | None = None,
    amr: Iterable[str] = (),
) -> None:
    """Log a user in, in a test client, as if they had done it themselves.

    Nothing is called for it, no loader and no signal; ``app.test_client(user=...)`` does the same.

    Args:
        client: The client, plain or async.
        user: The user: anything with an ``id`` or ``get_id()``.
        fresh: Whether the person was there; ``False`` for a browser that was remembered.
        age: How many seconds ago it was.
        acr: How sure it is.
        amr: By what methods.
    """
    app = client.application
    state: AuthState = app.extensions["auth"]
    seconds = age.total_seconds() if isinstance(age, timedelta) else age
    record = LoginRecord.new(id_of(user), Evidence(acr=acr, amr=tuple(amr)), fresh)
    record = replace(record, at=record.at - int(seconds))
    with app.test_request_context() as ctx:
        run(begin(state, ctx, record))
    with client.session_transaction() as session:
        write_record(session, record)


class AuthClient(CruseClient):
    """The test client of applications with this extension: it can begin logged in.

    Args:
        args: As those of :class:`cruse.testing.CruseClient`.
        user: Who is logged in.
        fresh: Whether they were there, as after a password.
        age: How many seconds ago they logged in.
        acr: How sure the login is.
        amr: By what methods it was made.
        options: As those of :class:`cruse.testing.CruseClient`.
    """

    def __init__(
        self,
        *args: Any,
        user: Any = None,
        fresh: bool = True,
        age: timedelta | int = 0,
        acr: str | None = None,
        amr: Iterable[str] = (),
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        if user is not None:
            log_in(self, user, fresh=fresh, age=age, acr=acr, amr=amr)


class _Missing:
    """Marks a value that is to be taken out."""

    def __repr__(self) -> str:
        return "MISSING"


#: As a value in :meth:`FakeProvider.tampering`: take the entry out.
MISSING = _Missing()

#: The endpoints whose JSON can be tampered with, by the name of the argument.
DOCUMENTS = {"metadata": "discovery", "jwks": "jwks", "token": "token", "userinfo": "userinfo"}
#: What else can be: the ID token, and the parameters that the browser is sent back with.
OTHERS = frozenset({"claims", "header", "callback"})


class _Keys(KeyRing):
    """The one key of a fake provider, which signs what that wants to say."""

    def __init__(self, here: ServerState, fake: FakeProvider) -> None:
        super().__init__(here)
        self.fake = fake

    def all(self) -> Steps[list[SigningKey]]:
        """Return the key."""
        yield from ()
        key = self.fake.signing_key
        return [SigningKey(self.make_record("1", key, at_once=True), key)]

    def signing(self, claims: dict[str, Any], typ: str | None = None) -> Steps[str]:
        """Return an ID token as it is to be."""
        yield from ()
        return self.fake.sign_id_token(claims)


class FakeProvider(DevelopmentProvider):
    """A development provider that tests can drive, and make lie.

    Args:
        people: Who can log in.
        url_prefix: What its URLs start with.
        issuer: Its fixed address, when it is not mounted in the application.
        store: As that of the development provider.
    """

    def __init__(
        self,
        people: Iterable[Person],
        *,
        url_prefix: str = "/provider",
        issuer: str | None = None,
        store: ServerStore | None = None,
    ) -> None:
        super().__init__(people, url_prefix=url_prefix, store=store)
        self.issuer = issuer
        #: Method and path of what was asked of it, without the prefix, in order.
        self.requests: list[tuple[str, str]] = []
        self._changes: dict[str, Mapping[str, Any]] = {}
        self._sign: Callable[[dict[str, Any], dict[str, Any]], str] | None = None

    @lazy
    def signing_key(self) -> RSAKey:
        """The key that tokens are signed with, made at the first use."""
        return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)

    def find_issuer(self) -> str:
        """Return the fixed address, or the one that the current request sees."""
        return self.issuer or super().find_issuer()

    # -- a browser, in short --------------------------------------------------------------------

    def approve(self, url: str, subject: str) -> str:
        """Log a person in and return the URL that the browser is sent back to.

        Args:
            url: The authorization request: where the login sent the browser.
            subject: Who it is; somebody unknown refuses.

        Raises:
            AssertionError: When the provider shows an error instead of sending the browser back.
        """
        browser = self.app.test_client()
        target = urljoin(url, _sent_on(browser.get(url)))
        if urlsplit(target).path == f"{self.url_prefix}/choose":
            back = _sent_on(browser.post(target, data={"person": subject}))
            target = _sent_on(browser.get(urljoin(url, back)))
        location = urlsplit(target)
        query = _changed(dict(parse_qsl(location.query)), self._changes.get("callback", {}))
        return urlunsplit(location._replace(query=urlencode(query)))

    # -- lies -----------------------------------------------------------------------------------

    @contextmanager
    def tampering(
        self,
        *,
        sign: Callable[[dict[str, Any], dict[str, Any]], str] | None = None,
        **changes: Mapping[str, Any],
    ) -> Iterator[None]:
        """Change what the provider says, within a ``with`` block.

        Args:
            sign: Makes the ID token of header and claims.
            changes: New entries, or ``MISSING`` for old ones, by where they belong: ``claims`` and
                ``header`` of the ID token, the parameters of the ``callback``, and the documents
                ``discovery``, ``jwks``, ``token`` and ``userinfo``.
        """
        _check_places(changes)
        before = self._changes, self._sign
        self._changes, self._sign = {**self._changes, **changes}, sign or self._sign
        try:
            yield
        finally:
            self._changes, self._sign = before

    def tamper(self, name: str, value: Any, where: str = "claims") -> None:
        """Change one thing that the provider says, until the end of the ``with`` block around it.

        Args:
            name: What is to be different, such as ``"iss"``.
            value: What it says instead; ``MISSING`` for nothing.
            where: Where it is, as for :meth:`tampering`: in the ID token unless given.
        """
        _check_places({where})
        changed = {**self._changes.get(where, {}), name: value}
        self._changes = {**self._changes, where: changed}

    def logout_token(self, subject: str | None = None, **changes: Any) -> str:
        """Return a logout token of the provider, for ``POST /auth/<provider>/backchannel``.

        Args:
            subject: Who has logged out.
            changes: More claims, such as ``sid``, or other ones; ``MISSING`` takes one out.
        """
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer or f"http://localhost{self.url_prefix}",
            "aud": "development",
            "sub": MISSING if subject is None else subject,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_urlsafe(8),
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        }
        header = {"alg": "RS256", "kid": self.signing_key.kid, "typ": "logout+jwt"}
        return self.sign(
            _changed(header, self._changes.get("header", {})), _changed(claims, changes)
        )

    def sign_id_token(self, claims: dict[str, Any]) -> str:
        """Return an ID token that says what it is to say."""
        header = {"alg": "RS256", "kid": self.signing_key.kid}
        return self.sign(
            _changed(header, self._changes.get("header", {})),
            _changed(claims, self._changes.get("claims", {})),
        )

    def sign(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        """Return a token that is signed as it is to be."""
        if self._sign is not None:
            return self._sign(header, claims)
        token: str = jwt.encode(header, claims, self.signing_key)
        return token

    def jwks(self) -> dict[str, Any]:
        """Return the public keys."""
        return {"keys": [self.signing_key.as_dict(private=False)]}

    def make_app(self) -> Cruse:
        """Make the provider's application, which keeps a record and tells lies."""
        app = super().make_app()
        here: ServerState = app.extensions["auth"].server
        here.keys = _Keys(here, self)

        @app.before_request
        def record() -> None:
            self.requests.append((request.method, request.path.removeprefix(self.url_prefix)))

        @app.after_request
        def tamper(response: Response) -> Response:
            endpoint = (request.endpoint or "").rpartition(".")[2]
            changes = self._changes.get(DOCUMENTS.get(endpoint, ""), {})
            if changes:
                document = _changed(response.get_json(), changes)
                response.set_data(request.json_module.dumps(document))
            return response

        return app


@contextmanager
def provider(users: Iterable[Person], **options: Any) -> Iterator[FakeProvider]:
    """Give a fake provider for a ``with`` block.

    Args:
        users: Who can log in.
        options: The other arguments of :class:`FakeProvider`.
    """
    fake = FakeProvider(users, **options)
    with fake.tampering():
        yield fake


def _sent_on(response: Any) -> str:
    """Return where an answer sends the browser."""
    if response.status_code != 303:
        raise AssertionError(f"The provider answered with {response.status}: {response.text}")
    location: str = response.location
    return location


def _check_places(places: Iterable[str]) -> None:
    if unknown := set(places) - OTHERS - set(DOCUMENTS.values()):
        raise TypeError(f"Nothing is known to tamper with as {sorted(unknown)}.")


def _changed(entries: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**entries, **changes}.items() if value is not MISSING}
