"""The settings of the framework: what they are when nobody sets them, and what they may be."""

from __future__ import annotations

from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    _Mistakes: TypeAlias = Iterator[tuple[str, TypeError | ValueError]]

__all__ = ["DEFAULTS", "ERROR_FORMATS", "SWITCHES", "check_choice", "check_settings", "mistakes"]

#: The settings of an application that sets none. Sizes are bytes.
DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "ACCESS_LOG": None,
        "APPLICATION_ROOT": "/",
        "BACKGROUND_TASK_SHUTDOWN_TIMEOUT": 5,
        "BASE_URL": None,
        "COMPRESS_BR_LEVEL": 4,
        "COMPRESS_LEVEL": 6,  # of gzip
        "COMPRESS_MIMETYPES": (
            "application/atom+xml",
            "application/geo+json",
            "application/javascript",
            "application/json",
            "application/ld+json",
            "application/manifest+json",
            "application/problem+json",
            "application/rss+xml",
            "application/vnd.api+json",
            "application/wasm",
            "application/xhtml+xml",
            "application/xml",
            "font/otf",
            "font/ttf",
            "image/svg+xml",
            "image/vnd.microsoft.icon",
            "image/x-icon",
            "text/calendar",
            "text/css",
            "text/csv",
            "text/html",
            "text/javascript",
            "text/markdown",
            "text/plain",
            "text/vtt",
            "text/xml",
        ),
        "COMPRESS_MIN_SIZE": 500,
        "COMPRESS_RESPONSES": None,
        "COMPRESS_ZSTD_LEVEL": 3,
        "CONTENT_SECURITY_POLICY": None,
        "CONTENT_SECURITY_POLICY_REPORT_ONLY": None,
        "CORS": None,
        "DEBUG": None,
        "ERROR_FORMAT": "auto",
        "EXPLAIN_TEMPLATE_LOADING": False,
        "HEALTH_LIVE_PATH": None,
        "HEALTH_READY_PATH": None,
        "HEALTH_TIMEOUT": 5,
        "JSON_DATE_FORMAT": "iso",
        "MAX_CONTENT_LENGTH": 16 * 1024 * 1024,
        "MAX_COOKIE_SIZE": 4093,
        "MAX_FORM_MEMORY_SIZE": 500_000,
        "MAX_FORM_PARTS": 1_000,
        "OPENTELEMETRY": False,
        "PERMANENT_SESSION_LIFETIME": timedelta(days=31),
        "PREFERRED_URL_SCHEME": "http",
        "PROPAGATE_EXCEPTIONS": None,
        "PROVIDE_AUTOMATIC_OPTIONS": True,
        "REQUEST_ID_HEADER": None,
        "REQUEST_ID_TRUSTED": False,
        "SECRET_KEY": None,
        "SECRET_KEY_FALLBACKS": None,
        "SECURITY_HEADERS": {
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "SAMEORIGIN",
            "Referrer-Policy": "strict-origin-when-cross-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Strict-Transport-Security": "max-age=31536000",  # seconds; sent over HTTPS only
        },
        "SEND_FILE_FOLLOW_SYMLINKS": False,
        "SEND_FILE_MAX_AGE_DEFAULT": None,
        "SERVER_NAME": None,
        "SERVER_TIMING": None,
        "SESSION_COOKIE_DOMAIN": None,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_NAME": "session",
        "SESSION_COOKIE_PARTITIONED": False,
        "SESSION_COOKIE_PATH": None,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": None,
        "SESSION_KEY_PREFIX": "session:",
        "SESSION_REFRESH_EACH_REQUEST": True,
        "SESSION_STORE": None,
        "STATIC_HASHED_URLS": True,
        "STATIC_PRECOMPRESSED": True,
        "TEMPLATES_AUTO_RELOAD": None,
        "TESTING": False,
        "THREAD_POOL_SIZE": 40,
        "TRAP_BAD_REQUEST_ERRORS": None,
        "TRAP_HTTP_EXCEPTIONS": False,
        "TRUSTED_HOSTS": None,
        "TRUSTED_PROXIES": None,
        "TRUSTED_PROXY_HEADERS": ("X-Forwarded-For", "X-Forwarded-Proto"),
        "USE_X_SENDFILE": False,
        "WEBSOCKET_MAX_MESSAGE_SIZE": 1024 * 1024,
        "WEBSOCKET_ORIGINS": None,
    }
)

#: Switches that decide for themselves unless somebody sets them. The others are bool above.
_SWITCHES_OF_THREE = frozenset(
    {
        "DEBUG",
        "PROPAGATE_EXCEPTIONS",
        "SERVER_TIMING",
        "SESSION_COOKIE_SECURE",
        "TEMPLATES_AUTO_RELOAD",
        "TRAP_BAD_REQUEST_ERRORS",
    }
)
SWITCHES = tuple(
    key for key, value in DEFAULTS.items() if type(value) is bool or key in _SWITCHES_OF_THREE
)

