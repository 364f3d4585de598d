"""Client credentials (OAuth 2.1 section 4.2): a program that asks for itself, for nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cruse_auth.server.options import SCOPES
from cruse_auth.server.scopes import chosen_scopes
from cruse_auth.server.tokens import Issue, chosen_resource, issuing

if TYPE_CHECKING:
    from cruse_auth.server.tokens import TokenRequest
    from cruse_auth.steps import Steps

__all__ = ["client_credentials"]

#: What is about people: nobody is there.
PERSONAL = frozenset(SCOPES)


def client_credentials(asked: TokenRequest) -> Steps[dict[str, Any]]:
    """Give a client a token of its own; a new one costs it nothing, so none is to refresh it.

    Raises:
        InvalidScopeError: When it asks for nothing that it may have.
    """
    here, parameters = asked.here, asked.parameters
    scopes = chosen_scopes(here, asked.client, parameters.get("scope"), without=PERSONAL)
    named = parameters.all("resource")
    resource = chosen_resource(parameters, here.options.resources) if named else None
    return (yield from issuing(asked, Issue(scopes, resource)))
