"""Cross-origin resource sharing: which other sites' pages may read the answers.

The rules are those of the Fetch standard (https://fetch.spec.whatwg.org, "CORS protocol"). Pages
of an origin that is not allowed get the same answers as everybody; it is their browser that keeps
the content from them, because the fields are missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException, SecurityError

from cruse.headerfields import is_token
from cruse.prefixes import blueprints_for_errors
from cruse.urls import scopes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cruse.application import Application
    from cruse.context import Context
    from cruse.responses import Response

__all__ = ["CORSPolicy", "CrossOrigin", "as_policy"]

_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<any>\*\.)?(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?",
    re.ASCII,
)
_DEFAULT_PORTS = {"http": "80", "https": "443"}
#: Origins that nobody lets in on purpose: an expression that matches one of them matches anybody.
_STRANGERS = [
    f"{scheme}://{host}"
    for scheme in ("http", "https")
    for host in ("stranger.invalid", "a.stranger.invalid", "stranger.com", "stranger.org")
]


@dataclass(frozen=True)
class CORSPolicy:
    """Who may read the answers of an application or a blueprint from pages of other origins.

    Args:
        origins: ``"https://app.example.org"``, ``"https://*.example.org"`` for the hosts below a
            domain, or compiled regular expressions, which have to match the whole origin;
            ``"*"`` for everybody, ``"null"`` for pages that have none, such as local files.
        methods: The methods that pages may use, in any case; those that the URL has, unless given.
        allow_headers: The fields that requests may have; ``"*"`` for whichever they ask for.
        expose_headers: The fields of answers that scripts may read, beside the harmless ones.
        supports_credentials: Whether requests may come with cookies.
        max_age: For how many seconds browsers may remember the answer to a preflight.

    Raises:
        TypeError: When an argument has a type that cannot be used.
        ValueError: When one has a value that browsers would not accept or that is not safe.
    """

    origins: Iterable[str | re.Pattern[str]] | str
    methods: Iterable[str] | None = None
    allow_headers: Iterable[str] | str = "*"
    expose_headers: Iterable[str] = ()
    supports_credentials: bool = False
    max_age: int = 600
    _exact: frozenset[str] = field(default=frozenset(), init=False, repr=False)
    _patterns: tuple[re.Pattern[str], ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        self._tidy()
        exact = {_canonical(origin) for origin in self.origins if isinstance(origin, str)}
        patterns = [origin for origin in self.origins if isinstance(origin, re.Pattern)]
        if type(self.supports_credentials) is not bool:
            raise TypeError("'supports_credentials' must be True or False.")
        if type(self.max_age) is not int or self.max_age < 0:
            raise TypeError("'max_age' must be a whole number of seconds, 0 or more.")
        if self.supports_credentials:
            _check_credentials(exact, patterns)
            if "*" in self.expose_headers:
                raise ValueError(
                    "'expose_headers' has '*', which browsers do not take for all fields when "
                    "'supports_credentials' is on. Name the fields."
                )
        wild = [_pattern_of(origin) for origin in exact if "*." in origin]
        object.__setattr__(self, "_exact", frozenset(exact))
        object.__setattr__(self, "_patterns", (*wild, *patterns))

    def _tidy(self) -> None:
        """Keep what was given as tuples, which a list or a generator could change under us."""
        origins = _as_tuple(self.origins)
        if not origins or not all(map(_is_origin_like, origins)):
            raise TypeError("'origins' must be text, or a list of it that is not empty.")
        methods = None if self.methods is None else _as_names("methods", self.methods)
        if methods is not None and "*" in methods:
            raise ValueError("'methods' has '*'. Leave it out to allow those that the URL has.")
        headers: tuple[str, ...] | str = "*"
        if self.allow_headers != "*":
            headers = _as_names("allow_headers", self.allow_headers)
        tidy = {
            "origins": origins,
            "methods": methods and tuple(method.upper() for method in methods),
            "allow_headers": "*" if "*" in headers else headers,
            "expose_headers": _as_names("expose_headers", self.expose_headers),
        }
        for name, value in tidy.items():
            object.__setattr__(self, name, value)

    def risks(self) -> Iterator[str]:
        """Yield what is allowed and yet hardly meant, for ``cruse check``."""
        for origin in self.origins:
            if isinstance(origin, re.Pattern) and "." in _LITERAL.sub("", origin.pattern):
                yield (
                    f"The dot in {origin.pattern!r} stands for any character: hosts of others may "
                    "match. Write '\\.' for a dot. For the hosts below a domain there is "
                    "'https://*.example.org'."
                )
        if self.supports_credentials:
            for origin in sorted(o for o in self._exact if o.startswith("http://")):
                yield (
                    f"Pages of {origin!r} may act as the visitor, and whoever is between the two "
                    "can write such pages. Use https."
                )

    @property
    def for_everybody(self) -> bool:
        """Whether every origin is allowed, so that the answer does not depend on it."""
        return "*" in self._exact

    def allows(self, origin: str) -> bool:
        """Whether pages of an origin, as browsers write it, may read the answer."""
        return (
            self.for_everybody
            or (origin in self._exact and "*" not in origin)
            # What is no origin, such as "null", no expression lets in by mistake.
            or (
                _ORIGIN.fullmatch(origin) is not None
                and any(pattern.fullmatch(origin) for pattern in self._patterns)
            )
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


#: What a dot means itself in: behind a backslash, and between brackets.
_LITERAL = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]])*\]", re.DOTALL)


def _check_credentials(exact: set[str], patterns: list[re.Pattern[str]]) -> None:
    """Refuse to let everybody act as the visitor.

    Raises:
        ValueError: When the origins are those of anybody.
    """
    open_to_all = [origin for origin in exact if origin in ("*", "null") or _is_top_level(origin)]
    open_to_all += [p.pattern for p in patterns if any(map(p.fullmatch, _STRANGERS))]
    if open_to_all:
        raise ValueError(
            f"'supports_credentials' is on and {open_to_all[0]!r} in 'origins' lets everybody in: "
            "any page could act as its visitor. Name the origins."
        )


def _is_top_level(origin: str) -> bool:
    """Whether it is all of ``https://*.com``; below ``localhost`` there is one machine only."""
    _, wild, domain = origin.partition("://*.")
    name = domain.partition(":")[0].strip(".")
    return bool(wild) and "." not in name and name != "localhost"


