"""Authorization requests: read, checked, and kept while people log in and decide."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from authlib.oauth2.rfc7636.challenge import (  # type: ignore[import-untyped]
    CODE_CHALLENGE_PATTERN,
)
from werkzeug.datastructures import MultiDict

from cruse_auth.server.addresses import is_registered
from cruse_auth.server.clients import finding_client
from cruse_auth.server.errors import (
    InvalidRequestError,
    InvalidTargetError,
    PageError,
    RequestNotSupportedError,
    RequestURINotSupportedError,
    UnauthorizedClientError,
    UnsupportedResponseTypeError,
)
from cruse_auth.server.parameters import Parameters
from cruse_auth.server.scopes import chosen_scopes
from cruse_auth.server.store import Record, digest, make_handle
from cruse_auth.steps import Call

if TYPE_CHECKING:
    from cruse_auth.server.clients import ServerClient
    from cruse_auth.server.state import ServerState
    from cruse_auth.steps import Steps

__all__ = [
    "Asked",
    "Wish",
    "asking",
    "chosen_resources",
    "finding_sender",
    "keeping",
    "resuming",
]

#: The kind of their records.
REQUEST = "request"
#: Seconds that logging in and deciding may take.
LIFETIME = 3600
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
PROMPTS = frozenset({"none", "login", "consent", "select_account"})


@dataclass(frozen=True)
class Asked:
    """What came in: the parameters, and since when we have them."""

    parameters: Parameters
    #: The secret that stands for it once it is kept.
    handle: str | None = None
    kept_at: int = 0
    #: Whether the client sent them itself, and the browser only their name (RFC 9126).
    pushed: bool = False


@dataclass(frozen=True)
class Sender:
    """Who asks, and where the answer goes."""

    client: ServerClient
    redirect_uri: str
    state: str | None


@dataclass(frozen=True)
class Wish:
    """An authorization request that makes sense."""

    sender: Sender
    scopes: tuple[str, ...]
    resources: tuple[str, ...]
    challenge: str
    nonce: str | None
    prompts: frozenset[str]
    max_age: int | None
    acr_values: tuple[str, ...]
    id_token_hint: str | None
    #: The thumbprint of the key that the code is bound to (RFC 9449 section 10).
    jkt: str | None

    @property
    def client(self) -> ServerClient:
        """Who asks."""
        return self.sender.client


# -- kept while people log in -------------------------------------------------------------------


def keeping(here: ServerState, asked: Asked) -> Steps[Asked]:
    """Keep a request, so that login pages have a short address to lead back to."""
    handle, now = make_handle(), int(time.time())
    content = {"parameters": asked.parameters.to_dict(), "pushed": asked.pushed}
    record = Record(
        REQUEST, digest(handle), created_at=now, expires_at=now + LIFETIME, content=content
    )
    yield from here.counting("authorize")  # anybody can have us keep one
    yield Call(here.store.add, (record,))
    return replace(asked, handle=handle, kept_at=now)


def resuming(here: ServerState, handle: str) -> Steps[Asked]:
    """Return a request that was kept.

    Raises:
        PageError: When it is there no more.
    """
    record: Record | None = yield Call(here.store.get, (REQUEST, digest(handle)))
    if record is None:
        raise PageError("This took too long, or it is done already. Please begin again.")
    values = MultiDict(record.content["parameters"])
    return Asked(Parameters(values), handle, record.created_at, record.content["pushed"])


# -- reading ------------------------------------------------------------------------------------


def finding_sender(here: ServerState, parameters: Parameters) -> Steps[Sender]:
    """Return who asks. Nothing that is wrong here may send the browser anywhere.

    Raises:
        PageError: When the client or the address is not known (RFC 6749 section 4.1.2.1).
        InvalidRequestError: When they are there more than once.
    """
    client_id, uri = parameters.get("client_id"), parameters.get("redirect_uri")
    client = (yield from finding_client(here, client_id)) if client_id else None
    if client is None:
        raise PageError("The program that sent you here is not known.")
    if uri is None and len(client.redirect_uris) == 1:
        uri = client.redirect_uris[0]
    if uri is None or not is_registered(uri, client.redirect_uris, client.native):
        raise PageError("The program that sent you here is to be answered at an unknown address.")
    try:
        state = parameters.get("state")
    except InvalidRequestError:  # it is told so below, without it
        state = None
    return Sender(client, uri, state)


def asking(here: ServerState, sender: Sender, parameters: Parameters) -> Wish:
    """Return what is asked for.

    Raises:
        OAuth2Error: When it makes no sense, or the client may not ask for it.
    """
    parameters.check()
    if parameters.get("request") is not None:
        raise RequestNotSupportedError
    if parameters.get("request_uri") is not None:
        raise RequestURINotSupportedError
    if parameters.need("response_type") != "code":
        raise UnsupportedResponseTypeError
    if parameters.get("response_mode") not in (None, "query"):
        raise InvalidRequestError("The only response_mode is query.")
    if "authorization_code" not in sender.client.grant_types:
        raise UnauthorizedClientError("This client does not use codes.")
    return Wish(
        sender,
        chosen_scopes(here, sender.client, parameters.get("scope")),
        chosen_resources(here, parameters),
        _challenge(parameters),
        parameters.get("nonce"),
        _prompts(parameters),
        _max_age(parameters),
        tuple((parameters.get("acr_values") or "").split()),
        parameters.get("id_token_hint"),
        _jkt(parameters),
    )


def _challenge(parameters: Parameters) -> str:
    """Return the challenge, which every client has to send (RFC 9700 section 2.1.1)."""
    challenge = parameters.need("code_challenge")
    if parameters.get("code_challenge_method") != "S256":  # without it, it would be "plain"
        raise InvalidRequestError("The code_challenge_method has to be S256.")
    if not CODE_CHALLENGE_PATTERN.fullmatch(challenge):
        raise InvalidRequestError("The code_challenge cannot be one.")
    return challenge


def _prompts(parameters: Parameters) -> frozenset[str]:
    prompts = frozenset((parameters.get("prompt") or "").split())
    if prompts - PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise InvalidRequestError("The prompt is not known, or it contradicts itself.")
    return prompts


def _max_age(parameters: Parameters) -> int | None:
    value = parameters.get("max_age")
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 11):
        raise InvalidRequestError("The max_age is not a number of seconds.")
    return int(value)


def _jkt(parameters: Parameters) -> str | None:
    thumbprint = parameters.get("dpop_jkt")
    if thumbprint is not None and not _THUMBPRINT.fullmatch(thumbprint):
        raise InvalidRequestError("The dpop_jkt is not the SHA-256 of a key.")
    return thumbprint


def chosen_resources(here: ServerState, parameters: Parameters) -> tuple[str, ...]:
    """Return the APIs that tokens are asked for (RFC 8707 section 2).

    Raises:
        InvalidTargetError: When one is not known.
    """
    resources = tuple(dict.fromkeys(parameters.all("resource")))
    if not set(resources) <= set(here.options.resources):
        raise InvalidTargetError
    return resources
