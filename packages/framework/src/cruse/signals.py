"""The signals an application sends, with the application object (never a proxy) as sender.

A receiver may be a coroutine function; the pipeline sends through blinker's ``_async_wrapper``.
"""

from __future__ import annotations

from blinker import Namespace

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

_signals = Namespace()

#: Sent with ``template`` and ``context`` after a template was rendered.
template_rendered = _signals.signal("template-rendered")
#: Sent with ``template`` and ``context`` before a template is rendered.
before_render_template = _signals.signal("before-render-template")
#: Sent when a request's context is there and its hooks have not run yet.
request_started = _signals.signal("request-started")
#: Sent with ``response`` after the last hook that may change it.
request_finished = _signals.signal("request-finished")
#: Sent with ``exc`` when a request is torn down, also after errors.
request_tearing_down = _signals.signal("request-tearing-down")
#: Sent with ``exception`` when nothing handled it and a 500 answer follows.
got_request_exception = _signals.signal("got-request-exception")
#: Sent with ``exc`` when an application context is torn down.
appcontext_tearing_down = _signals.signal("appcontext-tearing-down")
#: Sent when a context became current.
appcontext_pushed = _signals.signal("appcontext-pushed")
#: Sent when a context is no longer current.
appcontext_popped = _signals.signal("appcontext-popped")
#: Sent with ``message`` and ``category`` when a message was flashed.
message_flashed = _signals.signal("message-flashed")
