"""Flask's environment variables, and the file ``.flaskenv``."""

from __future__ import annotations

import os

from cruse.cli.environment import get_debug_flag as debug_flag_of_cruse
from cruse.cli.environment import get_load_dotenv as load_dotenv_flag_of_cruse
from cruse.dotenv import find_dotenv, parse_dotenv

__all__ = ["get_debug_flag", "get_load_dotenv", "load_flaskenv", "mirror_environment"]

_NAMES = ("APP", "DEBUG", "ENV_FILE", "SKIP_DOTENV")


def mirror_environment() -> None:
    """Give Cruse's variables the values of Flask's, where those alone are set."""
    for name, value in list(os.environ.items()):
        word = name.removeprefix("FLASK_")
        if word != name and (word in _NAMES or word.startswith("RUN_")):
            os.environ.setdefault(f"CRUSE_{word}", value)


def load_flaskenv() -> None:
    """Put the variables of ``.flaskenv`` into the environment; what is set there already stays.

    Raises:
        ValueError: When the file holds a line that is not understood.
    """
    file = find_dotenv(".flaskenv")
    if file is not None:
        text = file.read_text(encoding="utf-8")
        for name, value in parse_dotenv(text, source=str(file)).items():
            os.environ.setdefault(name, value)


def get_debug_flag() -> bool:
    """Whether the environment asks for debug mode."""
    mirror_environment()
    return debug_flag_of_cruse()


def get_load_dotenv(default: bool = True) -> bool:
    """Whether dotenv files are to be read: ``default``, unless the environment says no."""
    mirror_environment()
    return load_dotenv_flag_of_cruse(default)
