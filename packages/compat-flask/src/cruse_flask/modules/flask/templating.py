"""Templates."""

from cruse.templating import (
    DispatchingJinjaLoader,
    Environment,
    render_template,
    render_template_string,
    stream_template,
    stream_template_string,
)

__all__ = [
    "DispatchingJinjaLoader",
    "Environment",
    "render_template",
    "render_template_string",
    "stream_template",
    "stream_template_string",
]
