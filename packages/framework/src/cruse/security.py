"""The header fields that make browsers careful, decided once per application.

Most are the same for every response and sent from one list. Two are not:
``Strict-Transport-Security`` belongs to answers over HTTPS (RFC 6797 section 7.2), and a content
security policy with a nonce is different each time.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cruse.globals import current_context
from cruse.headerfields import Fields, is_token

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cruse.context import Context
    from cruse.responses import Response

__all__ = ["SecurityHeaders", "csp_nonce"]

_POLICIES = {
    "CONTENT_SECURITY_POLICY": "Content-Security-Policy",
    "CONTENT_SECURITY_POLICY_REPORT_ONLY": "Content-Security-Policy-Report-Only",
}
_HSTS = "strict-transport-security"
_NONCE = "'nonce'"
_DIRECTIVE = re.compile(r"[A-Za-z0-9-]+", re.ASCII)  # CSP level 3, section 2.2.1
#: What browsers take for the name of a host when the quotes are missing.
_QUOTED = {"self", "none", "nonce", "strict-dynamic", "unsafe-inline", "unsafe-eval"}

Field = tuple[str, str]


def csp_nonce() -> str:
    """Return this response's nonce, for ``<script nonce="...">`` (CSP level 3, section 7.1).

    Also a function of every template. The policy of ``CONTENT_SECURITY_POLICY`` names it wherever
    it has ``'nonce'``.

    Raises:
        RuntimeError: Outside of a request.
    """
    return current_context().csp_nonce


class SecurityHeaders:
    """What an application adds to its responses, from its settings.

    Args:
        config: The settings.

    Raises:
        TypeError: When one of them has a type that no field can be made of; it names the setting.
        ValueError: When one would break the header or the policy apart.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        fields = _as_fields(config["SECURITY_HEADERS"] or {})
        policies = {
            name: _Policy(setting, config[setting])
            for setting, name in _POLICIES.items()
            if config.get(setting)
        }
        hsts = [] if config["DEBUG"] else [f for f in fields if f[0].lower() == _HSTS]
        fields = [f for f in fields if f[0].lower() != _HSTS]
        fields += [(n, policy.text()) for n, policy in policies.items() if not policy.has_nonce]
        nonced = {name: policy for name, policy in policies.items() if policy.has_nonce}
        self._plain = fields
        self._hsts = hsts
        self._nonced = nonced
        self._without_nonce = [(name, policy.text()) for name, policy in nonced.items()]
        #: What every response gets, when none of the two exceptions is in use.
        self.usual = Fields([*fields, *self._without_nonce])
        self._over_tls = Fields([*self.usual, *hsts])
        #: Whether a policy has a nonce, so that the fields depend on the response.
        self.vary = bool(nonced)

    def of(self, ctx: Context, response: Response) -> Fields:
        """Return the fields for one response."""
        over_tls = self._hsts and ctx.tls_host and _is_domain(ctx.tls_host)
        if not self.vary:
            return self._over_tls if over_tls else self.usual
        fields = [*self._plain]
        # A stream is still to be made, and may ask for the nonce when these are sent already.
        if "csp_nonce" in ctx.__dict__ or response.is_streamed:
            nonce = ctx.csp_nonce
            fields += [(name, policy.text(nonce)) for name, policy in self._nonced.items()]
        elif response.status_code != 304:
            # A 304 keeps the policy of the answer that the browser has, with its nonce: the
            # fields that it does carry replace the stored ones (RFC 9111 section 3.2).
            fields += self._without_nonce
        if over_tls:
            fields += self._hsts
        return Fields(fields)


def _as_fields(headers: Mapping[str, Any]) -> list[Field]:
    fields = [(name, str(value)) for name, value in headers.items() if value is not None]
    for name, value in fields:
        if not is_token(name):
            raise ValueError(
                f"{name!r} in the setting 'SECURITY_HEADERS' is no name of a header field. Letters"
                ", digits and hyphens are."
            )
        if not (value.isprintable() and value.isascii()):
            raise ValueError(
                f"The value {value!r} of {name!r} in the setting 'SECURITY_HEADERS' has characters"
                " that would break the header apart. Write it on one line, in ASCII."
            )
    return fields


class _Policy:
    """A content security policy, taken apart to put a nonce in.

    Args:
        setting: The name of the setting, for errors.
        value: The policy as it is sent, with ``'nonce'`` for a nonce, or a dictionary of
            directives. Their values are strings, lists of strings, or True for "nothing more".
    """

    def __init__(self, setting: str, value: Any) -> None:
        if isinstance(value, str):
            given: Iterable[tuple[str, Any]] = [
                (name, sources)
                for name, _, sources in (part.strip().partition(" ") for part in value.split(";"))
                if name
            ]
        elif isinstance(value, dict):
            given = value.items()
        else:
            raise TypeError(
                f"The setting {setting!r} must be a string, a dictionary of directives, or None, "
                f"not {type(value).__name__}."
            )
        self.directives = [
            (name, _sources(setting, name, sources))
            for name, sources in given
            if sources is not None and sources is not False
        ]
        self.has_nonce = any(_NONCE in sources for _, sources in self.directives)

    def text(self, nonce: str | None = None) -> str:
        """Return the policy with a nonce, or without one: nobody has asked for it."""
        return "; ".join(
            " ".join([name, *_with_nonce(sources, nonce)]) for name, sources in self.directives
        )


def _sources(setting: str, name: str, value: Any) -> list[str]:
    if value is True:
        return []
    if not isinstance(value, str):
        if not isinstance(value, list | tuple | set):
            raise TypeError(
                f"The directive {name!r} in the setting {setting!r} must be a string, a list of "
                f"strings, or True, not {type(value).__name__}."
            )
        value = " ".join(value)
    text = str(value)
    if any(not character.isprintable() or character in ";," for character in name + text):
        raise ValueError(
            f"The directive {name!r} in the setting {setting!r} has a semicolon, a comma or a "
            "line break, which would end it. In URLs these are percent-encoded."
        )
    if _DIRECTIVE.fullmatch(name) is None:
        raise ValueError(
            f"{name!r} in the setting {setting!r} is no name of a directive, and browsers would "
            "leave it out. Letters, digits and hyphens are."
        )
    sources = text.split()
    for source in _QUOTED.intersection(sources) if name.endswith("-src") else ():
        raise ValueError(
            f"{source!r} of {name!r} in the setting {setting!r} would be the name of a host. "
            f"""Its quotes belong to it: "'{source}'"."""
        )
    return sources


def _with_nonce(sources: list[str], nonce: str | None) -> list[str]:
    if _NONCE not in sources:
        return sources
    if nonce is not None:
        return [f"'nonce-{nonce}'" if source == _NONCE else source for source in sources]
    return [source for source in sources if source != _NONCE] or ["'none'"]


@lru_cache(256)
def _is_domain(host: str) -> bool:
    """Whether a Host field names what browsers keep HTTPS for.

    Not an address (RFC 6797 section 8.1.1), and not this machine: with one application seen over
    HTTPS, all others on it would be out of reach.
    """
    name = host.lower().rpartition("]")[2] if host.startswith("[") else host.lower()
    name = name.partition(":")[0].rstrip(".")
    top = name.rpartition(".")[2]
    return bool(name) and top != "localhost" and not top.isdigit()
