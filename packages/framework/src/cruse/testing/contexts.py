"""Keeps the contexts of a client's last request, so that a test can look into them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cruse.context import Context

__all__ = ["KeptContexts"]


class KeptContexts:
    """Takes over contexts from the gateway and makes them current for the test.

    A gateway that finds :attr:`hand_over` in the environ under ``KEY`` calls it with the context
    of the request, no longer current, instead of tearing it down. The teardown happens here,
    when the context is dropped: before the next request, or at the end of the ``with`` block.
    """

    #: Where a gateway looks for it: in the WSGI environ, or in the ASGI scope.
    KEY = "cruse.preserve_context"

    def __init__(self) -> None:
        #: Whether contexts are to be kept.
        self.enabled = False
        self._handed_over: list[Context] = []
        self._pushed: list[Context] = []

    def hand_over(self, context: Context) -> None:
        """Take a context over. The loop of its request runs no more while the test does."""
        context.bridge = context.app.bridge
        self._handed_over.append(context)

    def push(self) -> None:
        """Make the contexts that were handed over current for the caller."""
        while self._handed_over:
            context = self._handed_over.pop(0)
            context.push()
            self._pushed.append(context)

    def drop(self) -> None:
        """Tear down what is kept, the latest first."""
        self.push()
        while self._pushed:
            context = self._pushed.pop()
            context.pop(context.error)
