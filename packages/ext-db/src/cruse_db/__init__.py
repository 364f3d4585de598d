"""Databases for Cruse: typed SQLAlchemy models, a session per request, sync and async."""
