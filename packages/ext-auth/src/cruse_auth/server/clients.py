"""The programs that may ask for tokens: how they are registered, kept and found."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from cruse import current_app
from cruse_auth.resources.dpop import PRIVATE
from cruse_auth.server.addresses import check_redirect_uri
from cruse_auth.server.store import Record, digest, make_handle
from cruse_auth.steps import Call, arun, run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cruse_auth.server.state import ServerState
    from cruse_auth.steps import Steps

__all__ = [
    "AUTH_METHODS",
    "CLIENT",
    "INVITATION",
    "Clients",
    "NewClient",
    "ServerClient",
    "finding_client",
]

#: The kind of its records.
CLIENT = "client"
#: And of the tokens with which one can register itself.
INVITATION = "invitation"
#: How clients can say who they are; "none" is for those that can't keep a secret.
AUTH_METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
#: The longest name of a client, in characters.
LONGEST_ID = 255
#: The fewest characters of a secret that was not made here: 256 bits as hexadecimal digits.
SHORTEST_SECRET = 32


@dataclass(frozen=True)
class ServerClient:
    """A program that may ask for tokens. The names are those of RFC 7591 section 2.

    Raises:
        ValueError: When it makes no sense; it says why.
    """

    client_id: str
    #: What people are told it is called.
    client_name: str = ""
    #: Where browsers may be sent with a code, each exactly as it will be asked for.
    redirect_uris: tuple[str, ...] = ()
    #: Where browsers may be sent after a logout.
    post_logout_redirect_uris: tuple[str, ...] = ()
    #: One of :data:`AUTH_METHODS`.
    token_endpoint_auth_method: str = "client_secret_basic"  # noqa: S105 - the name of a method
    #: What it may use at the token endpoint.
    grant_types: tuple[str, ...] = ("authorization_code", "refresh_token")
    #: What it may ask for, with blanks between; ``None`` for everything that there is.
    scope: str | None = None
    #: ``"web"``, or ``"native"`` for a program on the person's own machine.
    application_type: str = "web"
    #: Its public keys, for ``private_key_jwt``: a JSON Web Key Set.
    jwks: Mapping[str, Any] | None = None
    client_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    #: Whether its tokens have to be bound to a key of its own (RFC 9449 section 5.2).
    dpop_bound_access_tokens: bool = False
    #: Whether it has to push what it asks for (RFC 9126 section 6).
    require_pushed_authorization_requests: bool = False
    #: Where it is told that somebody has logged out (Back-Channel Logout 1.0).
    backchannel_logout_uri: str | None = None
    #: It is told of the session in any case.
    backchannel_logout_session_required: bool = False
    #: The resources that it is, and may ask about the tokens of (introspection).
    serves: tuple[str, ...] = ()
    #: Whether it is one of our own, so that nobody is asked whether it may.
    trusted: bool = False
    #: Whether it has registered itself where everybody may: browsers are sent to it by a person's
    #: decision only.
    stranger: bool = False
    #: The SHA-256 of its secret.
    secret_hash: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not 0 < len(self.client_id) <= LONGEST_ID or not self.client_id.isprintable():
            raise ValueError(f"A client needs a client_id of at most {LONGEST_ID} characters.")
        if self.token_endpoint_auth_method not in AUTH_METHODS:
            method = self.token_endpoint_auth_method
            raise ValueError(f"token_endpoint_auth_method is one of {AUTH_METHODS}, not {method}.")
        if self.application_type not in ("web", "native"):
            raise ValueError("application_type is 'web' or 'native'.")
        self._check_addresses()
        self._check_keys()
        if self.public and "client_credentials" in self.grant_types:
            raise ValueError("A client without credentials can't use 'client_credentials'.")

    def _check_addresses(self) -> None:
        for uri in (*self.redirect_uris, *self.post_logout_redirect_uris):
            check_redirect_uri(uri, self.native)
        if self.backchannel_logout_uri is not None:
            check_redirect_uri(self.backchannel_logout_uri, native=False)
        for link in (self.client_uri, self.policy_uri, self.tos_uri):
            if link is not None and not link.startswith("https://"):
                raise ValueError(f"{link!r} is shown as a link: it has to be an https:// address.")
        if "authorization_code" in self.grant_types and not self.redirect_uris:
            raise ValueError("The grant 'authorization_code' needs redirect_uris.")

    def _check_keys(self) -> None:
        if self.token_endpoint_auth_method == "private_key_jwt" and not self.jwks:  # noqa: S105
            raise ValueError("'private_key_jwt' needs its public keys, as jwks.")
        if any(PRIVATE & set(key) for key in (self.jwks or {}).get("keys", ())):
            raise ValueError("The jwks has a private key in it: give the public ones only.")

    @property
    def public(self) -> bool:
        """Whether it can't prove who it is."""
        return self.token_endpoint_auth_method == "none"  # noqa: S105 - the name of a method

    @property
    def native(self) -> bool:
        """Whether it is a program on the person's own machine."""
        return self.application_type == "native"

    @property
    def scopes(self) -> frozenset[str] | None:
        """What it may ask for; ``None`` for everything."""
        return None if self.scope is None else frozenset(self.scope.split())

    def check_secret(self, secret: str) -> bool:
        """Whether this is its secret; takes the same time for every one."""
        return hmac.compare_digest(hash_secret(secret), self.secret_hash or "-" * 64)

    def to_record(self) -> Record:
        """Return it as it is kept."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return Record(
            CLIENT,
            self.client_id,
            client_id=self.client_id,
            created_at=int(time.time()),
            content={
                name: list(value) if isinstance(value, tuple) else value
                for name, value in values.items()
                if value is not None
            },
        )

    @classmethod
    def of_record(cls, record: Record) -> ServerClient:
        """Return what was kept."""
        known = {each.name for each in fields(cls)}
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in record.content.items()
            if name in known
        }
        return cls(**values)


@dataclass(frozen=True)
class NewClient:
    """A client that was registered just now, with its secret: only the hash of that is kept."""

    client: ServerClient
    #: ``None`` for one without.
    secret: str | None = field(repr=False)

    @property
    def client_id(self) -> str:
        """The name of the client."""
        return self.client.client_id


def hash_secret(secret: str) -> str:
    """Return what is kept of a secret.

    It is as random as a key, so a slow hash would make nothing safer but every request slower.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class Clients:
    """Registers clients: ``server.clients``."""

    def add(
        self,
        name: str = "",
        *,
        client_id: str | None = None,
        client_secret: str | None = None,
        **metadata: Any,
    ) -> NewClient:
        """Register a client.

        Args:
            name: What people are told it is called.
            client_id: Its name; a random one unless given.
            client_secret: Its secret, of 32 random characters at least; made unless given, for
                those that have one.
            metadata: The other fields of :class:`ServerClient`, such as ``redirect_uris``; lists
                do, too.

        Raises:
            ValueError: When it makes no sense, or there is one of this ``client_id``.
            TypeError: When a field is not known.
        """
        return run(adding(_here(), make_client(name, client_id, client_secret, metadata)))

    async def aadd(
        self,
        name: str = "",
        *,
        client_id: str | None = None,
        client_secret: str | None = None,
        **metadata: Any,
    ) -> NewClient:
        """Register a client, as :meth:`add`, in async code."""
        return await arun(adding(_here(), make_client(name, client_id, client_secret, metadata)))

    def get(self, client_id: str) -> ServerClient | None:
        """Return a client, or ``None``."""
        return run(finding_client(_here(), client_id))

    async def aget(self, client_id: str) -> ServerClient | None:
        """Return a client, as :meth:`get`, in async code."""
        return await arun(finding_client(_here(), client_id))

    def all(self) -> list[ServerClient]:
        """Return all clients, the oldest first."""
        return run(listing(_here()))

    async def aall(self) -> list[ServerClient]:
        """Return all clients, as :meth:`all`, in async code."""
        return await arun(listing(_here()))

    def remove(self, client_id: str) -> bool:
        """Forget a client, and end all that it was given. Return whether there was one."""
        return run(removing(_here(), client_id))

    async def aremove(self, client_id: str) -> bool:
        """Forget a client, as :meth:`remove`, in async code."""
        return await arun(removing(_here(), client_id))

    def invite(self, seconds: int = 86400) -> str:
        """Return a token with which one client can register itself (RFC 7591 section 3).

        For a server whose ``registration`` is ``"token"``.

        Args:
            seconds: For how long it is good.
        """
        return run(inviting(_here(), seconds))

    async def ainvite(self, seconds: int = 86400) -> str:
        """Return a token for one registration, as :meth:`invite`, in async code."""
        return await arun(inviting(_here(), seconds))

    def renew_secret(self, client_id: str) -> str | None:
        """Give a client another secret, and return it; the old one is good no more.

        Returns:
            ``None`` when there is no such client, or it has none.
        """
        return run(renewing_secret(_here(), client_id))

    async def arenew_secret(self, client_id: str) -> str | None:
        """Give a client another secret, as :meth:`renew_secret`, in async code."""
        return await arun(renewing_secret(_here(), client_id))


