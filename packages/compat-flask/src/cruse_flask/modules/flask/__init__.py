"""What ``import flask`` gives: the names of Flask 3.1, which are Cruse's."""

import warnings
from importlib import import_module
from typing import Any

from cruse import (
    Blueprint,
    Request,
    Response,
    abort,
    after_this_request,
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    before_render_template,
    copy_current_request_context,
    current_app,
    flash,
    g,
    get_flashed_messages,
    get_template_attribute,
    got_request_exception,
    has_app_context,
    has_request_context,
    jsonify,
    make_response,
    message_flashed,
    render_template,
    render_template_string,
    request,
    request_finished,
    request_started,
    request_tearing_down,
    send_file,
    send_from_directory,
    session,
    stream_template,
    stream_template_string,
    stream_with_context,
    template_rendered,
    url_for,
)
from cruse_flask.application import (
    Config,
    Flask,
    redirect,
)
from cruse_flask.borrowed import provide
from cruse_flask.finder import FLASK_VERSION

__all__ = [
    "Blueprint",
    "Config",
    "Flask",
    "Request",
    "Response",
    "abort",
    "after_this_request",
    "appcontext_popped",
    "appcontext_pushed",
    "appcontext_tearing_down",
    "before_render_template",
    "copy_current_request_context",
    "current_app",
    "flash",
    "g",
    "get_flashed_messages",
    "get_template_attribute",
    "got_request_exception",
    "has_app_context",
    "has_request_context",
    "json",
    "jsonify",
    "make_response",
    "message_flashed",
    "redirect",
    "render_template",
    "render_template_string",
    "request",
    "request_finished",
    "request_started",
    "request_tearing_down",
    "send_file",
    "send_from_directory",
    "session",
    "stream_template",
    "stream_template_string",
    "stream_with_context",
    "template_rendered",
    "url_for",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        warnings.warn(
            "'__version__' is deprecated: ask importlib.metadata.version('flask').",
            DeprecationWarning,
            stacklevel=2,
        )
        return FLASK_VERSION
    return provide(__name__, name)


# As there: these can be used after "import flask" alone.
for _name in (
    "app",
    "blueprints",
    "cli",
    "config",
    "ctx",
    "debughelpers",
    "globals",
    "helpers",
    "json",
    "logging",
    "sansio",
    "sessions",
    "signals",
    "templating",
    "typing",
    "wrappers",
):
    import_module(f"flask.{_name}")
