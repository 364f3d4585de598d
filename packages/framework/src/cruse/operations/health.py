"""Two addresses for whoever watches over processes: is it alive, and is it ready for requests?

Neither is behind the application's hooks: a hook that needs the database must not make a process
look dead when it is the database that is gone, for then all processes would be restarted at once.
"""

from __future__ import annotations

import asyncio
from functools import partial
from inspect import iscoroutine
from typing import TYPE_CHECKING, Any

from cruse.bridge import OffLoop
from cruse.colors import inline, is_async
from cruse.extension import Extension
from cruse.globals import current_context
from cruse.stored_sessions import StoredSessionInterface

if TYPE_CHECKING:
    from collections.abc import Callable

    from cruse.app import Cruse
    from cruse.responses import Response

__all__ = ["READY", "install"]

#: The endpoint of the address that asks the extensions.
READY = "health-ready"


def install(app: Cruse) -> None:
    """Add the rules for the paths that are set.

    Raises:
        TypeError: When ``HEALTH_TIMEOUT`` is no number.
        ValueError: When a path does not begin with a slash.
    """
    timeout = app.config["HEALTH_TIMEOUT"]
    if not isinstance(timeout, int | float):
        raise TypeError(f"The setting 'HEALTH_TIMEOUT' must be seconds, not {timeout!r}.")
    anywhere: dict[str, Any] = {"host": "<_host>"} if app.url_map.host_matching else {}
    views: tuple[tuple[str, Callable[..., Any]], ...] = (("live", live), ("ready", _make_ready()))
    for name, view in views:
        path = app.config[f"HEALTH_{name.upper()}_PATH"]
        if path:
            if not str(path).startswith("/"):
                raise ValueError(
                    f"The setting 'HEALTH_{name.upper()}_PATH' must begin with '/', not {path!r}."
                )
            app.add_url_rule(path, f"health-{name}", view, hooks=False, **anywhere)


@inline
def live(**host: str) -> Response:
    """Say that this process answers requests; nothing else is looked at."""
    return _answer(200, {"status": "ok"})


def _answer(status: int, report: dict[str, Any]) -> Response:
    response = current_context().app.json.response(report)
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response


def _make_ready() -> Callable[..., Any]:
    running: dict[str, asyncio.Task[Exception | None]] = {}

    async def ready(**host: str) -> Response:
        """Say whether this process can do its work: it has started, and all it needs is well.

        What is not, is said, but not why: that is in the log.
        """
        app = current_context().app
        checks = await _run_checks(app, running)
        # Asked afterwards: it may have been told to stop meanwhile.
        well = app.lifecycle.started and all(result == "ok" for result in checks.values())
        report = {"status": "ok" if well else "unavailable", "checks": checks}
        return _answer(200 if well else 503, report)

    return ready


async def _run_checks(
    app: Cruse, running: dict[str, asyncio.Task[Exception | None]]
) -> dict[str, str]:
    """Run all checks at once; return "ok", "failed" or "late" by their names.

    One that is late is left to end by itself: a thread cannot be stopped. The next probes wait for
    it instead of adding a thread each to those that hang.
    """
    loop = asyncio.get_running_loop()
    checks = _find_checks(app)
    for name, check in checks.items():
        if name not in running or running[name].done():
            running[name] = loop.create_task(_check(app, check))
    # Under WSGI and ASGI at the same time there are two loops; each waits for its own.
    waiting = [running[name] for name in checks if running[name].get_loop() is loop]
    if waiting:
        await asyncio.wait(waiting, timeout=app.config["HEALTH_TIMEOUT"])
    return {name: _result(app, name, running[name]) for name in checks}


def _find_checks(app: Cruse) -> dict[str, Callable[[], Any]]:
    """Whom to ask: a store of sessions that is elsewhere, and the extensions that have a check."""
    checks: dict[str, Callable[[], Any]] = {}
    interface = app.session_interface
    if isinstance(interface, StoredSessionInterface) and interface.waits:
        checks["sessions"] = partial(interface.store.get, interface.get_key(app, ""))
    for name, state in app.extensions.items():
        extension = getattr(state, "extension", None)
        if isinstance(extension, Extension) and extension.overrides("health"):
            checks[name] = partial(extension.health, state)
    return checks


def _result(app: Cruse, name: str, task: asyncio.Task[Exception | None]) -> str:
    if not task.done() or task.cancelled():
        app.logger.warning("The health check of %r did not end in time.", name)
        return "late"
    error = task.result()
    if error is None:
        return "ok"
    app.logger.warning("The health check of %r failed.", name, exc_info=error)
    return "failed"


async def _check(app: Cruse, check: Callable[[], Any]) -> Exception | None:
    """Ask one of them, in an application context of its own; return what went wrong."""
    try:
        if is_async(check):
            async with app.app_context():
                await check()
        else:
            loop = asyncio.get_running_loop()
            result = await app.pool.run(_in_thread, app, loop, check)
            if iscoroutine(result):
                await result
    except Exception as error:
        return error
    return None


def _in_thread(app: Cruse, loop: asyncio.AbstractEventLoop, function: Callable[[], Any]) -> Any:
    context = app.app_context()
    context.bridge = OffLoop(lambda: loop)
    with context:
        return function()
