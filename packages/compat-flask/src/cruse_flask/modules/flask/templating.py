"""Templates."""

from typing import Any

from cruse.templating import (
    DispatchingJinjaLoader,
    Environment,
    render_template,
    render_template_string,
    stream_template,
    stream_template_string,
)
from cruse_flask.borrowed import provide

__all__ = [
    "DispatchingJinjaLoader",
    "Environment",
    "render_template",
    "render_template_string",
    "stream_template",
    "stream_template_string",
]


def __getattr__(name: str) -> Any:
    return provide(__name__, name)
