"""Frameworks under ASGI."""