def _here() -> ServerState:
    state: ServerState = current_app.extensions["auth"].server
    return state


def make_client(
    name: str, client_id: str | None, client_secret: str | None, metadata: Mapping[str, Any]
) -> NewClient:
    """Return a new client, which nobody knows of yet; as :meth:`Clients.add`."""
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list | set | frozenset) else value
        for key, value in metadata.items()
    }
    client = ServerClient(client_id or secrets.token_urlsafe(12), name, **values)
    if not client.token_endpoint_auth_method.startswith("client_secret"):
        if client_secret is not None:
            raise ValueError(f"'{client.token_endpoint_auth_method}' takes no secret.")
        return NewClient(client, None)
    if client_secret is not None and len(client_secret) < SHORTEST_SECRET:
        raise ValueError(f"A client_secret has {SHORTEST_SECRET} random characters at least.")
    secret = client_secret or make_handle()
    return NewClient(replace(client, secret_hash=hash_secret(secret)), secret)


def adding(here: ServerState, new: NewClient) -> Steps[NewClient]:
    """Keep a new client."""
    if not (yield Call(here.store.add, (new.client.to_record(),))):
        raise ValueError(f"There is a client {new.client_id!r} already.")
    return new


def inviting(here: ServerState, seconds: int) -> Steps[str]:
    """Return a token with which one client can register itself (an initial access token).

    Args:
        here: The server's state.
        seconds: For how long it is good.
    """
    token, now = make_handle(), int(time.time())
    record = Record(INVITATION, digest(token), created_at=now, expires_at=now + seconds)
    yield Call(here.store.add, (record,))
    return token


