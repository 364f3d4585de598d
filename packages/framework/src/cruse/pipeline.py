"""The way of a request, written once.

    url preprocessors -> before hooks -> view -> response -> after hooks -> session saved

A step is a coroutine, or returns one where there is something to be waited for. When everything
is of the colour of the side that the pipeline runs on, it never suspends: a WSGI worker drives
what there is in one go. What is of the other colour goes through the context's bridge (see
:mod:`cruse.bridge`). A step that the application has its own version of, a method overridden in a
subclass or replaced on the instance, is that method called; such an application's requests run off
the loop, in one hop, because those methods are plain functions.
"""

from __future__ import annotations

from itertools import chain
from types import CoroutineType
from typing import TYPE_CHECKING, Any, cast

from werkzeug.exceptions import (
    BadRequestKeyError,
    ClientDisconnected,
    HTTPException,
    SecurityError,
)
from werkzeug.routing import RoutingException

from cruse.answers import as_response
from cruse.beforehand import preprocess
from cruse.calling import call, own, send, settled
from cruse.ending import ends_with_something, finish, outlives_view
from cruse.errors import find_handler
from cruse.logging import escape_control
from cruse.matching import refuse
from cruse.plans import as_call, plan_of
from cruse.signals import got_request_exception, request_finished, request_started

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from cruse.context import Context
    from cruse.plans import Call, Plan
    from cruse.responses import Response
    from cruse.sessions import SessionMixin

    Begin = Callable[..., None]

__all__ = [
    "answer",
    "call_view",
    "conclude",
    "dispatch",
    "enter",
    "finalize",
    "full_dispatch",
    "handle_exception",
    "handle_http_exception",
    "handle_user_exception",
    "preprocess",
    "process_response",
    "raising",
]


def answer(
    ctx: Context, plan: Plan, begin: Begin | None = None
) -> Coroutine[Any, Any, None] | None:
    """Answer a request, as ``ctx.response``, and tear its context down, unless that streams.

    Args:
        ctx: The context.
        plan: Its plan.
        begin: Told of the response before the context ends, and of another with the error when
            the end fails.

    Returns:
        What is still to be waited for: most plain views have nothing of that kind.
    """
    if plan.has_own:  # all of it is waited for
        if "full_dispatch_request" in plan.custom:
            return _answer_later(ctx, plan, None, own(ctx, plan, "full_dispatch_request"), begin)
        return _answer_later(ctx, plan, enter(ctx, plan), None, begin)
    return conclude(ctx, plan, enter(ctx, plan), begin)


def conclude(
    ctx: Context, plan: Plan, value: Any, begin: Begin | None = None
) -> Coroutine[Any, Any, None] | None:
    """Answer a request with what :func:`enter` returned, and do what follows; see :func:`answer`.

    For applications with no version of their own of any step.

    The end comes before the response is sent, under every protocol alike, so that an error in it
    can still be answered, and what the request held is free before a slow client has read.
    """
    if type(value) is CoroutineType:
        return _answer_later(ctx, plan, value, None, begin)
    later: object = begin
    response: Any
    try:
        response = ctx.app.make_response(value)
        if plan.goes_on or ctx.goes_on:  # most have neither: one look for all that may be
            if plan.follows or ctx.after_functions or ctx.made_session is not None:
                response = _follow(ctx, plan, response)
            later = (
                later
                or plan.completes
                or plan.ends
                or ctx.ends  # as in `ends_with_something`
                or ctx.behind
                or type(response) is CoroutineType
            )
    except BaseException as error:
        later, response = True, raising(error)
    request = ctx.made_request
    if later or (request is not None and request.holds):
        return _answer_later(ctx, plan, None, response, begin)
    if request is not None and ctx.keep is None:  # as in `_let_go`
        ctx.part(request)
    if (unmatched := ctx.routing_exception) is not None and ctx.keep is None:
        unmatched.__traceback__ = unmatched.__context__ = None
    ctx.response = response
    return None


