"""What providers gave us to act for somebody: kept on the server, renewed in time, and used."""

from cruse_auth.tokens.api import ProviderAPI
from cruse_auth.tokens.keeping import NoTokenError
from cruse_auth.tokens.stores import MemoryTokenStore, StoredTokens, TokenStore

__all__ = [
    "MemoryTokenStore",
    "NoTokenError",
    "ProviderAPI",
    "StoredTokens",
    "TokenStore",
]
