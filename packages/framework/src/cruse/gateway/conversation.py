"""A websocket's way through the pipeline, under ASGI and RSGI alike.

The handshake goes the way of a request: hooks, then the view, errors to their handlers. What a
hook or the view answers before the conversation is accepted rejects it, with that response.
"""

from __future__ import annotations

from asyncio import CancelledError, get_running_loop
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any, cast

from werkzeug.exceptions import Forbidden
from werkzeug.http import HTTP_STATUS_CODES

from cruse.ending import ends_with_something, finish
from cruse.globals import _cv
from cruse.pipeline import (
    dispatch,
    finalize,
    handle_exception,
    handle_user_exception,
    preprocess,
    process_response,
)
from cruse.plans import plan_of, without
from cruse.websockets import GOING_AWAY, WebSocket, WebSocketDisconnect, origin_is_trusted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cruse.app import Cruse
    from cruse.context import Context
    from cruse.plans import Entrance, Plan
    from cruse.responses import Response
    from cruse.websockets import Connection

__all__ = ["converse"]

INTERNAL_ERROR = 1011  # RFC 6455 section 7.4.1
PRIVATE = 4000  # where the close codes of applications begin (section 7.4.2)


async def converse(app: Cruse, entrance: Entrance, ctx: Context, connection: Connection) -> None:
    """Hold one conversation; ``ctx`` is not entered yet."""
    token = _cv.set(ctx)
    try:
        ctx.bridge = app.loop_bridge
        ctx.method, ctx.has_body = "GET", False
        max_size = app.config["WEBSOCKET_MAX_MESSAGE_SIZE"]
        ctx.websocket = websocket = WebSocket(connection, lambda: ctx.request, max_size)
        if ctx.routing_exception is None or entrance.pushes:
            entrance.match(ctx)
        plan = plan_of(ctx)
        if plan.custom:  # own versions of its steps are plain functions, which can't converse
            plan = without(plan, *plan.custom)
        websocket.handshake = partial(_handshake, ctx, plan)
        error: BaseException | None = None
        try:
            response = await _answer(ctx, plan, websocket)
            if response is not None or websocket.closed is None:
                await _close(app, ctx, websocket, response)
        except BaseException as raised:
            error = raised
            if websocket.accepted:
                going = isinstance(raised, CancelledError)
                await websocket.close(GOING_AWAY if going else INTERNAL_ERROR)
            raise
        finally:
            if ends_with_something(ctx, plan):
                await finish(ctx, plan, error)
            connection.release()
            request, environ = ctx.made_request, ctx.environ
            make = partial(app.request_class, environ)  # type: ignore[arg-type]
            websocket.end(make if request is None else lambda: request)
            if request is not None and ctx.keep is None:
                ctx.part(request)
            error = None  # its traceback leads back here: a cycle
    finally:
        _cv.reset(token)


async def _handshake(
    ctx: Context, plan: Plan, fields: Iterable[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return the head of the response that accepts."""
    response_class = ctx.app.response_class
    if not (
        fields
        or plan.after
        or ctx.after_functions
        or ctx.made_session is not None
        or plan.changes != ctx.app.changes.count
        or response_class._own_ways
    ):
        return []
    response = response_class(status=101)
    del response.headers["Content-Type"]
    made: Any = process_response(ctx, plan, response)
    response = cast("Response", await made if type(made) is CoroutineType else made)
    if fields:
        response.headers.extend(list(fields))
    return response.own_head(None, [])


async def _answer(ctx: Context, plan: Plan, websocket: WebSocket) -> Response | None:
    """Return what ended the conversation, or kept it from beginning; ``None`` for a good end."""
    try:
        try:
            value = None
            if plan.preprocessors or plan.before or plan.session_waits:
                value = await preprocess(ctx, plan)  # on a loop it is to be waited for
            if value is None:
                environ: Any = ctx.environ
                trusted = ctx.app.config["WEBSOCKET_ORIGINS"]
                if "HTTP_ORIGIN" in environ and not origin_is_trusted(ctx.request, trusted):
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
        ctx.ends = True
        return await handle_exception(ctx, plan, error)


async def _talk(ctx: Context, plan: Plan, websocket: WebSocket) -> object:
    """Call the view. That the client leaves is an end like any other."""
    websocket.look_after()
    lifecycle = ctx.app.lifecycle
    lifecycle.live[websocket.go_away] = get_running_loop()
    if lifecycle.stopping:
        websocket.go_away()
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
        lifecycle.live.pop(websocket.go_away, None)
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
        await websocket.reject(response, response.head(ctx, app.default_headers))
        response.close()