async def _answer_later(  # noqa: C901 - a call for each step would cost as much as the steps
    ctx: Context, plan: Plan, value: Any, response: Any, begin: Begin | None
) -> None:
    """Wait for the view's value, or for a response, and do what follows it."""
    try:
        try:
            if response is None:  # as in `full_dispatch`: a call would cost as much as all else
                try:
                    while type(value) is CoroutineType:
                        value = await value
                except Exception as error:
                    value = handle_user_exception(ctx, plan, error)
                    if type(value) is CoroutineType:
                        value = await value
                response = finalize(ctx, plan, value)
                value = None  # an error may be its own answer, and came by this frame
            if type(response) is CoroutineType:
                response = await response
        except Exception as error:
            response = await handle_failure(ctx, plan, error)
        if plan.completes or begin is not None:
            await complete(ctx, response, begin)
    except BaseException as error:
        _preserve_for_debugger(ctx)
        await finish(ctx, plan, error)
        raise
    if ends_with_something(ctx, plan) and not outlives_view(response):
        response = await finish_ahead(ctx, plan, response, begin)
    if ctx.behind:
        hand_over(ctx, response)
    if ctx.made_request is not None or ctx.routing_exception is not None:
        _let_go(ctx)
    # Not returned: at the end of a coroutine that a sync gateway drives, that is an exception.
    ctx.response = response


async def raising(error: BaseException) -> None:
    """Raise an error once more, where there is something to be waited for within ``except``."""
    try:
        raise error
    finally:
        del error  # its traceback leads here: a cycle that is freed by the collector


def _let_go(ctx: Context) -> None:
    """Cut what would keep a context, and all that it holds, until the collector comes."""
    request, unmatched = ctx.made_request, ctx.routing_exception
    if request is not None and ctx.keep is None:
        ctx.part(request)
    if unmatched is not None and ctx.keep is None:
        # They lead back to the context, as does that of what werkzeug raised before a redirect.
        unmatched.__traceback__ = unmatched.__context__ = None


async def finish_ahead(
    ctx: Context, plan: Plan, response: Response, begin: Begin | None
) -> Response:
    """Tear a context down before its response is sent; return the answer when that fails."""
    ctx.response = response  # what is added to it now comes too late
    try:
        await finish(ctx, plan, None)
    except Exception as error:
        if ctx.app.propagates_exceptions:
            raise
        from cruse.extension import failure_of  # here: as in `handle_exception`

        response.close()
        response = ctx.app.make_response(failure_of(ctx.app, error))
        await complete(ctx, response, begin, error)
    return response


async def complete(ctx: Context, response: Response, begin: Begin | None, *error: Any) -> None:
    """Let an answer be what settings say of all of them: readable for other sites, compressed.

    What is to ``begin`` with it is told, of an error as well.
    """
    if ctx.app.cors is not None:
        ctx.app.cors.mark(ctx, response)
    if ctx.app.compression is not None:
        await ctx.app.compression.apply(ctx, response)
    if begin is not None:
        begin(response, *error)


def hand_over(ctx: Context, response: Response) -> None:
    """Let what is to begin behind a response wait for its end, once."""
    behind, ctx.behind = ctx.behind, None
    if response.status_code < 500:  # what a failed one has left is not acted on
        for start in behind or ():
            response.call_on_close(start)


def _preserve_for_debugger(ctx: Context) -> None:
    """Let werkzeug's debugger have the context, for the expressions typed into its page."""
    environ = ctx.environ
    if environ is not None and "werkzeug.debug.preserve_context" in environ:
        environ["werkzeug.debug.preserve_context"](ctx)


async def handle_failure(ctx: Context, plan: Plan, error: Exception) -> Response:
    """Answer what no handler did; only ``BaseException`` leaves (and errors to debug)."""
    if type(error) is SecurityError and not ctx.app.trap_http_exception(error):
        # The request was refused for its host, and a handler or an after hook asked for it.
        return ctx.app.make_response(error)
    ctx.error = error  # answered by a 500, but the teardown functions are told
    ctx.ends = True
    return await handle_exception(ctx, plan, error)


