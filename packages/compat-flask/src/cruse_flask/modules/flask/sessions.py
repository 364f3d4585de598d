"""Sessions."""

from typing import Any

from cruse.json.tag import (
    TaggedJSONSerializer,
)
from cruse.sessions import (
    NullSession,
    SecureCookieSession,
    SecureCookieSessionInterface,
    SessionInterface,
    SessionMixin,
)
from cruse_flask.borrowed import provide

__all__ = [
    "NullSession",
    "SecureCookieSession",
    "SecureCookieSessionInterface",
    "SessionInterface",
    "SessionMixin",
    "TaggedJSONSerializer",
    "session_json_serializer",
]

session_json_serializer = TaggedJSONSerializer()


def __getattr__(name: str) -> Any:
    return provide(__name__, name)
