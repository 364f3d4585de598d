"""The application, and what programs are used to find beside it."""

from typing import Any

from werkzeug.datastructures import Headers, ImmutableDict
from werkzeug.exceptions import BadRequestKeyError, HTTPException, InternalServerError
from werkzeug.routing import BuildError, MapAdapter, RequestRedirect, RoutingException, Rule

from cruse.context import Context as AppContext
from cruse.context import Context as RequestContext
from cruse.globals import current_app, g, request, session
from cruse.requests import Request
from cruse.responses import Response
from cruse.sessions import SecureCookieSessionInterface, SessionInterface
from cruse.signals import (
    appcontext_tearing_down,
    got_request_exception,
    request_finished,
    request_started,
    request_tearing_down,
)
from cruse_flask.application import Flask
from cruse_flask.application import Flask as App
from cruse_flask.borrowed import provide
from cruse_flask.environment import get_debug_flag, get_load_dotenv

__all__ = [
    "App",
    "AppContext",
    "BadRequestKeyError",
    "BuildError",
    "Flask",
    "HTTPException",
    "Headers",
    "ImmutableDict",
    "InternalServerError",
    "MapAdapter",
    "Request",
    "RequestContext",
    "RequestRedirect",
    "Response",
    "RoutingException",
    "Rule",
    "SecureCookieSessionInterface",
    "SessionInterface",
    "appcontext_tearing_down",
    "current_app",
    "g",
    "get_debug_flag",
    "get_load_dotenv",
    "got_request_exception",
    "request",
    "request_finished",
    "request_started",
    "request_tearing_down",
    "session",
]


def __getattr__(name: str) -> Any:
    return provide(__name__, name)
