"""The client of providers: the authorization code flow, and every check of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cruse_auth.oidc.client import ProviderClient
from cruse_auth.oidc.identity import Identity
from cruse_auth.oidc.openid import OpenIDClient
from cruse_auth.oidc.plain import OAuth2Client

if TYPE_CHECKING:
    from cruse_auth.options import ProviderOptions
    from cruse_auth.settings import AuthSettings

__all__ = ["Identity", "ProviderClient", "make_client"]


def make_client(options: ProviderOptions, settings: AuthSettings) -> ProviderClient:
    """Return the client for a provider, of the kind that it is."""
    kind = OAuth2Client if options.plain else OpenIDClient
    return kind(options, settings)
