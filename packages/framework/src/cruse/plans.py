"""The plan of an endpoint: everything that answering it takes, looked up once.

A plan is compiled from the live registries at the first request of its route and thrown away when
one of them has changed since (``app.changes`` counts, and tells). What nobody registered is not in
it, and neither is a signal that nobody receives.
"""

from __future__ import annotations

from copy import copy
from types import FunctionType
from typing import TYPE_CHECKING, Any

from cruse.colors import is_async, is_inline
from cruse.signals import (
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    request_finished,
    request_started,
    request_tearing_down,
)
from cruse.urls import scopes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cruse.app import Cruse
    from cruse.context import Context
    from cruse.gateway.mounts import Mounts
    from cruse.headerfields import Fields
    from cruse.proxies import TrustedProxies
    from cruse.routing import Route

__all__ = [
    "STEPS",
    "Call",
    "Entrance",
    "Plan",
    "as_call",
    "make_entrance",
    "make_plan",
    "plan_of",
    "without",
]

#: The methods of the application that are steps of the pipeline. A subclass or an instance that
#: has its own version of one is called instead of the built-in step.
STEPS = (
    "dispatch_request",
    "do_teardown_appcontext",
    "do_teardown_request",
    "finalize_request",
    "full_dispatch_request",
    "handle_exception",
    "handle_http_exception",
    "handle_user_exception",
    "preprocess_request",
    "process_response",
)


# Written out: to make classes of these, `dataclass` takes longer than importing the module.
class Call:
    """A function of the user's, and how it is called on an event loop."""

    __slots__ = ("function", "inline", "is_async", "parameter")

    def __init__(self, function: Callable[..., Any], is_async: bool, inline: bool) -> None:
        self.function = function
        self.is_async = is_async
        self.inline = inline
        #: The name of its first parameter, where that may be given by its place as well.
        self.parameter = _first_parameter(function)


class Plan:
    """What answering the requests of one endpoint takes."""

    __slots__ = (
        "__weakref__", "after", "app", "before", "begins", "blueprints", "changes", "completes",
        "custom", "direct", "ends", "entrance", "follows", "goes_on", "handles", "has_own", "hop",
        "mixed", "preprocessors", "session_waits", "streams", "teardown_appcontext",
        "teardown_request", "view",
    )  # fmt: skip

    changes: int
    app: Cruse
    #: What the requests come in by that this plan is right for.
    entrance: Entrance | None
    preprocessors: tuple[Callable[..., None], ...]
    before: tuple[Call, ...]
    view: Call | None
    after: tuple[Call, ...]
    teardown_request: tuple[Call, ...]
    teardown_appcontext: tuple[Call, ...]
    #: Own versions of the pipeline's steps, by name.
    custom: dict[str, Callable[..., Any]]
    #: Whether there are any.
    has_own: bool
    #: The names of the endpoint's blueprints, innermost first.
    blueprints: tuple[str, ...]
    #: Whether anything is registered that comes before the view, or is to be told of.
    begins: bool
    #: Whether anything is registered that comes between the view and the end, or told then.
    follows: bool
    #: Whether anything is registered for the end of the context, or told then.
    ends: bool
    #: Under ASGI: whether the whole request runs in one hop to a thread.
    hop: bool
    #: Whether any function of the plan is async.
    mixed: bool
    #: Whether the application has its own ``raise_routing_exception``, or version of any step.
    handles: bool
    #: Whether opening the session may take a while.
    session_waits: bool
    #: Whether the view takes the body by pieces.
    streams: bool
    #: Whether settings change every response: those for other sites, or compression.
    completes: bool
    #: Whether any of these comes behind the view: ``follows``, ``completes`` or ``ends``.
    goes_on: bool
    #: Whether there is a view, which the built-in step calls.
    direct: bool

    def retire(self) -> None:
        """Serve no more requests, and let those under way ask what is registered now."""
        self.entrance = None
        self.follows = self.ends = self.goes_on = True


