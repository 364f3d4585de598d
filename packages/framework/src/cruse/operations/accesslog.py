"""One line for each request, when its response has been sent, as text or as JSON."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from cruse.logging import has_level_handler, wsgi_errors_stream

if TYPE_CHECKING:
    from collections.abc import Generator

    from cruse.app import Cruse
    from cruse.observers import Observation

__all__ = ["install", "mask_query"]

logger = logging.getLogger("cruse.access")
_LONGEST = 1024  # characters of a path or another value from the client
# Names of parameters whose values let somebody in. Codes and states are OAuth's.
_SECRET = re.compile(
    r"secret|passw|pwd|token|key$|signature|^sig$|^code$|^state$|auth|session|credential|jwt|otp",
    re.IGNORECASE,
)


def install(app: Cruse) -> None:
    """Log every request to the logger ``cruse.access``."""
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    if not has_level_handler(logger):
        handler = logging.StreamHandler(wsgi_errors_stream)
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
    app.observers.append(log_request)


def log_request(observation: Observation) -> Generator[None, None, None]:
    """Write the line at the end, whatever the end was."""
    yield
    entry = describe(observation)
    as_json = observation.context.app.config["ACCESS_LOG"] == "json"
    line = _as_json(entry) if as_json else _as_text(entry)
    logger.info("%s", line, extra={"access": entry})


def describe(observation: Observation) -> dict[str, Any]:
    """Return what is known about a request, by names."""
    ctx, error = observation.context, observation.error
    request = ctx.request
    environ = request.environ
    entry = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "method": ctx.method,
        "path": f"{request.root_path}{request.path}"[:_LONGEST],
        "query": mask_query(environ.get("QUERY_STRING", ""))[:_LONGEST],
        "status": observation.status,
        "duration_ms": round(observation.seconds * 1000, 3),
        "bytes": observation.size,
        "complete": observation.complete,
        "client": request.remote_addr,
        "request_id": request.id if ctx.app.config["REQUEST_ID_HEADER"] else None,
        "endpoint": ctx.endpoint,
        "user_agent": environ.get("HTTP_USER_AGENT", "")[:_LONGEST],
        "error": None if error is None else type(error).__name__,
    }
    return {key: value for key, value in entry.items() if value not in (None, "")}


def mask_query(query: str) -> str:
    """Return a query string without the values of parameters that are named like secrets."""
    return "&".join(map(_mask, query.split("&")))


def _mask(parameter: str) -> str:
    name, equals, _ = parameter.partition("=")
    return f"{name}=***" if equals and _SECRET.search(unquote_plus(name)) else parameter


def _as_json(entry: dict[str, Any] | str) -> str:
    """Write an entry as one line of ASCII without control characters, whatever is in it."""
    return json.dumps(entry).replace("\x7f", "\\u007f")


def _as_word(address: str) -> str:
    """Write an address as it is, and in quotes what a server has taken for one unseen."""
    quoted = _as_json(address)
    return address if quoted[1:-1] == address and " " not in address else quoted


def _as_text(entry: dict[str, Any]) -> str:
    path = entry["path"] + (f"?{entry['query']}" if "query" in entry else "")
    request = _as_json(f"{entry['method']} {path}")
    rest = ("endpoint", "request_id", "user_agent", "error")
    words = [
        entry["time"],
        _as_word(entry.get("client", "-")),
        request,
        str(entry.get("status", "-")),
        f"{entry['bytes']}B",
        f"{entry['duration_ms']:.1f}ms",
        *(f"{key}={_as_json(entry[key])}" for key in rest if key in entry),
    ]
    if not entry["complete"]:
        words.append("incomplete")
    return " ".join(words)
