"""The ways to get tokens at the token endpoint, one module for each.

Each is a function of a :class:`~cruse_auth.server.tokens.TokenRequest` that returns the answer, as
steps. Another one is a module, and a line here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cruse_auth.server.grants.client_credentials import client_credentials
from cruse_auth.server.grants.code import redeeming_code
from cruse_auth.server.grants.device import DEVICE_CODE, redeeming_device_code
from cruse_auth.server.grants.refresh import refreshing

if TYPE_CHECKING:
    from collections.abc import Callable

    from cruse_auth.server.options import ServerOptions
    from cruse_auth.server.tokens import TokenRequest
    from cruse_auth.steps import Steps

__all__ = ["GRANTS", "Grant", "grants_of"]


class Grant(NamedTuple):
    """A way to get tokens."""

    #: What answers.
    redeem: Callable[[TokenRequest], Steps[dict[str, Any]]]
    #: Whether a server with these options has it.
    when: Callable[[ServerOptions], bool] | None = None


#: By their ``grant_type``.
GRANTS = {
    "authorization_code": Grant(redeeming_code),
    "refresh_token": Grant(refreshing),
    "client_credentials": Grant(client_credentials),
    DEVICE_CODE: Grant(redeeming_device_code, lambda options: options.device),
}


def grants_of(options: ServerOptions) -> dict[str, Grant]:
    """Return the grants that a server with these options has."""
    return {
        name: grant for name, grant in GRANTS.items() if grant.when is None or grant.when(options)
    }