class Entrance:
    """What each request needs of its application before its route is known."""

    __slots__ = (
        "__weakref__", "app", "changes", "fields", "fronted", "make_context", "match", "mounts",
        "proxies", "pushes", "puts_off", "wrapped",
    )  # fmt: skip

    changes: int
    app: Cruse
    #: Makes the context of a request; called with all arguments of its constructor.
    make_context: Callable[..., Context]
    mounts: Mounts | None
    proxies: TrustedProxies | None
    #: Whether there is any of these, which come first.
    fronted: bool
    #: Whether contexts can be made before their environ: their constructor does not look into it.
    puts_off: bool
    #: Whether middleware is around ``wsgi_app``.
    wrapped: bool
    #: What finds the route, or is told of each context that becomes current and does so.
    match: Callable[[Context], None]
    #: Whether it is the latter, which is told of those that are refused already, too.
    pushes: bool
    #: The header fields that all responses get; ``None`` where they depend on the response.
    fields: Fields | None

    def retire(self) -> None:
        """Let the next request have another one."""
        self.app.__dict__["entrance"] = None  # not a change of the application


def _first_parameter(function: Callable[..., Any]) -> str | None:
    if type(function) is not FunctionType:
        return None
    code = function.__code__
    named = code.co_argcount > 0 and code.co_posonlyargcount == 0
    return code.co_varnames[0] if named else None


def as_call(function: Callable[..., Any]) -> Call:
    """Find out how a function of the user's is called."""
    return Call(function, is_async(function), is_inline(function))


def _calls(functions: Iterable[Callable[..., Any]]) -> tuple[Call, ...]:
    return tuple(map(as_call, functions))


def without(plan: Plan, *steps: str) -> Plan:
    """Return a plan whose ``steps`` are the built-in ones, as for ``super().step()``."""
    changed = copy(plan)
    changed.custom = {name: own for name, own in plan.custom.items() if name not in steps}
    changed.handles = True  # who calls a step gets from it what the step raises
    return changed


def make_plan(app: Cruse, endpoint: str | None, route: Route | None) -> Plan:
    """Compile the plan of an endpoint.

    Args:
        app: The application.
        endpoint: The endpoint; ``None`` for requests that match no rule.
        route: The route, when there is one.
    """
    changes = app.changes.count
    scopes = list(scopes_of(endpoint))
    hooks = route is None or route.hooks
    outside_in = scopes if hooks else []
    inside_out = outside_in[::-1]
    before = _calls(f for scope in outside_in for f in app.before_request_funcs.get(scope, ()))
    if route is not None and route.websocket:
        first = app.before_websocket_funcs
        before += _calls(f for scope in outside_in for f in first.get(scope, ()))
    after = _calls(
        f for scope in inside_out for f in reversed(app.after_request_funcs.get(scope, ()))
    )
    teardown = _calls(
        f for scope in inside_out for f in reversed(app.teardown_request_funcs.get(scope, ()))
    )
    appcontext = _calls(reversed(app.teardown_appcontext_funcs))
    view = _view_call(app, endpoint, route)
    calls = (*before, *after, *teardown, *appcontext, *((view,) if view else ()))
    plan = Plan()
    plan.changes = changes
    plan.app = app
    plan.entrance = None
    plan.preprocessors = tuple(
        f for scope in outside_in for f in app.url_value_preprocessors.get(scope, ())
    )
    plan.before = before
    plan.view = view
    plan.after = after
    plan.teardown_request = teardown
    plan.teardown_appcontext = appcontext
    _set_steps(plan, app, calls)
    plan.blueprints = tuple(name for name in reversed(scopes) if name is not None)
    plan.session_waits = hooks and _sessions_wait(app)
    plan.begins = bool(
        plan.preprocessors
        or before
        or plan.has_own
        or plan.session_waits
        or request_started.receivers
    )
    plan.follows = bool(after or plan.has_own or request_finished.receivers)
    plan.ends = bool(teardown or appcontext or plan.has_own or _end_is_heard())
    plan.streams = route is not None and route.stream
    plan.completes = app.cors is not None or app.compression is not None
    plan.goes_on = plan.follows or plan.completes or plan.ends
    app.changes.watch(plan)
    return plan


