"""Frameworks under WSGI."""
