"""JSON as the current application writes and reads it.

The functions go through ``current_app.json`` when an application is current, and through a default
provider when none is, so that a library may use them in either case.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from cruse.globals import _cv, current_app
from cruse.json.provider import DefaultJSONProvider, JSONProvider

if TYPE_CHECKING:
    from cruse.responses import Response

__all__ = ["dump", "dumps", "jsonify", "load", "loads"]

_default_provider = DefaultJSONProvider(None)
_default_provider.sort_keys = False  # without an application, nobody asked for it


def _provider() -> JSONProvider:
    context = _cv.get(None)
    return _default_provider if context is None else context.app.json


def dumps(obj: Any, **kwargs: Any) -> str:
    """Return ``obj`` as JSON text; the options are those of :func:`json.dumps`."""
    return _provider().dumps(obj, **kwargs)


def dump(obj: Any, fp: IO[str], **kwargs: Any) -> None:
    """Write ``obj`` as JSON text to a file that is open for text."""
    _provider().dump(obj, fp, **kwargs)


def loads(s: str | bytes, **kwargs: Any) -> Any:
    """Read JSON text, or bytes in UTF-8, UTF-16 or UTF-32.

    Raises:
        ValueError: When it is no JSON, or nested too deeply.
    """
    return _provider().loads(s, **kwargs)


def load(fp: IO[str] | IO[bytes], **kwargs: Any) -> Any:
    """Read JSON from an open file; see :func:`loads`."""
    return _provider().load(fp, **kwargs)


def jsonify(*args: Any, **kwargs: Any) -> Response:
    """Make a response of one value, of a list of the arguments, or of the keyword arguments.

    A view may as well return a dictionary or a list.

    Raises:
        RuntimeError: Outside of an application context.
        TypeError: When there are both positional and keyword arguments.
    """
    return current_app.json.response(*args, **kwargs)
