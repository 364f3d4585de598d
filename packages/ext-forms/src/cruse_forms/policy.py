"""The decision whether a request was forged by another site, from facts alone.

A browser states where a request comes from, and a page cannot change what it says. ``Origin`` is
sent with every request that changes something by every browser since 2020, ``Sec-Fetch-Site``
(W3C Fetch Metadata) since 2023 wherever the site is served over HTTPS or on localhost. So the
order is: a trusted origin, then ``Sec-Fetch-Site``, then ``Origin``, and only where both are
missing (an old browser, a proxy that strips headers, a program) a token. A request without
credentials that a browser would attach by itself has nothing that another site could abuse.

Nothing here knows a request object, so that every row of the table can be tested as it stands.
"""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import TYPE_CHECKING, NamedTuple

from cruse_forms.origins import canonical_origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from cruse_forms.settings import FormsSettings

__all__ = ["SAFE_METHODS", "Facts", "Reason", "Verdict", "judge"]

#: Methods that do not change anything (RFC 9110 section 9.2.1).
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class Reason(StrEnum):
    """Why a request was refused; ``CSRFError.reason`` is one of these."""

    CROSS_SITE = "cross-site"
    SAME_SITE = "same-site"
    UNKNOWN_SITE = "unknown-site"
    OTHER_ORIGIN = "other-origin"
    NULL_ORIGIN = "null-origin"
    NO_ORIGIN = "no-origin"
    TOKEN_MISSING = "token-missing"  # noqa: S105 - a reason, no secret
    TOKEN_INVALID = "token-invalid"  # noqa: S105


class Verdict(Enum):
    """What the headers of a request say, when they do not condemn it."""

    PASS = "pass"  # noqa: S105
    ASK_TOKEN = "ask-token"  # noqa: S105


class Facts(NamedTuple):
    """What the decision is made from."""

    #: The header ``Sec-Fetch-Site``.
    site: str | None
    #: The header ``Origin``.
    origin: str | None
    #: Whether there are credentials that a browser attaches by itself: cookies, HTTP login.
    ambient: bool
    #: Returns the origin that the request was sent to; asked for only where it matters.
    own_origin: Callable[[], str]


def judge(settings: FormsSettings, facts: Facts) -> Verdict | Reason:
    """Decide on a request with an unsafe method, or say that a token has to.

    Args:
        settings: The application's settings.
        facts: What the request's headers say.
    """
    trusted = settings.csrf_trusted_origins
    if trusted and facts.origin is not None and _canonical(facts.origin) in trusted:
        return Verdict.PASS
    stated = _judge_site(facts.site) if facts.site is not None else _judge_origin(facts)
    if isinstance(stated, Reason):
        return stated
    if stated is Verdict.PASS:
        return Verdict.ASK_TOKEN if settings.csrf_mode == "token" else Verdict.PASS
    if not facts.ambient:
        return Verdict.PASS
    return Reason.NO_ORIGIN if settings.csrf_mode == "origin" else Verdict.ASK_TOKEN


def _judge_site(site: str) -> Verdict | Reason:
    # "none" is the user's own doing: an address typed in, a bookmark.
    if site in ("same-origin", "none"):
        return Verdict.PASS
    if site == "same-site":  # a sibling subdomain, which may be anybody's
        return Reason.SAME_SITE
    return Reason.CROSS_SITE if site == "cross-site" else Reason.UNKNOWN_SITE


def _judge_origin(facts: Facts) -> Verdict | Reason | None:
    """Compare ``Origin`` with the request's own, scheme included; ``None`` when it is missing."""
    origin = facts.origin
    if origin is None:
        return None
    if origin == "null":  # a sandboxed frame, a local file, a redirect over several sites
        return Reason.NULL_ORIGIN
    own = facts.own_origin()
    same = origin == own or _canonical(origin) == own
    return Verdict.PASS if same else Reason.OTHER_ORIGIN


def _canonical(origin: str) -> str | None:
    try:
        return canonical_origin(origin)
    except ValueError:
        return None
