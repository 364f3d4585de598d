"""What comes before the view: URL preprocessors and hooks, and the session where it has to wait.

As in :mod:`cruse.pipeline`, what a step returns is a coroutine where there is something to be
waited for.
"""

from __future__ import annotations

from types import CoroutineType
from typing import TYPE_CHECKING, Any

from cruse.calling import call, open_session_ahead, own, settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cruse.context import Context
    from cruse.plans import Call, Plan

    Then = Callable[[Context, Plan], Any]

__all__ = ["preprocess"]


def preprocess(ctx: Context, plan: Plan, then: Then | None = None, prepared: bool = False) -> Any:
    """Run the URL preprocessors and the before hooks; what one of these returns is the answer.

    Where something is to be waited for, the result is a coroutine, and ``then`` gives the answer
    that none of them has.
    """
    on_loop = ctx.bridge.on_loop
    if not prepared and (plan.has_own or (plan.session_waits and (plan.mixed or on_loop))):
        return _preprocess(ctx, plan, then)
    for preprocessor in plan.preprocessors:
        preprocessor(ctx.endpoint, ctx.view_args)
    if on_loop:
        return _go_on(ctx, plan, plan.before, then)
    hooks = iter(plan.before)
    for before in hooks:
        if before.is_async:
            return _go_on(ctx, plan, hooks, then, call(ctx, before))
        value = before.function()
        if type(value) is CoroutineType:
            return _go_on(ctx, plan, hooks, then, settled(ctx, value))
        if value is not None:
            return value
    return None


async def _preprocess(ctx: Context, plan: Plan, then: Then | None) -> Any:
    """Open the session first, or ask the application's own version."""
    if plan.session_waits and (plan.mixed or ctx.bridge.on_loop):
        await open_session_ahead(ctx)
    if "preprocess_request" in plan.custom:
        value = await own(ctx, plan, "preprocess_request")
    else:
        value = preprocess(ctx, plan, prepared=True)
        if type(value) is CoroutineType:
            value = await value
    return then(ctx, plan) if value is None and then is not None else value


async def _go_on(
    ctx: Context, plan: Plan, hooks: Iterable[Call], then: Then | None, first: Any = None
) -> Any:
    """Run before hooks, some of which are waited for."""
    value = None if first is None else await first
    on_loop = ctx.bridge.on_loop
    for before in hooks if value is None else ():
        if before.is_async is not on_loop:
            value = await call(ctx, before)
        else:  # it is of this side's colour: the usual case has no coroutine around it
            value = await before.function() if on_loop else before.function()
        if value is not None:
            if type(value) is CoroutineType:
                value = await settled(ctx, value)
            if value is not None:
                return value
    return then(ctx, plan) if value is None and then is not None else value
