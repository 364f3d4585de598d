"""The people of the demonstration: an OpenID provider that is part of the wall.

It is the authorization server of ``cruse_auth`` in an application of its own, with a choice of
people for a login page. With it nothing outside of this machine is needed to sign in, and nothing
but a click. It lets everybody in as anybody, so a wall for real people gets a real provider: with
``AUTH_PROVIDERS`` set (or ``PHOTOWALL_AUTH_PROVIDERS``, as JSON), this one is not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cruse_auth.development import DevelopmentProvider, Person
from cruse_auth.sql import SQLServerStore
from photowall.extensions import db

if TYPE_CHECKING:
    from cruse import Cruse

__all__ = ["PEOPLE", "init_app"]

PEOPLE = (
    Person("ada", "Ada Marlow", "ada@example.com"),
    Person("noor", "Noor Haddad", "noor@example.com"),
    Person("joao", "João Pereira", "joao@example.com"),
)

#: Keeps codes, keys and tokens, for all processes of a server.
STORE = SQLServerStore(db)


def init_app(app: Cruse) -> None:
    """Add the provider to a wall that has no other."""
    if app.config.get("AUTH_PROVIDERS"):
        return
    provider = DevelopmentProvider(PEOPLE, store=STORE)
    provider.init_app(app)
    app.config["AUTH_PROVIDERS"] = {"local": provider.options(label="the local provider")}
    app.config.setdefault("AUTH_DEVELOPMENT_PROVIDER", True)