def _is_origin_like(origin: object) -> bool:
    if isinstance(origin, re.Pattern):
        return isinstance(origin.pattern, str)
    return isinstance(origin, str)


def _as_tuple(given: Any) -> tuple[Any, ...]:
    """Return what was given, one text or many; nothing, which is refused, for what is neither."""
    if isinstance(given, str):
        return (given,)
    return tuple(given) if isinstance(given, Iterable) else ()


def _as_names(argument: str, given: Any) -> tuple[str, ...]:
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise TypeError(f"{argument!r} must be a list of names.")
    names = tuple(given)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{argument!r} must be a list of names.")
        if not is_token(name):
            raise ValueError(f"{name!r} in {argument!r} is no name: letters, digits, hyphens are.")
    return names


def as_policy(subject: str, value: Any) -> CORSPolicy | None:
    """Make a policy of what is given for one.

    Args:
        subject: What it is given for, for errors: ``"The setting 'CORS'"``.
        value: A policy, a dictionary of its arguments, or ``None`` or ``False`` for none.

    Raises:
        TypeError: When it is something else, or has a name or a type that cannot be used.
        ValueError: When a value in it cannot be used.
    """
    if value is None or value is False or isinstance(value, CORSPolicy):
        return value or None
    names = [each.name for each in fields(CORSPolicy) if each.init]
    unknown = [name for name in value if name not in names] if isinstance(value, dict) else []
    if not isinstance(value, dict) or "origins" not in value or unknown:
        raise TypeError(
            f"{subject} must be a cruse.CORSPolicy or a dictionary with 'origins' and perhaps "
            f"{', '.join(map(repr, names[1:]))}; or None."
            + "".join(f" {name!r} is none of these." for name in unknown)
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

    def risks(self) -> Iterator[tuple[str, str]]:
        """Yield what is allowed and yet hardly meant, with what allows it."""
        for name, policy in ((None, self.default), *self.blueprints.items()):
            for risk in () if policy is None else policy.risks():
                yield "CORS" if name is None else f"CORS of the blueprint {name!r}", risk

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
        methods = policy.methods
        if methods is None:
            methods = sorted({*adapter.allowed_methods(ctx.path)} - {"OPTIONS"})
        headers = response.headers
        del headers["Content-Type"]  # of no content
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
    return [name for part in value.split(",") if is_token(name := part.strip())]
