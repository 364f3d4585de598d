"""Cruse: a micro web framework for WSGI, ASGI and RSGI."""

__version__ = "0.1.0"
