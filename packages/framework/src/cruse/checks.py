"""What ``cruse check`` finds: mistakes in settings and templates, and what is unsafe.

An extension adds to it by overriding :meth:`cruse.Extension.check`.
"""

from __future__ import annotations

import inspect
import sys
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cruse.engines import engine_for
from cruse.extension import ExtensionState, SettingsError
from cruse.globals import current_context
from cruse.settings import DEFAULTS, mistakes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cruse.app import Cruse

__all__ = ["Finding", "find_all"]

_SHORTEST_SECRET = 32  # characters; HMAC-SHA-1 of the cookies has 160 bits


@dataclass(frozen=True)
class Finding:
    """Something that is wrong (``"error"``), or that one should know of (``"warning"``).

    Args:
        level: How bad it is; ``cruse check`` fails for errors only.
        subject: The setting, the template or the extension that it is about.
        message: What is wrong with it and what to do, in a sentence or two. Never a value, which
            may be a secret.
    """

    level: Literal["error", "warning"]
    subject: str
    message: str


def find_all(app: Cruse, deploy: bool = False) -> list[Finding]:
    """Return everything that is amiss with an application; to be called in its context.

    Args:
        app: The application.
        deploy: Look for what matters in production only, too.
    """
    found = [
        *_misspelt(app),
        *_gone(app),
        *(_settings(app) or _start(app)),
        *_secret_key(app, deploy),
    ]
    if deploy:
        found += _deployment(app)
        found += _cross_origin(app)
    found += _hidden_routes(app)
    found += _wrong_arguments(app)
    found += _decorated_in_vain(app)
    found += _templates(app)
    for state in app.extensions.values():
        if isinstance(state, ExtensionState) and state.extension.overrides("check"):
            found += _of_extension(state, deploy)
    return list(dict.fromkeys(found))  # the start may have told of a setting already


def _misspelt(app: Cruse) -> Iterator[Finding]:
    """Settings that are none, and look like one."""
    prefixes = tuple(
        state.extension.prefix
        for state in app.extensions.values()
        if isinstance(state, ExtensionState) and state.extension.prefix
    )
    for key in app.config:
        if key not in DEFAULTS and not key.startswith(prefixes):
            # The framework's settings are alike among themselves: only a slip of a letter or two.
            close = get_close_matches(key, DEFAULTS, 1, cutoff=0.88)
            if close:
                yield Finding("error", key, f"There is no such setting. Did you mean {close[0]}?")


#: Settings of older versions of Flask, with what they became.
_GONE = {
    "JSONIFY_MIMETYPE": "app.json.mimetype",
    "JSONIFY_PRETTYPRINT_REGULAR": "app.json.compact",
    "JSON_AS_ASCII": "app.json.ensure_ascii",
    "JSON_SORT_KEYS": "app.json.sort_keys",
}


def _gone(app: Cruse) -> Iterator[Finding]:
    for key in sorted(_GONE.keys() & app.config.keys()):
        yield Finding("warning", key, f"Nothing reads it. Set {_GONE[key]} instead.")


def _settings(app: Cruse) -> list[Finding]:
    return [Finding("error", key, str(error)) for key, error in mistakes(app.config)]


def _secret_key(app: Cruse, deploy: bool) -> Iterator[Finding]:
    level: Literal["error", "warning"] = "error" if deploy else "warning"
    key: Any = app.secret_key
    make = "Make one with: python -c 'import secrets; print(secrets.token_hex())'"
    if not key:
        yield Finding(
            level, "SECRET_KEY", f"It is not set, so sessions and flashes don't work. {make}"
        )
    elif isinstance(key, str | bytes) and len(key) < _SHORTEST_SECRET:
        yield Finding(
            level, "SECRET_KEY", f"It is shorter than {_SHORTEST_SECRET} characters. {make}"
        )


def _start(app: Cruse) -> Iterator[Finding]:
    """What else a start would fail with before it calls anything of the application's."""
    try:
        app._prepare()
    except (TypeError, ValueError, RuntimeError) as error:
        yield Finding("error", "start", str(error))


def _of_extension(state: ExtensionState[Any], deploy: bool) -> Iterator[Finding]:
    """What an extension finds, which may need settings that are wrong."""
    try:
        yield from state.extension.check(state, deploy)
    except SettingsError as error:
        yield Finding("error", "start", str(error))


