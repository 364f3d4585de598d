"""Cross-origin resource sharing: which other sites' pages may read the answers.

The rules are those of the Fetch standard (https://fetch.spec.whatwg.org, "CORS protocol"). Pages
of an origin that is not allowed get the same answers as everybody; it is their browser that keeps
the content from them, because the fields are missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException, SecurityError

from cruse.prefixes import blueprints_for_errors
from cruse.urls import scopes_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from cruse.application import Application
    from cruse.context import Context
    from cruse.responses import Response

__all__ = ["CORSPolicy", "CrossOrigin", "as_policy"]

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)  # RFC 9110 section 5.6.2
_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<any>\*\.)?(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?",
    re.ASCII,
)
_DEFAULT_PORTS = {"http": "80", "https": "443"}


@dataclass(frozen=True)
class CORSPolicy:
    """Who may read the answers of an application or a blueprint from pages of other origins.

    Args:
        origins: ``"https://app.example.org"``, ``"https://*.example.org"`` for the hosts below a
            domain, or compiled regular expressions, which have to match the whole origin;
            ``"*"`` for everybody.
        methods: The methods that pages may use; those that the URL has, unless given.
        allow_headers: The fields that requests may have; ``"*"`` for whichever they ask for.
        expose_headers: The fields of answers that scripts may read, beside the harmless ones.
        supports_credentials: Whether requests may come with cookies.
        max_age: For how many seconds browsers may remember the answer to a preflight.

    Raises:
        TypeError: When an argument has a type that cannot be used.
        ValueError: When one has a value that browsers would not accept or that is not safe.
    """

    origins: Collection[str | re.Pattern[str]] | str
    methods: Collection[str] | None = None
    allow_headers: Collection[str] | str = "*"
    expose_headers: Collection[str] = ()
    supports_credentials: bool = False
    max_age: int = 600
    _exact: frozenset[str] = field(default=frozenset(), init=False, repr=False)
    _patterns: tuple[re.Pattern[str], ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        origins = [self.origins] if isinstance(self.origins, str) else self.origins
        exact = {_canonical(origin) for origin in origins if isinstance(origin, str)}
        patterns = [origin for origin in origins if isinstance(origin, re.Pattern)]
        if not (exact or patterns) or any(not isinstance(o, str | re.Pattern) for o in origins):
            raise TypeError("'origins' must be text, or a list of it that is not empty.")
        for name in ("methods", "allow_headers", "expose_headers"):
            _check_names(name, getattr(self, name))
        if type(self.supports_credentials) is not bool:
            raise TypeError("'supports_credentials' must be True or False.")
        if type(self.max_age) is not int or self.max_age < 0:
            raise TypeError("'max_age' must be a whole number of seconds, 0 or more.")
        if self.supports_credentials and ("*" in exact or "null" in exact):
            raise ValueError(
                "'supports_credentials' is on and 'origins' lets everybody in: any page could act "
                "as its visitor. Name the origins."
            )
        wild = [_pattern_of(origin) for origin in exact if "*." in origin]
        object.__setattr__(self, "_exact", frozenset(exact))
        object.__setattr__(self, "_patterns", (*wild, *patterns))

    @property
    def for_everybody(self) -> bool:
        """Whether every origin is allowed, so that the answer does not depend on it."""
        return "*" in self._exact

    def allows(self, origin: str) -> bool:
        """Whether pages of an origin, as browsers write it, may read the answer."""
        return (
            self.for_everybody
            or (origin in self._exact and "*" not in origin)
            or any(pattern.fullmatch(origin) for pattern in self._patterns)
        )

    def mark(self, response: Response, origin: str | None) -> bool:
        """Add the fields that every answer has; return whether the origin is allowed."""
        headers = response.headers
        if not self.for_everybody and "*" not in response.vary:
            response.vary.add("Origin")  # also for those without one: caches must not mix them up
        if origin is None or not self.allows(origin):
            return False
        headers["Access-Control-Allow-Origin"] = "*" if self.for_everybody else origin
        if self.supports_credentials:
            headers["Access-Control-Allow-Credentials"] = "true"
        if self.expose_headers:
            headers["Access-Control-Expose-Headers"] = ", ".join(self.expose_headers)
        return True


def _canonical(origin: str) -> str:
    """Return an origin the way browsers write it (HTML standard, "ASCII serialisation").

    Raises:
        ValueError: When it is none.
    """
    if origin in ("*", "null"):
        return origin
    found = _ORIGIN.fullmatch(origin.lower())
    if found is None or int(found["port"] or 1) > 65535:
        raise ValueError(
            f"{origin!r} in 'origins' is no origin. It has a scheme, a host ('xn--...' if it has "
            "other letters) and perhaps a port, without a path or a slash at the end: "
            "'https://app.example.org' or 'https://*.example.org'."
        )
    port = found["port"]
    if port is None or port == _DEFAULT_PORTS.get(found["scheme"]):
        port = ""
    return f"{found['scheme']}://{found['any'] or ''}{found['host']}{port and f':{int(port)}'}"


def _pattern_of(origin: str) -> re.Pattern[str]:
    """Compile an origin with ``*.``, which stands for one or more names of hosts."""
    before, _, behind = origin.partition("*.")
    return re.compile(rf"{re.escape(before)}(?:[a-z0-9_-]+\.)+{re.escape(behind)}", re.ASCII)


def _check_names(argument: str, names: Any) -> None:
    if names is None or (argument == "allow_headers" and names == "*"):
        return
    if isinstance(names, str | bytes) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"{argument!r} must be a list of names.")
    for name in names:
        if _TOKEN.fullmatch(name) is None:
            raise ValueError(f"{name!r} in {argument!r} is no name: letters, digits, hyphens are.")


def as_policy(subject: str, value: Any) -> CORSPolicy | None:
    """Make a policy of what is given for one.

    Args:
        subject: What it is given for, for errors: ``"The setting 'CORS'"``.
        value: A policy, a mapping of its arguments, or ``None`` or ``False`` for none.

    Raises:
        TypeError: When it is something else, or has a name or a type that cannot be used.
        ValueError: When a value in it cannot be used.
    """
    if value is None or value is False or isinstance(value, CORSPolicy):
        return value or None
    names = [each.name for each in fields(CORSPolicy) if each.init]
    if not isinstance(value, dict) or "origins" not in value or not {*names}.issuperset(value):
        raise TypeError(
            f"{subject} must be a cruse.CORSPolicy or a dictionary with 'origins' and perhaps "
            f"{', '.join(map(repr, names[1:]))}; or None."
        )
    try:
        return CORSPolicy(**value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{subject}: {error}") from None


class CrossOrigin:
    """The policies of an application and its blueprints.

    Args:
        default: That of the application.
        blueprints: Those of blueprints that have a say, by their registered names.
    """

    def __init__(
        self, default: CORSPolicy | None, blueprints: Mapping[str, CORSPolicy | None]
    ) -> None:
        self.default = default
        self.blueprints = blueprints

    @classmethod
    def of(cls, app: Application) -> CrossOrigin | None:
        """Return those of an application; ``None`` when it has none.

        Raises:
            TypeError: When the setting ``CORS`` has a type, or a name in it, that is wrong.
            ValueError: When it has a value that is wrong.
        """
        default = as_policy("The setting 'CORS'", app.config["CORS"])
        own = {
            name: as_policy(f"'cors' of the blueprint {name!r}", blueprint.cors)
            for name, blueprint in app.blueprints.items()
            if blueprint.cors is not None
        }
        return cls(default, own) if default or any(own.values()) else None

    def _policy(self, scopes: Iterable[str | None]) -> CORSPolicy | None:
        """Return what counts for blueprints, the innermost first."""
        for name in scopes:
            if name is not None and name in self.blueprints:
                return self.blueprints[name]
        return self.default

    def preflight(self, ctx: Context) -> Response | None:
        """Answer a browser that asks what a page may do; ``None`` when this is no such request.

        It is answered before any hook: browsers ask without cookies, so a hook that wants people
        to be signed in would refuse them all.
        """
        environ: Any = ctx.environ
        origin = environ.get("HTTP_ORIGIN")
        wanted = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD")
        adapter = ctx.url_adapter
        if origin is None or wanted is None or adapter is None:
            return None
        if isinstance(ctx.routing_exception, SecurityError):  # refused for its host
            return None
        try:
            rule, _ = adapter.match(ctx.path, wanted, return_rule=True, websocket=False)
        except HTTPException:
            return None  # no such URL, or not with this method
        policy = self._policy(reversed([*scopes_of(rule.endpoint)]))
        response = ctx.app.response_class("", 204)
        if policy is None or not policy.mark(response, origin):
            return None
        methods = policy.methods or sorted({*adapter.allowed_methods(ctx.path)} - {"OPTIONS"})
        headers = response.headers
        headers["Access-Control-Allow-Methods"] = ", ".join(methods)
        asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
        allowed = _names_in(asked) if policy.allow_headers == "*" else [*policy.allow_headers]
        if allowed:
            headers["Access-Control-Allow-Headers"] = ", ".join(allowed)
        headers["Access-Control-Max-Age"] = str(policy.max_age)
        return response

    def mark(self, ctx: Context, response: Response) -> None:
        """Add to an answer what its policy says, unless the view has said it itself."""
        if "Access-Control-Allow-Origin" in response.headers:
            return
        if ctx.route is not None:
            scopes = reversed([*scopes_of(ctx.route.endpoint)])
        else:
            scopes = iter(blueprints_for_errors(ctx, ()))
        policy = self._policy(scopes)
        if policy is not None:
            policy.mark(response, (ctx.environ or {}).get("HTTP_ORIGIN"))


def _names_in(value: str) -> list[str]:
    """Return the names in a list of a header field, leaving out what is none."""
    return [name for part in value.split(",") if _TOKEN.fullmatch(name := part.strip())]
