"""Work that is written once and done in either colour.

A login reads two or three documents of the provider and calls functions of the application, which
may be plain or async. It is written as a generator that says *what* it needs, a :class:`Fetch` or
a :class:`Call`, and gets the result back from ``yield``. :func:`run` does it in this thread with
the plain HTTP client; :func:`arun` does it on the event loop with the async one. So there is no
second copy of the protocol, and neither side ever waits for the other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from cruse import current_app
from cruse.colors import is_async, is_inline

if TYPE_CHECKING:
    from cruse_auth.http import Http, Reply

__all__ = ["Call", "Fetch", "Steps", "Wait", "arun", "on_event_loop", "perform", "run"]

T = TypeVar("T")


@dataclass(frozen=True)
class Fetch:
    """One HTTP request to a provider; ``yield`` gives the :class:`~cruse_auth.http.Reply`."""

    method: str
    url: str
    # Both may hold secrets: a traceback does not show them.
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    body: str = field(default="", repr=False)


@dataclass(frozen=True)
class Call:
    """A call of the application's function, plain or async; ``yield`` gives what it returns."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Wait:
    """Some seconds in which this work does nothing."""

    seconds: float


Step: TypeAlias = Fetch | Call | Wait
Steps: TypeAlias = Generator[Step, Any, T]


def on_event_loop() -> bool:
    """Whether this thread is running an event loop, so that waiting here would stop it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def perform(steps: Steps[T], http: Http | None = None) -> T | Coroutine[Any, Any, T]:
    """Do the work where we are: at once in a worker's thread, as a coroutine on the loop."""
    return arun(steps, http) if on_event_loop() else run(steps, http)


def run(steps: Steps[T], http: Http | None = None) -> T:
    """Do the work in this thread, to its result.

    Args:
        steps: The work.
        http: The client for what it fetches; ``None`` for work that only calls.
    """
    resume, value = steps.send, None
    try:
        while True:
            step = resume(value)
            try:
                resume, value = steps.send, _do(step, http)
            except Exception as error:
                resume, value = steps.throw, error
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        if http is not None:
            http.close()


async def arun(steps: Steps[T], http: Http | None = None) -> T:
    """Do the work on the event loop, to its result; as :func:`run`."""
    resume, value = steps.send, None
    try:
        while True:
            step = resume(value)
            try:
                resume, value = steps.send, await _ado(step, http)
            except Exception as error:
                resume, value = steps.throw, error
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        if http is not None:
            await http.aclose()


def _do(step: Step, http: Http | None) -> Reply | Any:
    if isinstance(step, Wait):
        time.sleep(step.seconds)
        return None
    if isinstance(step, Call):
        return current_app.ensure_sync(step.function)(*step.arguments)
    return _given(http).fetch(step)


async def _ado(step: Step, http: Http | None) -> Reply | Any:
    if isinstance(step, Wait):
        await asyncio.sleep(step.seconds)
        return None
    if isinstance(step, Call):
        if is_async(step.function):
            return await step.function(*step.arguments)
        if is_inline(step.function):
            return step.function(*step.arguments)
        # A plain function may wait for a database: not on the loop.
        return await asyncio.to_thread(step.function, *step.arguments)
    return await _given(http).afetch(step)


def _given(http: Http | None) -> Http:
    if http is None:
        raise TypeError("Work that fetches needs an HTTP client.")
    return http
