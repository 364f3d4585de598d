"""The signals an application sends, with the application object (never a proxy) as sender.

A receiver may be a coroutine function; the pipeline sends through blinker's ``_async_wrapper``.
"""

from __future__ import annotations

from typing import Any

from blinker import ANY, NamedSignal, Namespace

from cruse.registry import note_everywhere

__all__ = [
    "Namespace",
    "appcontext_popped",
    "appcontext_pushed",
    "appcontext_tearing_down",
    "before_render_template",
    "got_request_exception",
    "message_flashed",
    "request_finished",
    "request_started",
    "request_tearing_down",
    "template_rendered",
]


class _OfRequests(NamedSignal):
    """A signal that is sent with every request: whether anybody listens is in the plans."""

    def connect(self, receiver: Any, sender: Any = ANY, weak: bool = True) -> Any:
        """Let a function receive it; see blinker."""
        connected = super().connect(receiver, sender, weak)
        note_everywhere()
        return connected

    def disconnect(self, receiver: Any, sender: Any = ANY) -> None:
        """Let a function receive it no more; see blinker."""
        super().disconnect(receiver, sender)
        note_everywhere()


def _of_requests(name: str) -> NamedSignal:
    return _signals.setdefault(name, _OfRequests(name))


_signals = Namespace()

#: Sent with ``template`` and ``context`` after a template was rendered.
template_rendered = _signals.signal("template-rendered")
#: Sent with ``template`` and ``context`` before a template is rendered.
before_render_template = _signals.signal("before-render-template")
#: Sent when a request's context is there and its hooks have not run yet.
request_started = _of_requests("request-started")
#: Sent with ``response`` after the last hook that may change it.
request_finished = _of_requests("request-finished")
#: Sent with ``exc`` when a request is torn down, also after errors.
request_tearing_down = _of_requests("request-tearing-down")
#: Sent with ``exception`` when nothing handled it and a 500 answer follows.
got_request_exception = _signals.signal("got-request-exception")
#: Sent with ``exc`` when an application context is torn down.
appcontext_tearing_down = _of_requests("appcontext-tearing-down")
#: Sent when a context became current.
appcontext_pushed = _of_requests("appcontext-pushed")
#: Sent when a context is no longer current.
appcontext_popped = _of_requests("appcontext-popped")
#: Sent with ``message`` and ``category`` when a message was flashed.
message_flashed = _signals.signal("message-flashed")
