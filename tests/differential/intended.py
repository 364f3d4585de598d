"""Every difference from Flask 3.1 that is meant, with its reason.

``GENERAL`` holds those that may show in any scenario. Each has a function that looks at one
difference (where it is, what Flask has there, what Cruse has) and says whether it is this one.
``PARTICULAR`` holds those of single scenarios: the scenario's id, where it differs, and why.

A test fails when there is a difference that is not written down here, and when one that is
written down does not occur any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class General:
    """A difference that may show anywhere.

    Args:
        name: A short name, also the key in the handbook's list.
        reason: Why it is so.
        explains: Whether a difference is this one: ``explains(where, flask, cruse)``.
    """

    name: str
    reason: str
    explains: Callable[[str, Any, Any], bool]


def _security_header(where: str, flask: Any, cruse: Any) -> bool:
    added = {
        "X-Content-Type-Options": ["nosniff"],
        "X-Frame-Options": ["SAMEORIGIN"],
        "Referrer-Policy": ["strict-origin-when-cross-origin"],
        "Cross-Origin-Opener-Policy": ["same-origin"],
    }
    return flask == "(absent)" and cruse == added.get(where.partition(" header ")[2])


def _see_other(where: str, flask: Any, cruse: Any) -> bool:
    return where.endswith(" status") and (flask, cruse) == ("302 FOUND", "303 SEE OTHER")


def _lax(where: str, flask: Any, cruse: Any) -> bool:
    return where.endswith(" header Set-Cookie") and [
        cookie.replace("; SameSite=Lax", "") for cookie in cruse
    ] == [*flask]


def _vary_by_accept(where: str, flask: Any, cruse: Any) -> bool:
    varies = [] if flask == "(absent)" else flask
    return where.endswith(" header Vary") and cruse in (["Accept"], ["Accept", *varies])


def _name(where: str, flask: Any, cruse: Any) -> bool:
    return repr(flask).replace("flask", "cruse").replace("Flask", "Cruse") == repr(cruse)


GENERAL = [
    General(
        "security headers",
        "Every response tells browsers not to guess types, not to be framed by other sites and "
        "what to say about where a visitor comes from, unless it says otherwise itself.",
        _security_header,
    ),
    General(
        "redirect with 303",
        "redirect() answers 303 See Other, which turns a POST into a GET in every browser and is "
        "what Flask 3.2 does; 302 leaves it to the browser.",
        _see_other,
    ),
    General(
        "SameSite=Lax",
        "The session cookie is not sent with what other sites post, as browsers assume today.",
        _lax,
    ),
    General(
        "errors by Accept",
        "An API client that asks for JSON gets the error as problem details (RFC 9457), a browser "
        "gets the page; caches are told so.",
        _vary_by_accept,
    ),
    General("the name", "What says Flask there says Cruse here.", _name),
]

#: By scenario: where it differs, and why.
PARTICULAR: dict[str, dict[str, str]] = {}
