"""Names that Flask had before 3.1: where somebody asks for one, the error says what to write now.

Old applications meet them on their way here, and Python alone would say that there is no such
name, or propose another one that means something else.
"""

from __future__ import annotations

import sys
import warnings
from opcode import opmap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["GONE_MODULES", "JSON_ADVICE", "Gone", "Ignored", "missing"]

_STACKS = (
    "Flask 3.0 dropped it. Use the proxies (current_app, g, request, session), or app_ctx and "
    "request_ctx of flask.globals; has_app_context() and has_request_context() tell whether there "
    "is one."
)
JSON_ADVICE = (
    "Flask 2.3 dropped it. Give the provider a function for what JSON does not have: "
    "app.json.default = function. An encoder of json.JSONEncoder has one: MyEncoder().default."
)
_MARKUP = "Flask 3.0 dropped it: from markupsafe import {}"
_NO_EXT = "Flask 1.0 dropped 'flask.ext': flask.ext.login is the module flask_login."
_CACHED = "Flask 3.0 dropped it: from functools import cached_property"
_BLINKER = "Flask 3.0 dropped it: there are always signals."

_GONE = {
    "flask": {
        "JSONEncoder": JSON_ADVICE,
        "JSONDecoder": JSON_ADVICE,
        "Markup": _MARKUP.format("Markup"),
        "_app_ctx_stack": _STACKS,
        "_request_ctx_stack": _STACKS,
        "escape": _MARKUP.format("escape"),
        "ext": _NO_EXT,
        "safe_join": "Flask 2.1 dropped it: from werkzeug.utils import safe_join",
        "signals_available": _BLINKER,
    },
    "flask.globals": {"_app_ctx_stack": _STACKS, "_request_ctx_stack": _STACKS},
    "flask.helpers": {
        "get_env": "Flask 2.3 dropped it, and FLASK_ENV: FLASK_DEBUG=1 switches debug mode on.",
        "locked_cached_property": _CACHED,
        "safe_join": "Flask 2.1 dropped it: from werkzeug.utils import safe_join",
    },
    "flask.json": {"JSONEncoder": JSON_ADVICE, "JSONDecoder": JSON_ADVICE},
    "flask.signals": {"signals_available": _BLINKER},
    "flask.views": {
        "MethodViewType": "Flask 2.2 dropped it: views have no metaclass of their own any more."
    },
}
#: Modules, with what took their place.
GONE_MODULES = {
    "flask._compat": "Flask 2.0 dropped it: Python 2 is no more.",
    "flask.ext": _NO_EXT,
    "flask.scaffold": "Flask 3.0 moved it: from flask.sansio.scaffold import ...",
}


def missing(module: str, name: str) -> Exception:
    """Return the error for a name that a module does not have; its ``__getattr__`` asks for it.

    ``from flask import Markup`` gets an ImportError with the advice, for Python puts a text of its
    own in the place of an AttributeError's. Everybody else gets an AttributeError: ``hasattr`` is
    how extensions ask what there is.
    """
    advice = _GONE.get(module, {}).get(name)
    if advice is None:
        return AttributeError(f"module {module!r} has no attribute {name!r}")
    error = ImportError if _imports(sys._getframe(3)) else AttributeError
    return error(f"{module}.{name} is gone. {advice}")


def _imports(frame: FrameType) -> bool:
    """Whether a frame is at the ``name`` of a ``from module import name``."""
    return frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]


class Gone:
    """An attribute that a class had. Who reads it gets an AttributeError with the advice.

    Args:
        advice: What dropped it, and what to write now.
    """

    def __init__(self, advice: str) -> None:
        self.advice = advice

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @property
    def message(self) -> str:
        """What is told."""
        return f"{self.name!r} is gone. {self.advice}"

    def __get__(self, instance: object, owner: type) -> Any:
        # With a name and an object of its own, or Python would propose names that are alike.
        raise AttributeError(self.message, name=self.name, obj=None)


class Ignored(Gone):
    """An attribute that old programs set, and that nothing reads any more: setting it warns."""

    def __get__(self, instance: object, owner: type) -> Any:
        if instance is not None and self.name in vars(instance):
            return vars(instance)[self.name]
        return super().__get__(instance, owner)

    def __set__(self, instance: object, value: Any) -> None:
        self.warn(stacklevel=3)
        vars(instance)[self.name] = value

    def warn(self, stacklevel: int) -> None:
        """Warn of one who has set it."""
        warnings.warn(self.message, stacklevel=stacklevel + 1)
