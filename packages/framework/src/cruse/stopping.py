"""The signals that end a server, heard beside its own handlers.

A server that is told to stop waits for open connections, and announces the end to applications
(ASGI's ``lifespan.shutdown``, RSGI's ``__rsgi_del__``, the exit of a process) behind that. Event
streams and websockets would have it wait for ever: they learn of the end last. The signal itself
is there in time.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from cruse.lifecycle import Lifecycle

__all__ = ["listen", "signals"]

_STOPS = (signal.SIGTERM, signal.SIGINT)


class _Signals:
    """Tells the applications of this process of the signals, and the server's handlers after."""

    def __init__(self) -> None:
        self._lifecycles: WeakSet[Lifecycle] = WeakSet()
        #: By signal: the handler that was there, and ours in front of it.
        self._handlers: dict[int, tuple[Any, Any]] = {}

    def join(self, lifecycle: Lifecycle) -> None:
        """Tell an application from now on, where a server handles the signals.

        Where nobody handles SIGTERM it ends the process at once: there is no time to be told in,
        and nothing is changed for a program, a test or a notebook. Nor is it for a server in
        another thread than the main one, where signals arrive and handlers are set.
        """
        if not _in_main_thread() or not callable(signal.getsignal(signal.SIGTERM)):
            return
        self._lifecycles.add(lifecycle)
        for number in _STOPS:
            theirs = signal.getsignal(number)
            if callable(theirs) and theirs is not self._handlers.get(number, (None, None))[1]:
                ours = self._in_front_of(theirs)
                self._handlers[number] = theirs, ours
                # asyncio's own come by way of a file, whatever function stands here.
                signal.signal(number, ours)

    def leave(self, lifecycle: Lifecycle) -> None:
        """Tell it no more; when it was the last one, the handlers are what they were."""
        self._lifecycles.discard(lifecycle)
        if self._lifecycles or not _in_main_thread():
            return
        for number, (theirs, ours) in self._handlers.items():
            if signal.getsignal(number) is ours:
                signal.signal(number, theirs)
        self._handlers = {}

    def _in_front_of(self, handler: Callable[[int, Any], object]) -> Callable[[int, Any], None]:
        pid = os.getpid()

        def hear(number: int, frame: Any) -> None:
            try:
                if os.getpid() == pid:  # a child has its own server, or none
                    for lifecycle in list(self._lifecycles):
                        lifecycle.end_live()
            finally:
                handler(number, frame)

        return hear


def listen(lifecycle: Lifecycle) -> None:
    """Tell an application of the signals in a process whose server sets its handlers later.

    By the file that Python writes their numbers to, whoever handles them; in the main thread, and
    where nobody else uses it (asyncio does).
    """
    if not _in_main_thread():  # granian has threads for workers where there is no GIL
        return
    from socket import socketpair  # here, as no other start needs it

    reading, writing = socketpair()
    writing.setblocking(False)
    signal.set_wakeup_fd(writing.detach(), warn_on_full_buffer=False)

    def hear() -> None:
        while number := reading.recv(1):
            if number[0] in _STOPS:
                lifecycle.end_live()

    threading.Thread(target=hear, name="signals", daemon=True).start()


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


signals = _Signals()