def finding_client(here: ServerState, client_id: str) -> Steps[ServerClient | None]:
    """Return a client, or ``None``."""
    if len(client_id) > LONGEST_ID or not client_id.isprintable():
        return None  # not every database can even be asked
    if (hook := here.server.client_function) is not None:
        known: ServerClient | None = yield Call(hook, (client_id,))
        if known is not None:
            return known
    record: Record | None = yield Call(here.store.get, (CLIENT, client_id))
    return None if record is None else ServerClient.of_record(record)


def listing(here: ServerState) -> Steps[list[ServerClient]]:
    """Return all clients."""
    records: list[Record] = yield Call(here.store.find, (CLIENT, None, None))
    return [ServerClient.of_record(record) for record in records]


def removing(here: ServerState, client_id: str) -> Steps[bool]:
    """Forget a client with all that it was given."""
    gone: bool = yield Call(here.store.remove, (CLIENT, client_id))
    yield Call(here.store.purge, (None, None, client_id))
    return gone


def renewing_secret(here: ServerState, client_id: str) -> Steps[str | None]:
    """Give a client another secret."""
    record: Record | None = yield Call(here.store.get, (CLIENT, client_id))
    if record is None or "secret_hash" not in record.content:
        return None
    secret = make_handle()
    content = {**record.content, "secret_hash": hash_secret(secret)}
    changed: bool = yield Call(
        here.store.replace, (record.changed(content=content), record.version)
    )
    return secret if changed else None
