"""The protection of an application's unsafe requests against forgery by other sites (CSRF).

The decision itself is in :mod:`cruse_forms.policy`; here the facts are taken from a request, the
exemptions are kept, and the token is looked for where the decision asks for one. The body is read
only then, and not where the route streams it: there, a token has to come in a header.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from werkzeug.exceptions import Forbidden

from cruse_forms.policy import SAFE_METHODS, Facts, Reason, Verdict, judge
from cruse_forms.tokens import is_valid_token

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from cruse import Request
    from cruse.context import Context
    from cruse_forms.settings import FormsSettings

__all__ = ["CSRFError", "Protection", "Targets"]

T = TypeVar("T")

logger = logging.getLogger("cruse_forms.csrf")
_IN_TESTS = (
    ". A test client says what browsers say with "
    "client.environ_base['HTTP_SEC_FETCH_SITE'] = 'same-origin'."
)

FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
#: HTTP logins that a browser repeats by itself; a page cannot make it add any other.
AMBIENT_LOGINS = frozenset({"basic", "digest", "negotiate", "ntlm"})

#: Refusals that befall a site's own pages: nothing told where the request came from. Where another
#: site is named, its form is not shown under our name with what it put there.
_OWN_PAGES = frozenset({Reason.NO_ORIGIN, Reason.TOKEN_MISSING, Reason.TOKEN_INVALID})

_DESCRIPTIONS = {
    Reason.CROSS_SITE: "The request came from another site.",
    Reason.SAME_SITE: "The request came from another host of this site.",
    Reason.UNKNOWN_SITE: "The browser did not say where the request came from.",
    Reason.OTHER_ORIGIN: "The request came from another origin.",
    Reason.NULL_ORIGIN: "The request came from a page without an origin.",
    Reason.NO_ORIGIN: "The browser did not say where the request came from.",
    Reason.TOKEN_MISSING: "The CSRF token is missing.",
    Reason.TOKEN_INVALID: "The CSRF token is not valid; load the page again and repeat.",
}


class CSRFError(Forbidden):
    """A request that another site may have forged (403).

    Register an error handler for it to answer in your own way.

    Args:
        reason: Why it was refused.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(_DESCRIPTIONS[reason])
        #: Why it was refused, a text such as ``"cross-site"``.
        self.reason = reason


class Targets:
    """Views, view classes, blueprints and endpoints that are treated in a way of their own."""

    def __init__(self) -> None:
        self._targets: set[Any] = set()

    def add(self, target: T) -> T:
        """Add a view or view class, a blueprint with all nested in it, or an endpoint."""
        self._targets.add(target)
        return target

    def covers(self, ctx: Context) -> bool:
        """Whether the view of a request is among them."""
        targets = self._targets
        endpoint = ctx.endpoint
        if not targets or endpoint is None:
            return False
        if endpoint in targets or self._covers_view(ctx.app.view_functions.get(endpoint)):
            return True
        blueprints = ctx.app.blueprints
        return any(blueprints[name] in targets for name in ctx.request.blueprints)

    def _covers_view(self, view: Any) -> bool:
        """Whether a view, or what decorators made it from, is there: the object, not a name."""
        while view is not None:
            if self._has(view) or self._has(getattr(view, "view_class", None)):
                return True
            view = getattr(view, "__wrapped__", None)
        return False

    def _has(self, target: Any) -> bool:
        try:
            return target in self._targets
        except TypeError:  # an object that cannot be hashed, so it cannot have been added
            return False