#: Settings that are whole numbers or None, and the least that each can be.
_NUMBERS: Mapping[str, int] = {
    "MAX_CONTENT_LENGTH": 0,
    "MAX_COOKIE_SIZE": 0,
    "MAX_FORM_MEMORY_SIZE": 0,
    "MAX_FORM_PARTS": 0,
    "THREAD_POOL_SIZE": 1,
    "WEBSOCKET_MAX_MESSAGE_SIZE": 0,
}

#: Settings that are durations, or None.
_DURATIONS = (
    "BACKGROUND_TASK_SHUTDOWN_TIMEOUT",
    "PERMANENT_SESSION_LIFETIME",
    "SEND_FILE_MAX_AGE_DEFAULT",
)

ERROR_FORMATS = ("auto", "html", "problem")
_SAME_SITE = ("Lax", "Strict", "None")
#: Settings that are one of a few values.
_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "ACCESS_LOG": (None, "text", "json"),
    "ERROR_FORMAT": ERROR_FORMATS,
    "JSON_DATE_FORMAT": ("iso", "http"),
    "SESSION_COOKIE_SAMESITE": (None, *_SAME_SITE, *map(str.lower, _SAME_SITE)),
}


def check_choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    """Check that a value is one of a few.

    Raises:
        ValueError: When it is not; it names the value and what could be.
    """
    if value not in choices:
        possible = ", ".join(map(repr, choices))
        raise ValueError(f"{name} is {value!r}, but can only be one of {possible}.")


def check_settings(config: Mapping[str, Any]) -> None:
    """Check at start what would otherwise fail, or do the contrary, in the middle of a request.

    Raises:
        TypeError: When a setting has a type that cannot be used; it names the setting.
        ValueError: When a setting has a value that it can't have.
    """
    for _, error in mistakes(config):
        raise error


def mistakes(config: Mapping[str, Any]) -> _Mistakes:
    """Yield the name of each setting that is wrong and what is wrong with it."""
    for rule in (_switches, _choices, _numbers, _durations, _keys, _hosts):
        yield from rule(config)


def _switches(config: Mapping[str, Any]) -> _Mistakes:
    for key in SWITCHES:
        value = config.get(key)
        if isinstance(value, str | bytes):  # any text is true, and so "False" would be on
            yield (
                key,
                TypeError(
                    f"The setting {key!r} must be True or False, not "
                    f"{type(value).__name__}. In an environment variable, that is true or false."
                ),
            )


def _choices(config: Mapping[str, Any]) -> _Mistakes:
    for key, choices in _CHOICES.items():
        if key in config:
            try:
                check_choice(f"The setting {key!r}", config[key], choices)
            except ValueError as error:
                yield key, error


def _numbers(config: Mapping[str, Any]) -> _Mistakes:
    for key, least in _NUMBERS.items():
        value = config.get(key)
        if value is None:
            continue
        if type(value) is not int:
            yield (
                key,
                TypeError(
                    f"The setting {key!r} must be a whole number (sizes are in bytes), or None, "
                    f"not {type(value).__name__}."
                ),
            )
        elif value < least:
            yield key, ValueError(f"The setting {key!r} must be {least} or more, not {value}.")


def _durations(config: Mapping[str, Any]) -> _Mistakes:
    for key in _DURATIONS:
        if isinstance(config.get(key), str | bytes):
            yield key, TypeError(f"The setting {key!r} must be a number of seconds, not text.")


def _keys(config: Mapping[str, Any]) -> _Mistakes:
    secret = config.get("SECRET_KEY")
    if secret is not None and not isinstance(secret, str | bytes):
        yield (
            "SECRET_KEY",
            TypeError(
                f"The setting 'SECRET_KEY' must be text or bytes, not {type(secret).__name__}. In "
                "an environment variable, digits are a number unless they stand in double quotes."
            ),
        )
    if isinstance(config.get("SECRET_KEY_FALLBACKS"), str | bytes):  # each letter would be a key
        yield (
            "SECRET_KEY_FALLBACKS",
            TypeError(
                "The setting 'SECRET_KEY_FALLBACKS' must be a list of keys, or None. In an "
                """environment variable, that is ["the old key"]."""
            ),
        )


def _hosts(config: Mapping[str, Any]) -> _Mistakes:
    hosts, name = config.get("TRUSTED_HOSTS"), config.get("SERVER_NAME")
    names = hosts if isinstance(hosts, list | tuple | set | frozenset) else (hosts or "",)
    if not all(isinstance(each, str) and "," not in each for each in names):
        yield (
            "TRUSTED_HOSTS",
            TypeError(
                "The setting 'TRUSTED_HOSTS' must be a list of hosts, or None. In an environment "
                """variable, that is ["a.example", "b.example"]."""
            ),
        )
    if name is not None and not isinstance(name, str):
        yield (
            "SERVER_NAME",
            TypeError(
                f"The setting 'SERVER_NAME' must be a host, or None, not {type(name).__name__}."
            ),
        )
