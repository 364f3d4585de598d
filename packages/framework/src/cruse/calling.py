"""How the pipeline calls what the user has given it."""

from __future__ import annotations

from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from cruse.plans import as_call

if TYPE_CHECKING:
    from blinker import Signal

    from cruse.context import Context
    from cruse.plans import Call, Plan

__all__ = ["call", "own", "send", "settled"]


async def call(ctx: Context, call: Call, /, *args: Any, **kwargs: Any) -> Any:
    """Call a function of the user's where its colour belongs."""
    bridge = ctx.bridge
    if bridge.on_loop and call.is_async:
        result = await call.function(*args, **kwargs)
    elif bridge.on_loop is call.is_async or call.inline:
        result = call.function(*args, **kwargs)
    else:
        result = await bridge.cross(call.function, *args, **kwargs)
    return await settled(ctx, result) if type(result) is CoroutineType else result


async def settled(ctx: Context, result: Any) -> Any:
    """Return what a function gave, awaited: plain decorators hand on coroutines."""
    while type(result) is CoroutineType:
        result = await ctx.bridge.settle(result)
    return result


async def own(ctx: Context, plan: Plan, step: str, *args: Any) -> Any:
    """Run the application's own version of a step, a plain or an async method."""
    return await settled(ctx, plan.custom[step](*args))


async def send(ctx: Context, signal: Signal, **arguments: Any) -> None:
    """Send a signal with the application as sender; receivers may be of either colour."""
    app = ctx.app
    for receiver in signal.receivers_for(app):
        await call(ctx, as_call(partial(receiver, app, **arguments)))