class Protection:
    """The check of requests for one application.

    Args:
        settings: The application's settings.
        exemptions: What is left alone.
        reshown: The views whose forms answer a refusal by showing themselves again.
    """

    def __init__(self, settings: FormsSettings, exemptions: Targets, reshown: Targets) -> None:
        self.settings = settings
        self.exemptions = exemptions
        self.reshown = reshown
        self._left_to_forms: WeakKeyDictionary[Context, CSRFError] = WeakKeyDictionary()

    def left_to_form(self, ctx: Context) -> CSRFError | None:
        """Return the refusal of a request that its form has to answer, if there is one."""
        return self._left_to_forms.get(ctx) if self._left_to_forms else None

    def check(self, ctx: Context) -> Coroutine[Any, Any, None] | None:
        """Refuse a forged request, unless its view is exempt.

        Never waits: where the body has to be read on an event loop, that is the coroutine
        returned; in a thread it is done here.

        Raises:
            CSRFError: When the request is refused.
        """
        if ctx.method in SAFE_METHODS or ctx.endpoint is None or self.exemptions.covers(ctx):
            return None
        request = ctx.request
        found = self._judge_headers(request)
        if found is Verdict.ASK_TOKEN and not _streams(ctx) and _on_event_loop():
            return self._check_form_on_loop(ctx)
        self._conclude(ctx, self._judge_form(ctx, found))
        return None

    def check_now(self, ctx: Context) -> None:
        """Refuse a forged request, exempt or not; reads its form if need be.

        Raises:
            CSRFError: When the request is refused.
        """
        if ctx.method not in SAFE_METHODS:
            found = self._judge_form(ctx, self._judge_headers(ctx.request))
            self._conclude(ctx, found, may_leave=False)

    async def _check_form_on_loop(self, ctx: Context) -> None:
        await ctx.request.load_body()
        self._conclude(ctx, self._judge_form_token(ctx.request))

    def _judge_headers(self, request: Request) -> Verdict | Reason:
        """Decide from the headers alone, a token among them included."""
        environ = request.environ
        facts = Facts(
            environ.get("HTTP_SEC_FETCH_SITE"),
            environ.get("HTTP_ORIGIN"),
            "HTTP_COOKIE" in environ or _is_ambient(environ.get("HTTP_AUTHORIZATION")),
            lambda: f"{request.scheme}://{request.host}".lower(),
        )
        found = judge(self.settings, facts)
        if found is not Verdict.ASK_TOKEN:
            return found
        tokens = (request.headers.get(name) for name in self.settings.csrf_headers)
        token = next(filter(None, tokens), None)
        if token is not None:
            return _judge_token(token)
        return found if request.mimetype in FORM_TYPES else Reason.TOKEN_MISSING

    def _judge_form(self, ctx: Context, found: Verdict | Reason) -> Verdict | Reason:
        """Decide from the form where the headers did not."""
        if found is not Verdict.ASK_TOKEN:
            return found
        return Reason.TOKEN_MISSING if _streams(ctx) else self._judge_form_token(ctx.request)

    def _judge_form_token(self, request: Request) -> Verdict | Reason:
        token = request.form.get(self.settings.csrf_field_name)
        return _judge_token(token) if token else Reason.TOKEN_MISSING

    def _conclude(self, ctx: Context, found: Verdict | Reason, *, may_leave: bool = True) -> None:
        if not isinstance(found, Reason):
            return
        request = ctx.request
        report_only = self.settings.csrf_report_only
        origin = request.environ.get("HTTP_ORIGIN")
        site = request.environ.get("HTTP_SEC_FETCH_SITE")
        logger.warning(
            "CSRF check %s: %s (%s %r, Origin %r, Sec-Fetch-Site %r)%s",
            "would refuse a request" if report_only else "refused a request",
            found.value,
            request.method,
            request.path,
            origin,
            site,
            _IN_TESTS if ctx.app.testing and origin is site is None else "",
        )
        if report_only:
            return
        error = CSRFError(found)
        if not (may_leave and found in _OWN_PAGES and self.reshown.covers(ctx)):
            raise error
        self._left_to_forms[ctx] = error


def _judge_token(token: str) -> Verdict | Reason:
    return Verdict.PASS if is_valid_token(token) else Reason.TOKEN_INVALID


def _is_ambient(authorization: str | None) -> bool:
    if authorization is None:
        return False
    return authorization.partition(" ")[0].lower() in AMBIENT_LOGINS


def _streams(ctx: Context) -> bool:
    """Whether the view gets the body unread, so that reading it here would take it away."""
    return ctx.route is not None and ctx.route.stream


def _on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
