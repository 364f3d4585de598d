"""The header Server-Timing (W3C): browsers show what it says beside the time of the network."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from cruse.colors import inline
from cruse.globals import current_context
from cruse.signals import before_render_template, template_rendered

if TYPE_CHECKING:
    from cruse.app import Cruse
    from cruse.responses import Response

__all__ = ["install"]

_STARTED, _TEMPLATES = "cruse.timing.started", "cruse.timing.templates"


def install(app: Cruse) -> None:
    """Measure from the first hook to the last, and the rendering of templates within."""
    app.before_request_funcs[None].insert(0, start)
    app.after_request_funcs[None].insert(0, add_header)  # these run from the last to the first
    before_render_template.connect(template_begins, app)
    template_rendered.connect(template_ends, app)


@inline
def start() -> None:
    """Note when a request came."""
    current_context().extras[_STARTED] = perf_counter()


@inline
def add_header(response: Response) -> Response:
    """Say how long it took, in milliseconds."""
    extras = current_context().extras
    times = {"total": perf_counter() - extras.get(_STARTED, perf_counter())}
    if extras.get(_TEMPLATES, 0.0) > 0:  # below: one has failed, or still streams
        times["templates"] = extras[_TEMPLATES]
    value = ", ".join(f"{name};dur={seconds * 1000:.1f}" for name, seconds in times.items())
    response.headers.add("Server-Timing", value)
    return response


def template_begins(app: Cruse, **extra: Any) -> None:
    """Count the time from here as a template's. One within another counts twice."""
    extras = current_context().extras
    extras[_TEMPLATES] = extras.get(_TEMPLATES, 0.0) - perf_counter()


def template_ends(app: Cruse, **extra: Any) -> None:
    """Count it up to here."""
    extras = current_context().extras
    extras[_TEMPLATES] = extras.get(_TEMPLATES, 0.0) + perf_counter()
