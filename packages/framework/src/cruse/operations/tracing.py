"""A span of OpenTelemetry for each request, by its semantic conventions for HTTP servers (1.23+).

https://opentelemetry.io/docs/specs/semconv/http/http-spans/
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from cruse.operations.accesslog import mask_query
from cruse.signals import got_request_exception

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from opentelemetry.trace import Span

    from cruse.app import Cruse
    from cruse.context import Context
    from cruse.observers import Observation

__all__ = ["install"]

_METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "QUERY"}
)


def install(app: Cruse) -> None:
    """Let every request be a span, the child of the one that its headers name.

    Raises:
        RuntimeError: When OpenTelemetry is not installed.
    """
    try:
        from opentelemetry import trace
    except ImportError:
        raise RuntimeError(
            "The setting 'OPENTELEMETRY' is on, but 'opentelemetry-api' is not installed. Install "
            "'opentelemetry-sdk' and set a tracer provider up, or switch the setting off."
        ) from None
    chosen = app.config["OPENTELEMETRY"]
    provider = None if chosen is True else chosen  # the one that is set for the whole process
    tracer = trace.get_tracer("cruse", version("cruse"), provider)
    app.observers.insert(0, _make_observer(tracer))
    got_request_exception.connect(record_exception, app)


def record_exception(app: Cruse, exception: Exception) -> None:
    """Write down with the span what nothing has handled."""
    from opentelemetry import trace

    trace.get_current_span().record_exception(exception)


def _make_observer(tracer: Any) -> Any:
    from opentelemetry import context, propagate, trace
    from opentelemetry.trace import SpanKind

    def trace_request(observation: Observation) -> Generator[None, None, None]:
        ctx = observation.context
        parent = propagate.extract(dict(_header_fields(ctx)))
        method = ctx.method if ctx.method in _METHODS else "HTTP"
        route = None if ctx.url_rule is None else ctx.url_rule.rule
        span = tracer.start_span(
            f"{method} {route}" if route else method,
            context=parent,
            kind=SpanKind.SERVER,
            attributes=_attributes(ctx, route),
        )
        token = context.attach(trace.set_span_in_context(span, parent))
        try:
            yield
            _finish(span, observation)
        finally:
            context.detach(token)
            span.end()

    return trace_request


def _header_fields(ctx: Context) -> Iterator[tuple[str, str]]:
    for key, value in ctx.request.environ.items():
        if key.startswith("HTTP_"):
            yield key[5:].replace("_", "-").lower(), value


def _attributes(ctx: Context, route: str | None) -> dict[str, str | int]:
    request = ctx.request
    environ = request.environ
    found: dict[str, Any] = {
        "http.request.method": ctx.method if ctx.method in _METHODS else "_OTHER",
        "http.request.method_original": None if ctx.method in _METHODS else ctx.method,
        "http.route": route,
        "url.scheme": request.scheme,
        "url.path": f"{request.root_path}{request.path}",
        "url.query": mask_query(environ.get("QUERY_STRING", "")),
        "server.address": environ.get("SERVER_NAME"),
        "network.protocol.version": environ.get("SERVER_PROTOCOL", "").removeprefix("HTTP/"),
        "client.address": request.remote_addr,
        "user_agent.original": environ.get("HTTP_USER_AGENT"),
    }
    return {key: value for key, value in found.items() if value}


def _finish(span: Span, observation: Observation) -> None:
    from opentelemetry.trace import Status, StatusCode

    status, error = observation.status, observation.error
    if status is not None:
        span.set_attribute("http.response.status_code", status)
    if error is not None:
        span.set_attribute("error.type", type(error).__qualname__)
        span.set_status(Status(StatusCode.ERROR))
    elif status is None or status >= 500:
        span.set_attribute("error.type", str(status))
        span.set_status(Status(StatusCode.ERROR))