def enter(ctx: Context, plan: Plan) -> Any:
    """Run hooks and view and return the value; let error handlers answer for errors.

    Where something is to be waited for, the result is a coroutine, whose errors are still to be
    answered. It raises none itself.
    """
    try:
        if plan.begins or ctx.method == "OPTIONS":
            if request_started.receivers or ctx.method == "OPTIONS":
                return _announce(ctx, plan)
            value = preprocess(ctx, plan, call_view)
            if value is not None:
                return value
        return call_view(ctx, plan)
    except BaseException as error:
        # Handlers are called where the error is; without any, an HTTP error is its own answer.
        if isinstance(error, HTTPException) and not (plan.has_own or ctx.app.error_handler_spec):
            try:
                return handle_user_exception(ctx, plan, error)
            except HTTPException:  # trapped: an error like any other
                return raising(error)
        return raising(error)


async def full_dispatch(ctx: Context, plan: Plan) -> Response:
    """Run hooks and view, let error handlers answer for errors, and finish the response."""
    value = enter(ctx, plan)
    try:
        while type(value) is CoroutineType:
            value = await value
    except Exception as error:
        value = handle_user_exception(ctx, plan, error)
        if type(value) is CoroutineType:
            value = await value
    response: Any = finalize(ctx, plan, value)
    if type(response) is CoroutineType:
        response = await response
    hand_over(ctx, response)  # here, for who calls it in a context of their own
    return response  # type: ignore[no-any-return]


async def _announce(ctx: Context, plan: Plan) -> Any:
    """Tell of the request, let it be one of another site's, and go the usual way."""
    if request_started.receivers:
        await send(ctx, request_started)
    value = None
    if ctx.method == "OPTIONS" and ctx.app.cors is not None:
        value = ctx.app.cors.preflight(ctx)
    if value is None and plan.begins:
        value = preprocess(ctx, plan)
        if type(value) is CoroutineType:
            value = await value
    return dispatch(ctx, plan) if value is None else value


def dispatch(ctx: Context, plan: Plan) -> Any:
    """Answer what asks for the methods of a URL by itself, if its route lets it; or as below."""
    if (
        ctx.method == "OPTIONS"
        and (route := ctx.route) is not None
        and ctx.routing_exception is None
        and "dispatch_request" not in plan.custom
        and getattr(route.rule, "provide_automatic_options", False)
    ):
        return ctx.app.make_default_options_response()
    return call_view(ctx, plan)


def call_view(ctx: Context, plan: Plan) -> Any:
    """Call the view and return what it returns; raise or return what routing raised.

    Where something is to be waited for, that is a coroutine, which can be awaited on this side.
    """
    view: Any = plan.view
    if not plan.direct or ctx.routing_exception is not None:
        if "dispatch_request" in plan.custom:
            return own(ctx, plan, "dispatch_request")
        route, error = ctx.route, ctx.routing_exception
        if route is None or error is not None:
            return refuse(ctx, plan, error)
        if view is None:
            raise KeyError(f"The endpoint {route.endpoint!r} has a rule, but no view function.")
    on_loop = ctx.bridge.on_loop
    if ctx.has_body is not False and (on_loop or view.is_async) and not plan.streams:
        return _dispatch_with_body(ctx, plan)
    if view.is_async is not on_loop and not view.inline:
        return _cross(ctx, view, ctx.view_args or {})
    arguments = ctx.view_args
    if not arguments:
        result = view.function()
    elif len(arguments) == 1 and (name := view.parameter) in arguments:
        result = view.function(arguments[name])  # as below, at half of the cost
    else:
        result = view.function(**arguments)
    if type(result) is CoroutineType:
        return result if on_loop else settled(ctx, result)
    return _awaited(result) if on_loop and view.is_async else result


async def _dispatch_with_body(ctx: Context, plan: Plan) -> Any:
    """Read the body ahead of a view that cannot wait for it."""
    if ctx.has_body or ctx.look_for_body():
        if not ctx.bridge.on_loop:
            ctx.request.read_body()
        elif not (length := ctx.length_at_once()):
            await ctx.request.load_body()
        else:  # most come in one piece, and no request has to be made to take that
            body = await ctx.transport.next_chunk()
            if ctx.transport.is_whole(ctx, body, length):
                ctx.body = body
            else:
                await ctx.request.load_body()
    ctx.has_body = False
    value = call_view(ctx, plan)
    while type(value) is CoroutineType:
        value = await value
    return value


