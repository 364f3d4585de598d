"""Functions for views."""

from typing import Any

from cruse.files import (
    send_file,
    send_from_directory,
)
from cruse.flashing import (
    flash,
    get_flashed_messages,
)
from cruse.globals import (
    current_app,
    request,
    session,
)
from cruse.scaffold import (
    find_root_path as get_root_path,
)
from cruse.shortcuts import (
    abort,
    make_response,
    stream_with_context,
)
from cruse.signals import (
    message_flashed,
)
from cruse.templating import (
    get_template_attribute,
)
from cruse.urls import (
    url_for,
)
from cruse_flask.application import (
    redirect,
)
from cruse_flask.borrowed import provide
from cruse_flask.environment import (
    get_debug_flag,
    get_load_dotenv,
)

__all__ = [
    "abort",
    "current_app",
    "flash",
    "get_debug_flag",
    "get_flashed_messages",
    "get_load_dotenv",
    "get_root_path",
    "get_template_attribute",
    "make_response",
    "message_flashed",
    "redirect",
    "request",
    "send_file",
    "send_from_directory",
    "session",
    "stream_with_context",
    "url_for",
]


def __getattr__(name: str) -> Any:
    return provide(__name__, name)
