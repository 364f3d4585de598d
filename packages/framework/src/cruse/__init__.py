"""Cruse: a micro web framework. One application object is WSGI, ASGI and RSGI.

The names here are imported when they are first used, so that ``import cruse`` stays light: no
template engine, no command line, no debugger until somebody asks for one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from cruse import json as json
    from cruse import signals as signals
    from cruse.app import Cruse as Cruse
    from cruse.blueprints import Blueprint as Blueprint
    from cruse.colors import inline as inline
    from cruse.config import Config as Config
    from cruse.context import after_this_request as after_this_request
    from cruse.context import copy_current_request_context as copy_current_request_context
    from cruse.cors import CORSPolicy as CORSPolicy
    from cruse.early_hints import send_early_hints as send_early_hints
    from cruse.extension import Extension as Extension
    from cruse.extension import ExtensionState as ExtensionState
    from cruse.files import send_file as send_file
    from cruse.files import send_from_directory as send_from_directory
    from cruse.flashing import flash as flash
    from cruse.flashing import get_flashed_messages as get_flashed_messages
    from cruse.globals import app_ctx as app_ctx
    from cruse.globals import current_app as current_app
    from cruse.globals import g as g
    from cruse.globals import get_app as get_app
    from cruse.globals import has_app_context as has_app_context
    from cruse.globals import has_request_context as has_request_context
    from cruse.globals import request as request
    from cruse.globals import session as session
    from cruse.globals import websocket as websocket
    from cruse.json import jsonify as jsonify
    from cruse.redirects import is_safe_url as is_safe_url
    from cruse.redirects import safe_redirect as safe_redirect
    from cruse.requests import Request as Request
    from cruse.responses import Response as Response
    from cruse.security import csp_nonce as csp_nonce
    from cruse.shortcuts import abort as abort
    from cruse.shortcuts import make_response as make_response
    from cruse.shortcuts import redirect as redirect
    from cruse.shortcuts import stream_with_context as stream_with_context
    from cruse.signals import appcontext_popped as appcontext_popped
    from cruse.signals import appcontext_pushed as appcontext_pushed
    from cruse.signals import appcontext_tearing_down as appcontext_tearing_down
    from cruse.signals import before_render_template as before_render_template
    from cruse.signals import got_request_exception as got_request_exception
    from cruse.signals import message_flashed as message_flashed
    from cruse.signals import request_finished as request_finished
    from cruse.signals import request_started as request_started
    from cruse.signals import request_tearing_down as request_tearing_down
    from cruse.signals import template_rendered as template_rendered
    from cruse.sse import Event as Event
    from cruse.sse import EventStream as EventStream
    from cruse.templating import get_template_attribute as get_template_attribute
    from cruse.templating import render_block as render_block
    from cruse.templating import render_htmx as render_htmx
    from cruse.templating import render_template as render_template
    from cruse.templating import render_template_string as render_template_string
    from cruse.templating import stream_block as stream_block
    from cruse.templating import stream_template as stream_template
    from cruse.templating import stream_template_string as stream_template_string
    from cruse.urls import url_for as url_for
    from cruse.websockets import WebSocket as WebSocket
    from cruse.websockets import WebSocketDisconnect as WebSocketDisconnect

_MODULES = {
    "cruse.app": "Cruse",
    "cruse.blueprints": "Blueprint",
    "cruse.config": "Config",
    "cruse.context": "after_this_request copy_current_request_context",
    "cruse.cors": "CORSPolicy",
    "cruse.early_hints": "send_early_hints",
    "cruse.extension": "Extension ExtensionState",
    "cruse.files": "send_file send_from_directory",
    "cruse.flashing": "flash get_flashed_messages",
    "cruse.globals": (
        "app_ctx current_app g get_app has_app_context has_request_context request session "
        "websocket"
    ),
    "cruse.colors": "inline",
    "cruse.json": "jsonify",
    "cruse.redirects": "is_safe_url safe_redirect",
    "cruse.requests": "Request",
    "cruse.responses": "Response",
    "cruse.security": "csp_nonce",
    "cruse.shortcuts": "abort make_response redirect stream_with_context",
    "cruse.signals": (
        "appcontext_popped appcontext_pushed appcontext_tearing_down before_render_template "
        "got_request_exception message_flashed request_finished request_started "
        "request_tearing_down template_rendered"
    ),
    "cruse.sse": "Event EventStream",
    "cruse.templating": (
        "get_template_attribute render_block render_htmx render_template render_template_string "
        "stream_block stream_template stream_template_string"
    ),
    "cruse.urls": "url_for",
    "cruse.websockets": "WebSocket WebSocketDisconnect",
}
_names = globals()  # the submodule cruse.globals will hide the function of that name
_HOME = {name: module for module, names in _MODULES.items() for name in names.split()}
__all__ = sorted([*_HOME, "json", "signals"])


def __getattr__(name: str) -> Any:
    if name in ("json", "signals"):
        return import_module(f"cruse.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'cruse' has no attribute {name!r}")
    for package in ("werkzeug", "werkzeug.wrappers"):
        import_module("cruse.light").put_off(package)
    value = getattr(import_module(_HOME[name]), name)
    _names[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*_names, *__all__})
