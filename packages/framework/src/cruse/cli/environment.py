"""The environment variables that steer the command line."""

from __future__ import annotations

import os

__all__ = ["get_debug_flag", "get_load_dotenv"]

_NO = {"", "0", "false", "no", "off"}


def get_debug_flag() -> bool:
    """Whether ``CRUSE_DEBUG`` asks for debug mode."""
    return os.environ.get("CRUSE_DEBUG", "").lower() not in _NO


def get_load_dotenv(default: bool = True) -> bool:
    """Whether dotenv files are to be read: ``default``, unless ``CRUSE_SKIP_DOTENV`` says no."""
    skip = os.environ.get("CRUSE_SKIP_DOTENV")
    return default if not skip else skip.lower() in _NO
