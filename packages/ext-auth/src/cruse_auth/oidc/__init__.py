"""The OpenID Connect client: discovery, the authorization code flow, and every check of it."""

from cruse_auth.oidc.client import OpenIDClient
from cruse_auth.oidc.identity import Identity

__all__ = ["Identity", "OpenIDClient"]
