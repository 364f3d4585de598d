"""The environment variables that steer the command line."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["get_debug_flag", "get_load_dotenv", "restored_environment"]

_NO = {"", "0", "false", "no", "off"}


def get_debug_flag() -> bool:
    """Whether ``CRUSE_DEBUG`` asks for debug mode."""
    return os.environ.get("CRUSE_DEBUG", "").lower() not in _NO


def get_load_dotenv(default: bool = True) -> bool:
    """Whether dotenv files are to be read: ``default``, unless ``CRUSE_SKIP_DOTENV`` says no."""
    skip = os.environ.get("CRUSE_SKIP_DOTENV")
    return default if not skip else skip.lower() in _NO


@contextmanager
def restored_environment() -> Iterator[None]:
    """Take back what a command line sets for its own processes when it is over.

    In a program that runs a command and goes on, such as a test, no later one inherits it.
    """
    names = ("CRUSE_RUN_FROM_CLI", "CRUSE_DEBUG")
    before = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
