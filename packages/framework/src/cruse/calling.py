"""How the pipeline calls what the user has given it."""

from __future__ import annotations

from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException

from cruse.plans import as_call

if TYPE_CHECKING:
    from blinker import Signal

    from cruse.context import Context
    from cruse.plans import Call, Plan

__all__ = ["call", "open_session_ahead", "own", "send", "settled"]


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


async def open_session_ahead(ctx: Context) -> None:
    """Open the session where views cannot wait for it; a failure is for those that touch it."""
    interface = ctx.app.session_interface
    if not ctx.session_opened and interface.opens_ahead(ctx.app, ctx.request):
        try:
            session: Any = interface.open(ctx.app, ctx.request, ctx.bridge)
            if type(session) is CoroutineType:
                session = await session
        except HTTPException as error:
            ctx.session_error = error
        else:
            ctx.session = interface.make_null_session(ctx.app) if session is None else session