#: A setting, what it must not be in production, and why.
_UNSAFE: tuple[tuple[str, Any, Literal["error", "warning"], str], ...] = (
    ("DEBUG", True, "error", "Error pages show source code, and the debugger runs code."),
    ("TESTING", True, "error", "Errors are raised to the server instead of answered."),
    ("SESSION_COOKIE_SECURE", False, "error", "Cookies of sessions go over plain HTTP."),
    ("SESSION_COOKIE_HTTPONLY", False, "error", "Scripts of a page can read the session."),
    ("SESSION_COOKIE_SAMESITE", None, "warning", "Other sites' forms come with the session."),
    ("SEND_FILE_FOLLOW_SYMLINKS", True, "warning", "Links lead out of the folders that are sent."),
    ("MAX_CONTENT_LENGTH", None, "warning", "Anybody may send bodies of any size."),
    ("PROPAGATE_EXCEPTIONS", True, "warning", "Errors are raised to the server."),
    ("SECURITY_HEADERS", None, "warning", "Browsers are told of no restrictions."),
    ("SECURITY_HEADERS", {}, "warning", "Browsers are told of no restrictions."),
    ("TRUSTED_HOSTS", None, "warning", "Any Host header is believed. List the site's own names."),
)


def _deployment(app: Cruse) -> Iterator[Finding]:
    for key, unsafe, level, why in _UNSAFE:
        if app.config.get(key) == unsafe:
            yield Finding(level, key, f"It is {unsafe!r}. {why}")
    if app.config["SESSION_STORE"] == "memory":
        yield Finding(
            "warning",
            "SESSION_STORE",
            "Sessions are in the memory of one process: another worker does not know them, and a"
            " restart ends them all. Keep them in Redis, or in the cookie.",
        )
    instance = Path(app.instance_path)
    if instance.parent == Path(sys.prefix, "var") and instance.is_dir():
        yield Finding(
            "warning",
            "instance_path",
            f"Files are kept in {instance}, and lost when this environment is made anew. Give"
            " settings such as DB_URL and UPLOADS_FOLDER absolute paths.",
        )
    hosts = app.config["TRUSTED_HOSTS"] or ()
    for host in [hosts] if isinstance(hosts, str) else hosts:
        if host in {"*", "."}:
            yield Finding("error", "TRUSTED_HOSTS", f"{host!r} is no host. List your own.")


def _cross_origin(app: Cruse) -> Iterator[Finding]:
    """Origins that are let in and hardly meant. Policies that can't be are told by the start."""
    with suppress(TypeError, ValueError):
        for subject, risk in () if app.cors is None else app.cors.risks():
            yield Finding("warning", subject, risk)


def _hidden_routes(app: Cruse) -> Iterator[Finding]:
    """Views that no request reaches, because another one has their rule."""
    first: dict[tuple[Any, ...], str] = {}
    for rule in app.url_map.iter_rules():
        if rule.build_only or rule.alias or rule.defaults:
            continue
        for method in sorted((rule.methods or {"websocket"}) - {"HEAD", "OPTIONS"}):
            where = (rule.host, rule.subdomain, rule.rule, rule.websocket, method)
            endpoint = first.setdefault(where, rule.endpoint)
            if endpoint != rule.endpoint:
                yield Finding(
                    "warning",
                    rule.endpoint,
                    f"{method} {rule.rule} is answered by {endpoint!r}, which has the same rule.",
                )


def _wrong_arguments(app: Cruse) -> Iterator[Finding]:
    """Views that cannot be called with the variables of their rule."""
    if app.url_value_preprocessors:  # they may take some away
        return
    for rule in app.url_map.iter_rules():
        view = app.view_functions.get(rule.endpoint)
        if not inspect.isfunction(view):
            continue
        try:  # what a decorator has made takes what the decorator says, not what the view does
            signature = inspect.signature(view, follow_wrapped=False)
            signature.bind(**dict.fromkeys({*rule.arguments, *(rule.defaults or ())}))
        except TypeError as error:
            yield Finding("warning", rule.endpoint, f"The view does not fit {rule.rule}: {error}.")


def _decorated_in_vain(app: Cruse) -> Iterator[Finding]:
    """Views with a decorator above their route, which registered what it had been given."""
    for endpoint, view in app.view_functions.items():
        module = sys.modules.get(getattr(view, "__module__", ""))
        named = getattr(module, getattr(view, "__qualname__", ""), view)
        if named is not view and inspect.isfunction(named) and inspect.unwrap(named) is view:
            yield Finding(
                "warning",
                endpoint,
                "A decorator stands above its route, and requests pass it by. Move it below.",
            )


def _templates(app: Cruse) -> Iterator[Finding]:
    """Templates that their engine cannot read."""
    for name in app.jinja_env.list_templates():
        try:
            engine_for(current_context(), name).get_template(name)
        except UnicodeDecodeError:
            continue  # a picture, or another file that is no template
        except Exception as error:  # each engine has errors of its own
            line = getattr(error, "lineno", None)
            where = f"line {line}: " if line else ""
            yield Finding("error", name, f"{where}{type(error).__name__}: {error}")
