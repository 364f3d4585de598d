"""An event loop for a synchronous test client, and an ASGI application driven on it."""

from __future__ import annotations

import asyncio
import threading
import weakref
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, TypeVar

from cruse.gateway.exchange import Body, Exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from _typeshed.wsgi import StartResponse, WSGIEnvironment


__all__ = ["AsgiOnLoop"]

T = TypeVar("T")


class AsgiOnLoop:
    """Calls an ASGI application as if it were a WSGI one.

    The loop is made at the first request, runs while one is answered, and is closed with this
    object. What the application started on it (tasks, connection pools) goes on with the next
    request.

    Args:
        app: The ASGI application.
    """

    def __init__(self, app: Callable[..., Any]) -> None:
        self.app = app
        self._runner: asyncio.Runner | None = None
        self._finalizer: weakref.finalize[Any, AsgiOnLoop] | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Body:
        """Answer a request; the body's pieces are taken from the application as they are read."""
        return Body.of(Exchange(self.app, environ), self.run, start_response)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, with the context variables of the caller.

        Raises:
            RuntimeError: When a loop is running in this thread already.
        """
        if _loop_is_running():
            coroutine.close()
            raise RuntimeError(
                "This test client needs an event loop of its own, and one is running here. "
                "In async code use 'app.async_test_client()'."
            )
        if self._runner is None:
            # With a factory the runner leaves the thread's current event loop alone. And the loop
            # keeps the context variables it is made with, so it is made without any.
            self._runner = asyncio.Runner(
                loop_factory=lambda: Context().run(asyncio.new_event_loop)
            )
            # Holds the runner, so that the loop is closed before it is collected.
            self._finalizer = weakref.finalize(self, _close, self._runner)
        return self._runner.run(coroutine, context=copy_context())

    def close(self) -> None:
        """Cancel what is left on the loop and close it; the next request makes another one."""
        if self._finalizer is not None:
            self._finalizer()
        self._runner = self._finalizer = None


def _loop_is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _close(runner: asyncio.Runner) -> None:
    if not _loop_is_running():
        runner.close()
        return
    # The client was collected while another loop runs in this thread.
    thread = threading.Thread(target=runner.close)
    thread.start()
    thread.join()
