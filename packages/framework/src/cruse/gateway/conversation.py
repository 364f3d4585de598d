"""A websocket's way through the pipeline, under ASGI and RSGI alike.

The handshake goes the way of a request: hooks, then the view, errors to their handlers. What a
hook or the view answers before the conversation is accepted rejects it, with that response.
"""

from __future__ import annotations

from asyncio import CancelledError, get_running_loop
from operator import attrgetter
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Protocol

from werkzeug.exceptions import Forbidden
from werkzeug.http import HTTP_STATUS_CODES

from cruse.ending import ends_with_something, finish
from cruse.globals import _enter, _leave
from cruse.pipeline import (
    call_view,
    finalize,
    handle_exception,
    handle_user_exception,
    preprocess,
    process_response,
)
from cruse.plans import plan_of, without
from cruse.websockets import GOING_AWAY, WebSocket, WebSocketDisconnect, origin_is_trusted

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Coroutine, Iterable

    from cruse.app import Cruse
    from cruse.context import Context
    from cruse.environ import LazyEnviron
    from cruse.plans import Entrance, Plan
    from cruse.requests import Request
    from cruse.responses import Response
    from cruse.typing import WSGIEnvironment
    from cruse.websockets import Connection

__all__ = ["converse"]

INTERNAL_ERROR = 1011  # RFC 6455 section 7.4.1
PRIVATE = 4000  # where the close codes of applications begin (section 7.4.2)
_REQUEST = attrgetter("request")  # of a context


class Handshake(Protocol):
    """The handshake as a gateway has it: the transport of a request with no body."""

    #: The loop that it is served on; :func:`converse` sets it.
    loop: AbstractEventLoop
    #: Whether its environ was made.
    has_environ: bool

    def make_environ(self) -> LazyEnviron:
        """Make the environ of the request."""

    def comes_from_program(self) -> bool:
        """Whether it is seen, without an environ, that no page of a browser has sent it."""


async def converse(
    app: Cruse, entrance: Entrance, ctx: Context, handshake: Handshake, connection: Connection
) -> None:
    """Hold one conversation; ``ctx`` is not entered yet."""
    token = _enter(ctx)
    handshake.loop = get_running_loop()
    try:
        ctx.has_body = False
        max_size = app.config["WEBSOCKET_MAX_MESSAGE_SIZE"]
        ctx.websocket = websocket = WebSocket(connection, _REQUEST, max_size, (ctx,))
        if ctx.routing_exception is None or entrance.pushes:
            entrance.match(ctx)
        plan = None if (route := ctx.route) is None else route.plan
        if plan is None or plan.entrance is not entrance:
            plan = plan_of(ctx)
        if plan.has_own:  # own versions of its steps are plain functions, which can't converse
            plan = without(plan, *plan.custom)
        websocket.handshake = _handshake, ctx, plan
        error: BaseException | None = None
        try:
            response = await _answer(ctx, plan, handshake, websocket)
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
            request = ctx.made_request
            environ = ctx.environ if handshake.has_environ else None
            websocket.end(_request_of, app, handshake, environ, request)
            if request is not None and ctx.keep is None:
                ctx.part(request)
            error = None  # its traceback leads back here: a cycle
    finally:
        _leave(token)


def _request_of(
    app: Cruse,
    handshake: Handshake,
    environ: WSGIEnvironment | None,
    request: Request | None,
) -> Request:
    """Return the request of a conversation that has ended, made now if nobody had asked for it."""
    if request is None:
        request = app.request_class(handshake.make_environ() if environ is None else environ)
    return request


def _handshake(
    ctx: Context, plan: Plan, fields: Iterable[tuple[str, str]]
) -> list[tuple[str, str]] | Coroutine[Any, Any, list[tuple[str, str]]]:
    """Return the head of the response that accepts, or what it is to be waited for in."""
    app = ctx.app
    if (
        fields
        or plan.after
        or ctx.after_functions
        or ctx.made_session is not None
        or plan.changes != app.changes.count
        or app.response_class._own_ways
    ):
        return _process_acceptance(ctx, plan, fields)
    return []


async def _process_acceptance(
    ctx: Context, plan: Plan, fields: Iterable[tuple[str, str]]
) -> list[tuple[str, str]]:
    response: Any = ctx.app.response_class(status=101)
    del response.headers["Content-Type"]
    response = process_response(ctx, plan, response)
    if type(response) is CoroutineType:
        response = await response
    if fields:
        response.headers.extend(list(fields))
    return response.own_head(None, [])  # type: ignore[no-any-return]


async def _answer(  # noqa: C901 - as `serve`
    ctx: Context, plan: Plan, handshake: Handshake, websocket: WebSocket
) -> Response | None:
    """Return what ended the conversation, or kept it from beginning; ``None`` for a good end."""
    try:
        value = None
        if plan.preprocessors or plan.before or plan.session_waits:
            value = await preprocess(ctx, plan)  # on a loop it is to be waited for
        if value is None:
            if not (handshake.comes_from_program() or _origin_is_trusted(ctx)):
                raise Forbidden("Pages of another origin may not open this websocket.")
            websocket.look_after(handshake.loop, ctx.app.lifecycle)
            try:
                value = call_view(ctx, plan)
                while type(value) is CoroutineType:
                    value = await value
            except WebSocketDisconnect:  # that the client leaves is an end like any other
                value = None
            except CancelledError:
                if not websocket.gave_up:
                    raise
                value = None
            finally:
                if websocket.release():
                    await websocket.settle()
        if value is None:
            return None
        if websocket.accepted:
            raise TypeError(
                f"The websocket view of {ctx.endpoint!r} returned a value after it had accepted "
                "the conversation. Return nothing, or close it with a code."
            )
    except Exception as error:
        return await _respond(ctx, plan, None, error)
    return await _respond(ctx, plan, value, None)


async def _respond(ctx: Context, plan: Plan, value: Any, error: Exception | None) -> Response:
    """Return the response for what a hook or the view has returned or raised."""
    try:
        if error is not None:
            value = handle_user_exception(ctx, plan, error)
            if type(value) is CoroutineType:
                value = await value
        response: Any = finalize(ctx, plan, value)
        if type(response) is CoroutineType:
            response = await response
        return response  # type: ignore[no-any-return]
    except Exception as raised:
        ctx.error = raised
        ctx.ends = True
        return await handle_exception(ctx, plan, raised)
    finally:
        error = None  # its traceback leads back here: a cycle


def _origin_is_trusted(ctx: Context) -> bool:
    environ: Any = ctx.environ
    trusted = ctx.app.config["WEBSOCKET_ORIGINS"]
    return "HTTP_ORIGIN" not in environ or origin_is_trusted(ctx.request, trusted)


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
