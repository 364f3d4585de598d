"""The way of a request, written once, as coroutines.

    url preprocessors -> before hooks -> view -> response -> after hooks -> session saved

When everything is of the colour of the side that the pipeline runs on, it never suspends: a WSGI
worker drives it with one ``send(None)``. What is of the other colour goes through the context's
bridge (see :mod:`cruse.bridge`). A step that the application has its own version of, a method
overridden in a subclass or replaced on the instance, is that method called; such an application's
requests run off the loop, in one hop, because those methods are plain functions.
"""

from __future__ import annotations

from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any, cast

from werkzeug.exceptions import (
    BadRequestKeyError,
    ClientDisconnected,
    HTTPException,
    InternalServerError,
    SecurityError,
)
from werkzeug.routing import RoutingException

from cruse.errors import find_handler
from cruse.logging import escape_control
from cruse.plans import as_call, make_plan
from cruse.prefixes import blueprints_for_errors
from cruse.responses import Response
from cruse.signals import (
    appcontext_popped,
    appcontext_tearing_down,
    got_request_exception,
    request_finished,
    request_started,
    request_tearing_down,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from blinker import Signal

    from cruse.context import Context
    from cruse.plans import Call, Plan

    Begin = Callable[..., None]

__all__ = [
    "answer",
    "ends_with_something",
    "finish",
    "outlives_view",
    "plan_of",
    "teardown",
]


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
    return plan


async def answer(ctx: Context, plan: Plan, begin: Begin | None = None) -> None:
    """Answer a request, as ``ctx.response``, and tear its context down, unless that streams.

    The end comes before the response is sent, under every protocol alike, so that an error in it
    can still be answered, and what the request held is free before a slow client has read.

    Args:
        ctx: The context.
        plan: Its plan.
        begin: Told of the response before the context ends, and of another with the error when
            the end fails.
    """
    try:
        try:
            if plan.custom and "full_dispatch_request" in plan.custom:
                response = cast("Response", await own(ctx, plan, "full_dispatch_request"))
            else:
                response = await full_dispatch(ctx, plan)
        except Exception as error:
            response = await handle_failure(ctx, plan, error)
        if plan.completes:
            await complete(ctx, response)
        if begin is not None:
            begin(response)
    except BaseException as error:
        _preserve_for_debugger(ctx)
        await finish(ctx, plan, error)
        raise
    if ends_with_something(ctx, plan) and not outlives_view(response):
        response = await finish_ahead(ctx, plan, response, begin)
    if ctx.keep is None:
        request, unmatched = ctx.made_request, ctx.routing_exception
        if request is not None:
            ctx.part(request)
        if unmatched is not None:
            unmatched.__traceback__ = None  # it leads back to the context
    # Not returned: at the end of a coroutine that a sync gateway drives, that is an exception.
    ctx.response = response


async def finish_ahead(
    ctx: Context, plan: Plan, response: Response, begin: Begin | None
) -> Response:
    """Tear a context down before its response is sent; return the answer when that fails."""
    try:
        await finish(ctx, plan, None)
    except Exception as error:
        if ctx.app.propagates_exceptions:
            raise
        ctx.app.log_exception((type(error), error, error.__traceback__))
        response.close()
        response = ctx.app.make_response(InternalServerError(original_exception=error))
        await complete(ctx, response)
        if begin is not None:
            begin(response, error)
    return response


async def complete(ctx: Context, response: Response) -> None:
    """Let an answer be what settings say of all of them: readable for other sites, compressed."""
    if ctx.app.cors is not None:
        ctx.app.cors.mark(ctx, response)
    if ctx.app.compression is not None:
        await ctx.app.compression.apply(ctx, response)


def outlives_view(response: Response) -> bool:
    """Whether the body is still to be made when the view has returned."""
    return not (response.is_sequence or response.direct_passthrough)


def ends_with_something(ctx: Context, plan: Plan) -> bool:
    """Whether anything is to be done, or to be told of, at the end of a context."""
    if (
        plan.ends
        or ctx.keep is not None
        or ctx.error is not None
        or ctx.teardown_functions
        or request_tearing_down.receivers
        or appcontext_tearing_down.receivers
        or appcontext_popped.receivers
        or plan.changes != ctx.app.changes.count
    ):
        return True
    request = ctx.made_request
    return request is not None and request.holds


async def finish(ctx: Context, plan: Plan, error: BaseException | None) -> None:
    """Tear a context down, or hand it to the test client that wants to look into it."""
    if error is not None or (error := ctx.error) is not None:
        error = None if ctx.app.should_ignore_error(error) else error
    if ctx.keep is not None:
        ctx.error = error
        ctx.keep(ctx)
        return
    if plan.changes != ctx.app.changes.count:  # registered while this request was answered
        plan = plan_of(ctx)
    try:
        if ends_with_something(ctx, plan):
            await teardown(ctx, plan, error)
    finally:
        ctx.error = None  # its traceback leads back here: a cycle that is freed by the collector
        if appcontext_popped.receivers:
            await send(ctx, appcontext_popped)


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
    return await handle_exception(ctx, plan, error)


async def full_dispatch(ctx: Context, plan: Plan) -> Response:
    """Run hooks and view, let error handlers answer for errors, and finish the response."""
    try:
        if request_started.receivers:
            await send(ctx, request_started)
        value = None
        if ctx.method == "OPTIONS" and ctx.app.cors is not None:
            value = ctx.app.cors.preflight(ctx)
        if value is None and (
            plan.preprocessors or plan.before or plan.custom or plan.session_waits
        ):
            value = await preprocess(ctx, plan)
        if value is None:
            value = dispatch(ctx, plan)
            while type(value) is CoroutineType:
                value = await value
    except Exception as error:
        value = handle_user_exception(ctx, plan, error)
        if type(value) is CoroutineType:
            value = await value
    response: Any = finalize(ctx, plan, value)
    if type(response) is CoroutineType:
        response = await response
    return response  # type: ignore[no-any-return]


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


async def preprocess(ctx: Context, plan: Plan) -> Any:
    """Run the URL preprocessors and the before hooks; what one of these returns is the answer."""
    if plan.session_waits and (plan.mixed or ctx.bridge.on_loop):
        await open_session_ahead(ctx)
    if "preprocess_request" in plan.custom:
        return await own(ctx, plan, "preprocess_request")
    for preprocessor in plan.preprocessors:
        preprocessor(ctx.endpoint, ctx.view_args)
    on_loop = ctx.bridge.on_loop
    for before in plan.before:
        if before.is_async is not on_loop:
            value = await call(ctx, before)
        else:  # it is of this side's colour: the usual case has no coroutine around it
            value = await before.function() if on_loop else before.function()
            if type(value) is CoroutineType:
                value = await settled(ctx, value)
        if value is not None:
            return value
    return None


def dispatch(ctx: Context, plan: Plan) -> Any:
    """Call the view and return what it returns; raise what routing raised.

    Where something is to be waited for, that is a coroutine, which can be awaited on this side.
    """
    if plan.custom and "dispatch_request" in plan.custom:
        return own(ctx, plan, "dispatch_request")
    route, view, error = ctx.route, plan.view, ctx.routing_exception
    if route is None or error is not None:
        if error is None or plan.raises or isinstance(error, RoutingException):
            ctx.app.raise_routing_exception(ctx.request)
        raise error  # that would do nothing else, and the request need not be made for it
    if ctx.method == "OPTIONS" and getattr(route.rule, "provide_automatic_options", False):
        return ctx.app.make_default_options_response()
    if view is None:
        raise KeyError(f"The endpoint {route.endpoint!r} has a rule, but no view function.")
    on_loop = ctx.bridge.on_loop
    if (on_loop or view.is_async) and ctx.has_body and not route.stream:
        return _dispatch_with_body(ctx, plan)
    arguments = ctx.view_args
    if view.is_async is not on_loop and not view.inline:
        return _cross(ctx, view, arguments or {})
    result = view.function(**arguments) if arguments else view.function()
    if on_loop:
        return _awaited(result) if view.is_async and type(result) is not CoroutineType else result
    return settled(ctx, result) if type(result) is CoroutineType else result


async def _dispatch_with_body(ctx: Context, plan: Plan) -> Any:
    """Read the body ahead of a view that cannot wait for it."""
    if ctx.bridge.on_loop:
        await ctx.request.load_body()
    else:
        ctx.request.read_body()
    ctx.has_body = False
    value = dispatch(ctx, plan)
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
    if plan.custom and "finalize_request" in plan.custom:
        return own(ctx, plan, "finalize_request", value, from_error_handler)
    response = ctx.app.make_response(value)
    if (
        plan.after
        or ctx.after_functions
        or ctx.made_session is not None
        or plan.custom
        or plan.changes != ctx.app.changes.count
        or request_finished.receivers
        or ctx.behind
    ):
        return _complete(ctx, plan, response, from_error_handler)
    ctx.behind = None
    return response


async def _complete(
    ctx: Context, plan: Plan, response: Response, from_error_handler: bool
) -> Response:
    """Run what comes after a view."""
    try:
        if (
            plan.after
            or ctx.after_functions
            or ctx.made_session is not None
            or plan.custom
            or (plan.changes != ctx.app.changes.count)
        ):
            response = await process_response(ctx, plan, response)
        if request_finished.receivers:
            await send(ctx, request_finished, response=response)
    except Exception:
        if not from_error_handler:
            raise
        ctx.app.logger.exception("Request finalizing failed with an error while handling an error")
    behind, ctx.behind = ctx.behind, None
    if behind and response.status_code < 500:  # what a failed request has left is not acted on
        for begin in behind:
            response.call_on_close(begin)
    return response


async def process_response(ctx: Context, plan: Plan, response: Response) -> Response:
    """Run the after hooks, this request's own first, and save the session."""
    if "process_response" in plan.custom:
        return as_response(ctx, await own(ctx, plan, "process_response", response))
    done = 0
    while done < len(ctx.after_functions):  # one may register another
        response = await call(ctx, as_call(ctx.after_functions[done]), response)
        done += 1
    # Views of some extensions append to `after_request_funcs`, and mean this very response.
    current = plan if plan.changes == ctx.app.changes.count else plan_of(ctx)
    on_loop = ctx.bridge.on_loop
    for after in current.after:
        if after.is_async is not on_loop:
            response = await call(ctx, after, response)
        else:
            made: Any = after.function(response)
            made = await made if on_loop else made
            response = await settled(ctx, made) if type(made) is CoroutineType else made
    if type(response) is not ctx.app.response_class:
        response = as_response(ctx, response)
    if ctx.made_session is not None:
        response = await save_session(ctx, plan, response)
    return response


def as_response(ctx: Context, value: Any) -> Response:
    """Return what the after hooks made of a response, as a response.

    Raises:
        TypeError: When one of them returned nothing.
    """
    if isinstance(value, Response):
        return value
    if value is None:
        raise TypeError(
            "An after hook ('after_request', 'after_this_request') or 'process_response' returned "
            "None. It has to return the response to send: the one that it got, or another."
        )
    return ctx.app.make_response(value)


async def open_session_ahead(ctx: Context) -> None:
    """Open the session where views cannot wait for it; a failure is for those that touch it."""
    interface = ctx.app.session_interface
    if not ctx.session_opened and interface.opens_ahead(ctx.app, ctx.request):
        try:
            session = await interface.open(ctx.app, ctx.request, ctx.bridge)
        except HTTPException as error:
            ctx.session_error = error
        else:
            ctx.session = interface.make_null_session(ctx.app) if session is None else session


async def save_session(ctx: Context, plan: Plan, response: Response) -> Response:
    """Save the session. When that fails, the answer to the failure does not try again."""
    interface, session = ctx.app.session_interface, ctx.session
    if ctx.session_failed or interface.is_null_session(session):
        return response
    ctx.session_failed = True
    try:
        await interface.save(ctx.app, session, response, ctx.bridge)
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
    if plan.custom and "handle_http_exception" in plan.custom:
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
    if plan.custom and "handle_user_exception" in plan.custom:
        return own(ctx, plan, "handle_user_exception", error)
    app = ctx.app
    if isinstance(error, BadRequestKeyError) and (
        app.debug or app.config["TRAP_BAD_REQUEST_ERRORS"]
    ):
        error.show_exception = True
    if isinstance(error, HTTPException) and not app.trap_http_exception(error):
        return handle_http_exception(ctx, plan, error)
    return _answer(ctx, plan, error, None)


def _answer(ctx: Context, plan: Plan, error: Exception, fallback: Any) -> Any:
    """Return what the registered handler answers, or the fallback, or raise the error."""
    app = ctx.app
    spec, blueprints = app.error_handler_spec, plan.blueprints
    if ctx.route is None and app.prefix_owners:
        blueprints = blueprints_for_errors(ctx, blueprints)
    handler = find_handler(spec, error, blueprints) if spec else None
    if handler is None:
        if fallback is None:
            raise error
        return fallback
    return call(ctx, as_call(handler), error)


async def handle_exception(ctx: Context, plan: Plan, error: Exception) -> Response:
    """Answer an error that nothing handled with a 500, or raise it where a debugger waits."""
    if "handle_exception" in plan.custom:
        return cast("Response", await own(ctx, plan, "handle_exception", error))
    app = ctx.app
    if got_request_exception.receivers:
        await send(ctx, got_request_exception, exception=error)
    if app.propagates_exceptions:
        raise error
    app.log_exception((type(error), error, error.__traceback__))
    failure = InternalServerError(original_exception=error)
    answer: Any = _answer(ctx, plan, failure, failure)
    if type(answer) is CoroutineType:
        answer = await answer
    response: Any = finalize(ctx, plan, answer, from_error_handler=True)
    if type(response) is CoroutineType:
        response = await response
    return response  # type: ignore[no-any-return]


# -- the end --


async def teardown(ctx: Context, plan: Plan, exc: BaseException | None) -> None:
    """Run everything that runs at the end of a context, once.

    All functions run. Their errors are raised together, in one group for the request's and one
    for the application's.
    """
    if ctx.torn_down:
        return
    ctx.torn_down = True
    groups: list[BaseException] = []
    if ctx.has_request:
        functions = plan.teardown_request
        errors = (
            await run_all(ctx, plan, "do_teardown_request", functions, exc) if plan.ends else []
        )
        if request_tearing_down.receivers:
            errors += await _collect(send(ctx, request_tearing_down, exc=exc))
        if ctx.request_made:
            ctx.request.close()
        if errors:
            groups.append(BaseExceptionGroup("Errors during request teardown", errors))
    errors = []
    while ctx.teardown_functions:
        *others, latest = ctx.teardown_functions
        ctx.teardown_functions = tuple(others)
        errors += await _collect(call(ctx, as_call(latest), exc))
    functions = plan.teardown_appcontext
    errors += (
        await run_all(ctx, plan, "do_teardown_appcontext", functions, exc) if plan.ends else []
    )
    if appcontext_tearing_down.receivers:
        errors += await _collect(send(ctx, appcontext_tearing_down, exc=exc))
    if errors:
        groups.append(BaseExceptionGroup("Errors during app teardown", errors))
    if groups:
        group = BaseExceptionGroup("Errors during context teardown", groups)
        stop = _not_an_error(group)
        raise group if stop is None else stop from group


def _not_an_error(group: BaseExceptionGroup[BaseException]) -> BaseException | None:
    """Return what ends the task or the process (a cancellation, an interrupt), if that came.

    It must not be hidden in a group: those that wait for it would not know it again.
    """
    for error in group.exceptions:
        stop = _not_an_error(error) if isinstance(error, BaseExceptionGroup) else error
        if stop is not None and not isinstance(stop, Exception):
            return stop
    return None


async def run_all(
    ctx: Context, plan: Plan, step: str, calls: tuple[Call, ...], exc: BaseException | None
) -> list[BaseException]:
    if step in plan.custom:
        return await _collect(call(ctx, as_call(plan.custom[step]), exc))
    errors: list[BaseException] = []
    for function in calls:
        errors += await _collect(call(ctx, function, exc))
    return errors


async def _collect(awaitable: Any) -> list[BaseException]:
    try:
        await awaitable
    except BaseException as error:
        return [error]
    return []


async def send(ctx: Context, signal: Signal, **arguments: Any) -> None:
    """Send a signal with the application as sender; receivers may be of either colour."""
    app = ctx.app
    for receiver in signal.receivers_for(app):
        await call(ctx, as_call(partial(receiver, app, **arguments)))
