"""Being a provider: an authorization server of OAuth 2.1 and OpenID Connect, in one object."""

from cruse_auth.server.clients import NewClient, ServerClient
from cruse_auth.server.consent import ConsentRequest
from cruse_auth.server.options import ServerOptions
from cruse_auth.server.server import AuthorizationServer
from cruse_auth.server.store import MemoryServerStore, Record, ServerStore

__all__ = [
    "AuthorizationServer",
    "ConsentRequest",
    "MemoryServerStore",
    "NewClient",
    "Record",
    "ServerClient",
    "ServerOptions",
    "ServerStore",
]
