"""A websocket's way through the pipeline, under ASGI and RSGI alike.

The handshake goes the way of a request: hooks, then the view, errors to their handlers. What a
hook or the view answers before the conversation is accepted rejects it, with that response.
"""

from __future__ import annotations

from asyncio import CancelledError
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import Forbidden
from werkzeug.http import HTTP_STATUS_CODES

from cruse.globals import _cv
from cruse.pipeline import (
    dispatch,
    finalize,
    finish,
    handle_exception,
    handle_user_exception,
    plan_of,
    preprocess,
    process_response,
)
from cruse.plans import without
from cruse.websockets import WebSocket, WebSocketDisconnect, origin_is_trusted

if TYPE_CHECKING:
    from cruse.app import Cruse
    from cruse.context import Context
    from cruse.plans import Plan
    from cruse.responses import Response
    from cruse.websockets import Connection

__all__ = ["converse"]

GOING_AWAY, INTERNAL_ERROR = 1001, 1011  # RFC 6455 section 7.4.1
PRIVATE = 4000  # where the close codes of applications begin (section 7.4.2)


async def converse(app: Cruse, ctx: Context, connection: Connection) -> None:
    """Hold one conversation; ``ctx`` is not entered yet."""
    token = _cv.set(ctx)
    try:
        ctx.bridge = app.loop_bridge
        ctx.method, ctx.has_body = "GET", False
        ctx.websocket = websocket = WebSocket(
            connection,
            lambda: ctx.request,
            partial(_handshake, ctx),
            app.config["WEBSOCKET_MAX_MESSAGE_SIZE"],
        )
        app.context_pushed(ctx)
        plan = _plan_of(ctx)
        error: BaseException | None = None
        try:
            await _close(app, ctx, websocket, await _answer(ctx, plan, websocket))
        except BaseException as raised:
            error = raised
            if websocket.accepted:
                going = isinstance(raised, CancelledError)
                await websocket.close(GOING_AWAY if going else INTERNAL_ERROR)
            raise
        finally:
            await finish(ctx, plan, error)
            connection.release()
    finally:
        _cv.reset(token)


def _plan_of(ctx: Context) -> Plan:
    """Return the plan without own versions of its steps: plain functions, which can't converse."""
    plan = plan_of(ctx)
    return without(plan, *plan.custom) if plan.custom else plan


async def _handshake(ctx: Context) -> Response:
    """Make the response that accepts."""
    response = ctx.app.response_class(status=101)
    del response.headers["Content-Type"]
    return await process_response(ctx, _plan_of(ctx), response)


async def _answer(ctx: Context, plan: Plan, websocket: WebSocket) -> Response | None:
    """Return what ended the conversation, or kept it from beginning; ``None`` for a good end."""
    try:
        try:
            value = await preprocess(ctx, plan)
            if value is None:
                if not origin_is_trusted(ctx.request, ctx.app.config["WEBSOCKET_ORIGINS"]):
                    raise Forbidden("Pages of another origin may not open this websocket.")
                value = await _talk(ctx, plan, websocket)
            if value is None:
                return None
            if websocket.accepted:
                raise TypeError(
                    f"The websocket view of {ctx.endpoint!r} returned a value after it had "
                    "accepted the conversation. Return nothing, or close it with a code."
                )
        except Exception as error:
            value = handle_user_exception(ctx, plan, error)
            if type(value) is CoroutineType:
                value = await value
        response: Any = finalize(ctx, plan, value)
        if type(response) is CoroutineType:
            response = await response
        return response  # type: ignore[no-any-return]
    except Exception as error:
        ctx.error = error
        return await handle_exception(ctx, plan, error)


async def _talk(ctx: Context, plan: Plan, websocket: WebSocket) -> object:
    """Call the view. That the client leaves is an end like any other."""
    websocket.look_after()
    try:
        value = dispatch(ctx, plan)
        while type(value) is CoroutineType:
            value = await value
        return value
    except WebSocketDisconnect:
        return None
    except CancelledError:
        if not websocket.gave_up:
            raise
        return None
    finally:
        await websocket.release()


async def _close(
    app: Cruse, ctx: Context, websocket: WebSocket, response: Response | None
) -> None:
    """End the conversation as its outcome says."""
    if response is None:
        await websocket.close()
    elif websocket.accepted:
        status = response.status_code
        code = INTERNAL_ERROR if status >= 500 else PRIVATE + status
        await websocket.close(code, HTTP_STATUS_CODES.get(status, ""))
        response.close()
    else:
        await websocket.reject(response, response.head(ctx.environ, app.default_headers))
        response.close()
