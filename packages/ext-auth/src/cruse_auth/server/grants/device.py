"""The device code (RFC 8628 section 3.4): a device asks until somebody has decided."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from cruse_auth.server.errors import (
    AccessDeniedError,
    AuthorizationPendingError,
    ExpiredTokenError,
    InvalidGrantError,
    SlowDownError,
)
from cruse_auth.server.grants.code import preparing
from cruse_auth.server.store import digest
from cruse_auth.server.tokens import issuing
from cruse_auth.steps import Call

if TYPE_CHECKING:
    from cruse_auth.server.store import Record
    from cruse_auth.server.tokens import TokenRequest
    from cruse_auth.steps import Steps

__all__ = [
    "ALLOWED",
    "DENIED",
    "DEVICE",
    "DEVICE_CODE",
    "INTERVAL",
    "LIFETIME",
    "PENDING",
    "redeeming_device_code",
]

#: The name of the grant.
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
#: The kind of its records, and what is known about each.
DEVICE = "device"
PENDING, ALLOWED, DENIED = "pending", "allowed", "denied"
#: Seconds until somebody has to have typed the code.
LIFETIME = 600
#: Seconds between two questions of a device, and how many more after one that came too early.
INTERVAL = 5


def redeeming_device_code(asked: TokenRequest) -> Steps[dict[str, Any]]:
    """Turn a device code into tokens, once somebody has allowed it.

    Raises:
        OAuth2Error: When nobody has yet, or will.
    """
    store, parameters = asked.here.store, asked.parameters
    name = digest(parameters.need("device_code"))
    device: Record | None = yield Call(store.get, (DEVICE, name))
    if device is None or device.client_id != asked.client.client_id:
        raise InvalidGrantError("The device code is not good.")
    if time.time() >= device.content["until"]:
        raise ExpiredTokenError
    if device.content["state"] == DENIED:
        raise AccessDeniedError
    if device.content["state"] == PENDING:
        yield from _waiting(asked, device)
    # Before it is used up: a mistake of the client costs it nothing.
    grant, issue = yield from preparing(asked, device)
    if not (yield Call(store.remove, (DEVICE, name))):
        raise InvalidGrantError("The device code was used before.")
    yield Call(store.replace, (issue.grant, grant.version))
    return (yield from issuing(asked, issue))


def _waiting(asked: TokenRequest, device: Record) -> Steps[None]:
    """Note that a device has asked, and tell it to ask later."""
    now, content = time.time(), device.content
    # A second less: the request before may have taken longer on its way than this one.
    early = now - content["polled_at"] < content["interval"] - 1
    interval = content["interval"] + (INTERVAL if early else 0)  # section 3.5
    noted = device.changed(content={**content, "polled_at": now, "interval": interval})
    yield Call(asked.here.store.replace, (noted, device.version))
    raise SlowDownError if early else AuthorizationPendingError
