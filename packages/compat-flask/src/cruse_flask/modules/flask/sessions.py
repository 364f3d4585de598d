"""Sessions."""

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
