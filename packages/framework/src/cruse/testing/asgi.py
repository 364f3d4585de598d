"""Plays the server to an ASGI application in tests; the gateways do so too, for mounted ones."""

from __future__ import annotations

from cruse.gateway.exchange import PATIENCE, Exchange, Lifespan, scope_from_environ

__all__ = ["PATIENCE", "Exchange", "Lifespan", "scope_from_environ"]
