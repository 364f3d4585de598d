"""The cookie of a browser that is remembered: a selector and a validator.

The selector finds the record of the login, the validator proves that the browser is the one that
logged in. The store has only its hash, and each visit gets a new one: who shows an old one has a
copy, or the other one has.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import TYPE_CHECKING, NamedTuple

from cruse.colors import inline

if TYPE_CHECKING:
    from cruse import Response
    from cruse.context import Context
    from cruse_auth.state import AuthState

__all__ = ["Token", "brings_token", "forget_browser", "read_token", "remember_browser"]

_VALUE = re.compile(r"([A-Za-z0-9_-]{16,64})\.([A-Za-z0-9_-]{43})", re.ASCII)


class Token(NamedTuple):
    """What the cookie holds."""

    selector: str
    validator: str

    @classmethod
    def new(cls, selector: str) -> Token:
        """Return a token with a new validator of 256 random bits."""
        return cls(selector, secrets.token_urlsafe(32))

    @property
    def digest(self) -> str:
        """What the store keeps of the validator."""
        return hashlib.sha256(self.validator.encode()).hexdigest()


def _is_secure(ctx: Context) -> bool:
    return ctx.app.session_interface.get_cookie_secure(ctx.app)


def cookie_name(state: AuthState, ctx: Context) -> str:
    """Return the cookie's name; over HTTPS one that no other host can have set."""
    name = state.settings.remember_cookie.removeprefix("__Host-")
    return f"__Host-{name}" if _is_secure(ctx) else name


def brings_token(state: AuthState, ctx: Context) -> bool:
    """Whether the browser sent the cookie, and somebody could be found by it."""
    return state.auth.store is not None and cookie_name(state, ctx) in ctx.request.cookies


def read_token(state: AuthState, ctx: Context) -> Token | None:
    """Return the token that the browser sent, if it looks like one."""
    found = _VALUE.fullmatch(ctx.request.cookies.get(cookie_name(state, ctx), ""))
    return None if found is None else Token(found[1], found[2])


def remember_browser(state: AuthState, ctx: Context, token: Token, until: int) -> None:
    """Give the browser a token with the answer to this request.

    Args:
        state: The application's.
        ctx: The request's context.
        token: The token.
        until: When the browser shall forget it, in seconds since the epoch.
    """
    _answer(state, ctx, f"{token.selector}.{token.validator}", until)


def forget_browser(state: AuthState, ctx: Context) -> None:
    """Take the cookie from a browser that has it."""
    if cookie_name(state, ctx) in ctx.request.cookies:
        _answer(state, ctx, None, 0)


def _answer(state: AuthState, ctx: Context, value: str | None, until: int) -> None:
    """Set the cookie or, for ``None``, delete it; what is said last counts."""
    key = (state, "remember")
    said, ctx.extras[key] = key in ctx.extras, (value, until)
    if said:
        return
    name, secure = cookie_name(state, ctx), _is_secure(ctx)

    @inline
    def set_cookie(response: Response) -> Response:
        value, until = ctx.extras[key]
        response.set_cookie(
            name,
            value or "",
            expires=until,
            max_age=None if value else 0,
            secure=secure,
            httponly=True,
            samesite="Lax",
        )
        return response

    ctx.after_this_request(set_cookie)
