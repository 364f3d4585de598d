"""Resource protection: access tokens that clients send to an API, checked before its views."""

from cruse_auth.resources.dpop import MemoryProofs, ProofStore
from cruse_auth.resources.errors import BearerError
from cruse_auth.resources.guard import Resource
from cruse_auth.resources.tokens import AccessToken

__all__ = ["AccessToken", "BearerError", "MemoryProofs", "ProofStore", "Resource"]