def _set_steps(plan: Plan, app: Cruse, calls: tuple[Call, ...]) -> None:
    """Note who takes the steps of the pipeline, and where."""
    plan.custom = own_steps(app)
    plan.has_own = bool(plan.custom)
    plan.direct = plan.view is not None and "dispatch_request" not in plan.custom
    plan.handles = plan.has_own or _raises_by_itself(app)
    plan.mixed = any(call.is_async for call in calls)
    quick = all(call.inline for call in calls)
    plan.hop = plan.has_own or not (quick or plan.mixed)


def _raises_by_itself(app: Cruse) -> bool:
    return (
        "raise_routing_exception" in app.__dict__
        or type(app).raise_routing_exception is not type(app).builtin_raising
    )


def _end_is_heard() -> bool:
    return bool(
        request_tearing_down.receivers
        or appcontext_tearing_down.receivers
        or appcontext_popped.receivers
    )


def _sessions_wait(app: Cruse) -> bool:
    """Whether the session is asked for elsewhere.

    A store that cannot be made is told by the start, and by who asks for a session; a command that
    asks for none has to do without.
    """
    try:
        return app.session_interface.waits
    except (TypeError, ValueError, RuntimeError):
        return True


def plan_of(ctx: Context) -> Plan:
    """Return the plan of a request, compiled anew when a registry has changed."""
    app, route = ctx.app, ctx.route
    plan = app.plan_without_route if route is None else route.plan
    if plan is None or plan.changes != app.changes.count or plan.app is not app:
        plan = make_plan(app, None if route is None else route.endpoint, route)
        if route is None:
            app.__dict__["plan_without_route"] = plan  # not a change of the application
        else:
            route.plan = plan
    plan.entrance = app.entrance
    return plan


def make_entrance(app: Cruse) -> Entrance:
    """Look up what each request needs of an application, and keep it there."""
    cls = app.context_class
    pushing = cls.match_request, type(app).context_pushed
    usual = (
        pushing == app.builtin_pushing
        and "context_pushed" not in app.__dict__
        and not appcontext_pushed.receivers
    )
    entrance = Entrance()
    entrance.changes = app.changes.count
    entrance.app = app
    entrance.mounts = app.mounts
    entrance.proxies = app.proxies
    entrance.fronted = app.mounts is not None or app.proxies is not None
    entrance.puts_off = cls.__init__ is app.builtin_constructor
    # A constructor of somebody's own knows no request or session.
    entrance.make_context = cls if entrance.puts_off else lambda a, environ, *_: cls(a, environ)
    entrance.wrapped = "wsgi_app" in app.__dict__
    entrance.match = _matching(app) if usual else app.context_pushed
    entrance.pushes = not usual
    entrance.fields = None if app.headers_vary else app.default_headers
    app.__dict__["entrance"] = entrance  # not a change of the application
    app.changes.watch(entrance)
    return entrance


def _matching(app: Cruse) -> Callable[[Context], None]:
    own = (
        type(app).match_request is not type(app).builtin_matching
        or "match_request" in app.__dict__
    )
    return app.match_request if own else app.make_matcher().match


def _view_call(app: Cruse, endpoint: str | None, route: Route | None) -> Call | None:
    view = app.view_functions.get(endpoint) if endpoint is not None else None
    if view is None:
        return None
    return Call(view, is_async(view), is_inline(view) or bool(route and route.inline))


def own_steps(app: Cruse) -> dict[str, Callable[..., Any]]:
    """Return the steps of the pipeline that this application has replaced, by name."""
    return {
        name: getattr(app, name)
        for name in STEPS
        if name in app.__dict__ or getattr(type(app), name) is not app.builtin_steps[name]
    }
