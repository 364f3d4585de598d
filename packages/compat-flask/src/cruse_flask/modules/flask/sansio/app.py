"""The set-up side of an application."""

from typing import Any

from werkzeug.exceptions import Aborter
from werkzeug.routing import Map, Rule

from cruse.config import ConfigAttribute
from cruse.scaffold import Scaffold, setupmethod
from cruse_flask.application import Config
from cruse_flask.application import Flask as App
from cruse_flask.borrowed import provide

__all__ = ["Aborter", "App", "Config", "ConfigAttribute", "Map", "Rule", "Scaffold", "setupmethod"]


def __getattr__(name: str) -> Any:
    return provide(__name__, name)