async def _cross(ctx: Context, view: Call, arguments: dict[str, Any]) -> Any:
    return await settled(ctx, await ctx.bridge.cross(view.function, **arguments))


async def _awaited(awaitable: Any) -> Any:
    """Await what an async function returned that is no coroutine of Python's own (Cython's)."""
    return await awaitable


def finalize(
    ctx: Context, plan: Plan, value: Any, from_error_handler: bool = False
) -> Response | Coroutine[Any, Any, Response]:
    """Make a response of a view's value and run what comes after it, if there is anything.

    Where there is, the result is a coroutine.

    Args:
        ctx: The context.
        plan: Its plan.
        value: What a view or error handler returned.
        from_error_handler: Log errors of the after hooks instead of raising them.
    """
    if plan.has_own and "finalize_request" in plan.custom:
        return own(ctx, plan, "finalize_request", value, from_error_handler)
    response = ctx.app.make_response(value)
    if plan.follows or ctx.after_functions or ctx.made_session is not None:
        return _follow(ctx, plan, response, from_error_handler)
    return response


def _follow(
    ctx: Context, plan: Plan, response: Response, from_error_handler: bool = False
) -> Response | Coroutine[Any, Any, Response]:
    """Run what comes after a response."""
    if from_error_handler or request_finished.receivers:
        return _complete(ctx, plan, response, from_error_handler)
    return process_response(ctx, plan, response)


async def _complete(
    ctx: Context, plan: Plan, response: Response, from_error_handler: bool
) -> Response:
    """Run what comes after a view or an error handler, and tell of the end."""
    try:
        made: Any = process_response(ctx, plan, response)
        response = await made if type(made) is CoroutineType else made
        if request_finished.receivers:
            await send(ctx, request_finished, response=response)
    except Exception:
        if not from_error_handler:
            raise
        ctx.app.logger.exception("Request finalizing failed with an error while handling an error")
    return response


def process_response(
    ctx: Context, plan: Plan, response: Response
) -> Response | Coroutine[Any, Any, Response]:
    """Run the after hooks, this request's own first, and save the session.

    Where something is to be waited for, the result is a coroutine.
    """
    if plan.has_own or ctx.after_functions or plan.changes != ctx.app.changes.count:
        return _process_response(ctx, plan, response)
    if ctx.bridge.on_loop and plan.after:
        return _run_after(ctx, plan, plan.after, response)
    hooks = iter(plan.after)
    for after in hooks:
        if after.is_async:
            return _run_after(ctx, plan, chain((after,), hooks), response)
        made = after.function(response)
        if type(made) is CoroutineType:
            return _run_after(ctx, plan, hooks, settled(ctx, made))
        response = made
    if type(response) is not ctx.app.response_class:
        response = as_response(ctx, response)
    return response if ctx.made_session is None else save_session(ctx, plan, response)


async def _process_response(ctx: Context, plan: Plan, response: Response) -> Response:
    """Ask the application's own version, or run this request's hooks before the registered."""
    if "process_response" in plan.custom:
        return as_response(ctx, await own(ctx, plan, "process_response", response))
    done = 0
    while done < len(ctx.after_functions):  # one may register another
        response = await call(ctx, as_call(ctx.after_functions[done]), response)
        done += 1
    # Views of some extensions append to `after_request_funcs`, and mean this very response.
    current = plan if plan.changes == ctx.app.changes.count else plan_of(ctx)
    return await _run_after(ctx, plan, current.after, response)


async def _run_after(ctx: Context, plan: Plan, hooks: Iterable[Call], response: Any) -> Response:
    """Run after hooks, some of which are waited for, as may be the response; save the session."""
    if type(response) is CoroutineType:
        response = await response
    on_loop = ctx.bridge.on_loop
    for after in hooks:
        if after.is_async is not on_loop:
            response = await call(ctx, after, response)
        else:
            response = after.function(response)
            if on_loop:
                response = await response
            if type(response) is CoroutineType:
                response = await settled(ctx, response)
    if type(response) is not ctx.app.response_class:
        response = as_response(ctx, response)
    if ctx.made_session is not None:
        saved: Any = save_session(ctx, plan, response)
        response = await saved if type(saved) is CoroutineType else saved
    return response  # type: ignore[no-any-return]


