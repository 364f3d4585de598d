"""Uploads for Cruse: from the socket to storage, with rules for type, size and name."""
