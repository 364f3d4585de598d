"""The ways to get tokens at the token endpoint, one module for each.

Each is a function of a :class:`~cruse_auth.server.tokens.TokenRequest` that returns the answer, as
steps. Another one is a module, and a line here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cruse_auth.server.grants.client_credentials import client_credentials
from cruse_auth.server.grants.code import redeeming_code
from cruse_auth.server.grants.refresh import refreshing

if TYPE_CHECKING:
    from collections.abc import Callable

    from cruse_auth.server.tokens import TokenRequest
    from cruse_auth.steps import Steps

__all__ = ["GRANTS"]

GRANTS: dict[str, Callable[[TokenRequest], Steps[dict[str, Any]]]] = {
    "authorization_code": redeeming_code,
    "refresh_token": refreshing,
    "client_credentials": client_credentials,
}