def save_session(
    ctx: Context, plan: Plan, response: Response
) -> Response | Coroutine[Any, Any, Response]:
    """Save the session. When that fails, the answer to the failure does not try again.

    Where something is to be waited for, the result is a coroutine.
    """
    interface, session = ctx.app.session_interface, cast("SessionMixin", ctx.made_session)
    if ctx.session_failed or interface.is_null_session(session):
        return response
    try:
        saving: Any = interface.save(ctx.app, session, response, ctx.bridge)
    except BaseException as error:
        ctx.session_failed = True
        if not isinstance(error, HTTPException):
            raise
        saving = raising(error)
    if type(saving) is not CoroutineType:
        return response
    ctx.session_failed = True  # until it is saved
    return _save_session(ctx, plan, response, saving)


async def _save_session(ctx: Context, plan: Plan, response: Response, saving: Any) -> Response:
    """Wait until the session is saved, or answer why it can't be."""
    try:
        await saving
    except HTTPException as error:
        response.close()
        answer: Any = handle_user_exception(ctx, plan, error)
        if type(answer) is CoroutineType:
            answer = await answer
        return ctx.app.make_response(answer)
    ctx.session_failed = False
    return response


# -- errors: what these return is a coroutine where something is to be waited for --


def handle_http_exception(ctx: Context, plan: Plan, error: HTTPException) -> Any:
    """Return the handler's answer to an HTTP error, or the error itself, which is an answer."""
    if plan.has_own and "handle_http_exception" in plan.custom:
        return own(ctx, plan, "handle_http_exception", error)
    if error.code is None or isinstance(error, RoutingException):
        return error  # redirects that routing raised are no errors to handle
    if isinstance(error, ClientDisconnected):
        ctx.app.logger.debug(
            "The client left within its request: %s %s", ctx.method, escape_control(ctx.path)
        )
    return _answer(ctx, plan, error, error)


def handle_user_exception(ctx: Context, plan: Plan, error: Exception) -> Any:
    """Return the answer to an error of a view or hook, or raise it again when there is none."""
    if plan.has_own and "handle_user_exception" in plan.custom:
        return own(ctx, plan, "handle_user_exception", error)
    app = ctx.app
    if isinstance(error, BadRequestKeyError) and (
        app.debug or app.config["TRAP_BAD_REQUEST_ERRORS"]
    ):
        error.show_exception = True
    if isinstance(error, HTTPException) and not app.trap_http_exception(error):
        return handle_http_exception(ctx, plan, error)
    try:
        return _answer(ctx, plan, error, None)
    finally:
        del error  # a cycle, as in `raising`


def _answer(ctx: Context, plan: Plan, error: Exception, fallback: Any) -> Any:
    """Return what the registered handler answers, or the fallback, or raise the error."""
    app = ctx.app
    spec, blueprints = app.error_handler_spec, plan.blueprints
    if ctx.route is None and app.prefix_owners:
        from cruse.prefixes import blueprints_for_errors  # here: most have no owners of prefixes

        blueprints = blueprints_for_errors(ctx, blueprints)
    handler = find_handler(spec, error, blueprints) if spec else None
    if handler is None:
        if fallback is not None:
            return fallback
        try:
            raise error
        finally:
            del error  # a cycle, as in `raising`
    return call(ctx, as_call(handler), error)


async def handle_exception(ctx: Context, plan: Plan, error: Exception) -> Response:
    """Answer an error that nothing handled with a 500, or raise it where a debugger waits.

    With a 503 when an extension knows it as a sign that something is away.
    """
    if "handle_exception" in plan.custom:
        return cast("Response", await own(ctx, plan, "handle_exception", error))
    app = ctx.app
    if got_request_exception.receivers:
        await send(ctx, got_request_exception, exception=error)
    if app.propagates_exceptions:
        raise error
    from cruse.extension import failure_of  # here: not every application has extensions

    failure = failure_of(app, error)
    answer: Any = _answer(ctx, plan, failure, failure)
    if type(answer) is CoroutineType:
        answer = await answer
    response: Any = finalize(ctx, plan, answer, from_error_handler=True)
    if type(response) is CoroutineType:
        response = await response
    return response  # type: ignore[no-any-return]
