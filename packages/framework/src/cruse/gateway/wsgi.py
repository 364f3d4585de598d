"""WSGI (PEP 3333): a worker thread drives what the pipeline has to wait for, in one go."""

from __future__ import annotations

import sys
from contextvars import copy_context
from functools import partial
from types import GeneratorType
from typing import TYPE_CHECKING, Any, cast

from werkzeug.exceptions import SecurityError
from werkzeug.wrappers.response import Response as WerkzeugResponse

from cruse.bridge import OffLoop, drive_to_end
from cruse.ending import ends_with_something, finish, is_endless, outlives_view
from cruse.globals import _enter
from cruse.hosts import SEEN_HOSTS, refusal
from cruse.pipeline import answer
from cruse.plans import make_entrance, plan_of
from cruse.responses import has_no_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextvars import Context as Variables

    from cruse.app import Cruse
    from cruse.context import Context
    from cruse.lifecycle import Lifecycle
    from cruse.plans import Entrance, Plan
    from cruse.proxies import TrustedProxies
    from cruse.responses import Response
    from cruse.typing import StartResponse, WSGIEnvironment

__all__ = ["serve_wsgi"]

_END: Any = object()
_iter_encoded = WerkzeugResponse.iter_encoded


def serve_wsgi(
    self: Cruse, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Serve a request as WSGI (PEP 3333). Middleware wraps this attribute.

    It runs in a copy of the worker's context variables: nothing that it sets is there for the
    worker's next request.
    """
    app = self  # it is the application's method `wsgi_app`
    if not app.lifecycle.started:
        app.start()
    entrance = app.entrance
    if entrance is None:
        entrance = make_entrance(app)
    if entrance.mounts is not None:
        mounted = entrance.mounts.wsgi(app, environ, start_response)
        if mounted is not None:
            return mounted
    if app.observers:
        from cruse.gateway.observed import observe_wsgi  # here: most have no observers

        return observe_wsgi(_serve, app, entrance, environ, start_response)
    variables = copy_context()
    return variables.run(_serve, app, entrance, environ, start_response, variables)


def _serve(  # noqa: C901 - a call for each step would cost as much as the steps
    app: Cruse,
    entrance: Entrance,
    environ: WSGIEnvironment,
    start_response: StartResponse,
    variables: Variables,
) -> Iterable[bytes]:
    ctx = entrance.make_context(app, environ, None, None)
    _enter(ctx)
    if entrance.proxies is not None:
        _look_behind(entrance.proxies, ctx, environ)
    ctx.method = method = environ["REQUEST_METHOD"]
    if (host := environ.get("HTTP_HOST", "")) not in SEEN_HOSTS:
        ctx.routing_exception = refusal(host) or ctx.routing_exception
    if environ["wsgi.url_scheme"] == "https":
        ctx.tls_host = host
    ctx.path = path = environ.get("PATH_INFO", "")
    if not path.isascii():
        ctx.take_path(path)
    if "cruse.loop" in environ or "cruse.preserve_context" in environ:
        _take_over(ctx, environ)
    if ctx.routing_exception is None or entrance.pushes:
        entrance.match(ctx)
    if app.observers:
        _observe(ctx)
    plan = app.plan_without_route if (route := ctx.route) is None else route.plan
    if plan is None or plan.entrance is not entrance:
        plan = plan_of(ctx)
    # Middleware may look at the request once more, and is told of the response within.
    begin = partial(_start, ctx, start_response) if entrance.wrapped else None
    if (later := answer(ctx, plan, begin)) is not None:
        drive_to_end(later)
    response = ctx.response
    head = None
    if begin is None:
        try:
            fields = entrance.fields
            if fields is None or ctx.tls_host is not None:
                fields = app.security_headers.of(ctx, response)
            head = response.known_head(fields)
            if (sent := head) is None:
                sent, behind = response.own_parts(ctx, fields)
                sent = sent if behind is None else sent + behind
            start_response(response._status, sent)
        except BaseException as error:
            _end(ctx, plan, response, error)
            raise
    if (head is not None or (response.whole and response.only_whole)) and method != "HEAD":
        return response.whole or _begun(_stream(ctx, plan, response, variables.run))
    return _body(ctx, plan, response, variables)


def _observe(ctx: Context) -> None:
    from cruse.observers import Observation

    ctx.observation = Observation(ctx)


def _take_over(ctx: Context, environ: WSGIEnvironment) -> None:
    """Take over what another gateway, or a test client, has put into an environ."""
    ctx.keep = environ.get("cruse.preserve_context")
    ctx.goes_on = ctx.ends = True
    loop = environ.get("cruse.loop")
    if loop is not None:  # this is a thread of an ASGI server
        ctx.bridge = OffLoop(lambda: loop)


def _start(
    ctx: Context, start_response: StartResponse, response: Response, error: Exception | None = None
) -> None:
    """Tell middleware status and headers; again, and others, when there is an error."""
    head = response.head(ctx, ctx.app.security_headers.of(ctx, response))
    if error is None:
        start_response(response.status, head)
    else:
        start_response(response.status, head, sys.exc_info())


def _look_behind(proxies: TrustedProxies, ctx: Context, environ: WSGIEnvironment) -> None:
    try:
        proxies.rewrite_environ(environ)
    except SecurityError as error:
        ctx.routing_exception = error


def _body(ctx: Context, plan: Plan, response: Response, variables: Variables) -> Iterable[bytes]:
    """Return what the server iterates over, of a response that is more than one text."""
    streamed = outlives_view(response)
    if ctx.method == "HEAD" or has_no_body(response._status_code):
        if streamed or response.has_end:
            _end(ctx, plan, response, None)
        return []
    if streamed:
        return _begun(_stream(ctx, plan, response, variables.run))
    if response.direct_passthrough:  # a file: the server may have a faster way than iterating
        file = cast("Iterable[bytes]", response.response)
        return _Closing(file, response.close) if response.to_close else file
    body = list(response.iter_encoded())
    return _Closing(body, response.close) if response.to_close else body


def _begun(stream: Iterator[bytes]) -> Iterator[bytes]:
    """Begin a stream: from here on it ends as it should, also if it is never iterated."""
    next(stream)
    return stream


def _end(ctx: Context, plan: Plan, response: Response, error: BaseException | None) -> None:
    """Close a response and, behind a stream, tear its context down."""
    try:
        response.close()
    finally:
        if ends_with_something(ctx, plan) and outlives_view(response):
            drive_to_end(finish(ctx, plan, error))


class _Closing:
    """A body with something to call when it was sent."""

    def __init__(self, body: Iterable[bytes], close: Callable[[], None]) -> None:
        self.body = body
        self._close: Callable[[], None] | None = close

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.body)

    def close(self) -> None:
        """Call it, once."""
        close, self._close = self._close, None
        if close is not None:
            close()


def _stream(
    ctx: Context, plan: Plan, response: Response, run: Callable[..., Any]
) -> Iterator[bytes]:
    """Make a body piece by piece. Its context lives until the end, an error, or ``close()``.

    Each step runs in the request's own context variables: a stream that the server abandons
    leaves nothing behind on its thread.
    """
    step, end = next, _END  # looked up once, and not for each piece
    try:
        lifecycle = ctx.app.lifecycle if is_endless(response) else None
        chunks: Any = response.response
        if type(chunks) is not GeneratorType or type(response).iter_encoded is not _iter_encoded:
            chunks = _iterator_of(ctx, response, lifecycle)
    except BaseException as error:
        _end(ctx, plan, response, error)  # this is still within the request's variables
        raise
    try:
        yield b""  # see `_begun`
        while lifecycle is None or not lifecycle.stopping:
            if (chunk := run(step, chunks, end)) is end:
                if (
                    chunks is response.response
                    and type(chunks) is GeneratorType  # which has closed itself
                    and not (response._closing or response._own_ways)
                    and not (plan.ends or ctx.ends)
                    and (ctx.made_request is None or not ends_with_something(ctx, plan))
                ):
                    return  # for there is nothing that `_end` would do
                break
            yield chunk.encode() if isinstance(chunk, str) else chunk
    except BaseException as error:
        run(_end, ctx, plan, response, None if isinstance(error, GeneratorExit) else error)
        raise
    run(_end, ctx, plan, response, None)


def _iterator_of(ctx: Context, response: Response, lifecycle: Lifecycle | None) -> Iterator[Any]:
    """Iterate over a body, text or bytes: as it is, unless a subclass has a way to do so."""
    source: Any = response.response
    if hasattr(source, "__anext__"):
        from cruse.loops import iterate_on  # here, as asyncio is: not every one needs a loop

        live = None if lifecycle is None else lifecycle.live
        source = iterate_on(ctx.app.loop_thread.loop, source, live)
        response.call_on_close(source.close)
        response.response = source
    usual = type(response).iter_encoded is _iter_encoded
    return iter(source if usual else response.iter_encoded())
