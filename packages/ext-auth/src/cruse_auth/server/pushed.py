"""Requests that clients send themselves, before the browser (PAR, RFC 9126).

Nobody who has the browser can read or change them, and the client has shown who it is.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from werkzeug.datastructures import MultiDict

from cruse import jsonify, request
from cruse_auth.server.authentication import authenticating
from cruse_auth.server.binding import binding
from cruse_auth.server.errors import (
    InvalidDPoPProofError,
    InvalidRequestError,
    PageError,
)
from cruse_auth.server.parameters import Parameters
from cruse_auth.server.requests import Asked, asking, finding_sender
from cruse_auth.server.store import Record, digest, make_handle
from cruse_auth.steps import Call

if TYPE_CHECKING:
    from cruse import Response
    from cruse_auth.server.requests import Wish
    from cruse_auth.server.state import ServerState
    from cruse_auth.steps import Steps

__all__ = ["check_pushed", "push", "taking_pushed"]

#: The kind of their records.
PUSHED = "pushed"
#: Seconds until the browser has to come with the name of a request.
LIFETIME = 90
#: What the names begin with (section 2.2).
URN = "urn:ietf:params:oauth:request_uri:"
#: What says who the client is, and is no part of the request.
CREDENTIALS = frozenset({"client_secret", "client_assertion", "client_assertion_type"})


def push(here: ServerState) -> Steps[Response]:
    """Keep a request and return its name.

    Raises:
        OAuth2Error: When it makes no sense: what a browser would be told of is told here.
    """
    parameters = Parameters(request.form)
    parameters.check()
    client = yield from authenticating(here, parameters)
    if client.public:
        yield from here.counting("authorize")  # anybody can have us keep one
    if parameters.get("request_uri") is not None:  # section 2.1
        raise InvalidRequestError("A request that is pushed has no request_uri.")
    values = {
        name: found for name, found in parameters.to_dict().items() if name not in CREDENTIALS
    }
    if "DPoP" in request.headers:  # RFC 9449 section 10.1
        bound_to = yield from binding(here, client, "/oauth/par")
        if values.setdefault("dpop_jkt", [bound_to["jkt"]]) != [bound_to["jkt"]]:
            raise InvalidDPoPProofError("The dpop_jkt is that of another key.")
    kept = Parameters(MultiDict({**values, "client_id": [client.client_id]}))
    try:
        sender = yield from finding_sender(here, kept)
    except PageError as error:
        raise InvalidRequestError("The redirect_uri is not one of this client.") from error
    asking(here, sender, kept)
    return (yield from _keeping(here, client.client_id, kept))


def _keeping(here: ServerState, client_id: str, kept: Parameters) -> Steps[Response]:
    handle, now = make_handle(), int(time.time())
    record = Record(
        PUSHED,
        digest(handle),
        client_id=client_id,
        created_at=now,
        expires_at=now + LIFETIME,
        content={"parameters": kept.to_dict()},
    )
    yield Call(here.store.add, (record,))
    answer: Response = jsonify(request_uri=f"{URN}{handle}", expires_in=LIFETIME)
    answer.status_code = 201
    return answer


def taking_pushed(here: ServerState, asked: Asked) -> Steps[Asked]:
    """Return the request that was pushed, where a browser brings its name; it is good once.

    Raises:
        PageError: When it is not there, or another client's: nobody can be sent back for it.
    """
    try:
        name, client_id = asked.parameters.get("request_uri"), asked.parameters.get("client_id")
    except InvalidRequestError:  # told where it is known who asks
        return asked
    if name is None or not name.startswith(URN):
        return asked
    key = digest(name.removeprefix(URN))
    record: Record | None = yield Call(here.store.get, (PUSHED, key))
    # In this order: another client with the name does not use it up.
    if (
        record is None
        or record.client_id != client_id
        or not (yield Call(here.store.remove, (PUSHED, key)))
    ):
        raise PageError("This took too long, or it is done already. Please begin again.")
    # Of the browser's own parameters nothing counts (section 4).
    return Asked(Parameters(MultiDict(record.content["parameters"])), pushed=True)


def check_pushed(here: ServerState, asked: Asked, wish: Wish) -> None:
    """Check that what had to be pushed was.

    Raises:
        InvalidRequestError: When it was not.
    """
    required = here.options.par == "required" or wish.client.require_pushed_authorization_requests
    if required and not asked.pushed:
        raise InvalidRequestError("This request has to be pushed first.")
