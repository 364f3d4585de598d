"""The end of a context: teardown functions, signals, and whether there is anything to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cruse.calling import call, send
from cruse.plans import as_call, plan_of
from cruse.responses import EVENTS, STREAMS
from cruse.signals import appcontext_popped, appcontext_tearing_down, request_tearing_down

if TYPE_CHECKING:
    from cruse.context import Context
    from cruse.plans import Call, Plan
    from cruse.responses import Response

__all__ = ["ends_with_something", "finish", "is_endless", "outlives_view", "run_all", "teardown"]


def outlives_view(response: Response) -> bool:
    """Whether the body is still to be made when the view has returned."""
    if response.direct_passthrough:
        return False
    return type(response.response) in STREAMS or not response.is_sequence


def is_endless(response: Response) -> bool:
    """Whether a stream goes on until somebody leaves: events, whose clients come back then."""
    if (response._mimetype or response.default_mimetype) == EVENTS:
        return True
    made = response._headers
    if made is None or isinstance(made, list):  # they are not made for this
        return False
    return made.get("Content-Type", "").partition(";")[0] == EVENTS


def ends_with_something(ctx: Context, plan: Plan) -> bool:
    """Whether anything is to be done, or to be told of, at the end of a context."""
    if plan.ends or ctx.ends:
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
    """Run teardown functions, or the application's own ``step``; return all their errors."""
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
