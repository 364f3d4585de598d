"""What an HTTP error that no handler answers becomes: a page, or problem details for programs.

Problem details (RFC 9457) are a JSON object with the members ``type``, ``title``, ``status``,
``detail`` and ``instance``, and whatever else an error has to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from cruse.globals import current_context
from cruse.making import response_from
from cruse.prefixes import blueprints_for_errors
from cruse.responses import vary_by

if TYPE_CHECKING:
    from werkzeug.datastructures import MIMEAccept
    from werkzeug.wrappers import Response as WerkzeugResponse

    from cruse.context import Context
    from cruse.responses import Response

__all__ = ["answer_error", "prefers_json", "problem", "wants_problem"]

MIMETYPE = "application/problem+json"
_AS_MADE = {"response": None}  # what an error has that was given nothing
#: The pages of werkzeug's errors that were given nothing but their class's words.
_PAGES: dict[type, bytes] = {}


def problem(status: int, detail: str | None = None, **members: Any) -> Response:
    """Return a response with problem details (RFC 9457).

    Args:
        status: The HTTP status.
        detail: What went wrong this time, for people.
        members: ``type`` (a URI), ``title``, ``instance`` (a URI), and others of your own.
    """
    app = current_context().app
    title = HTTP_STATUS_CODES.get(status, "Unknown Error")
    details: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if detail is not None:
        details["detail"] = detail
    text = app.json.dumps(details | members)
    return app.response_class(f"{text}\n", status, mimetype=MIMETYPE)


def wants_problem() -> bool:
    """Whether errors of the current request are answered with problem details.

    The innermost blueprint that has an ``error_format`` decides, else the setting
    ``ERROR_FORMAT``; for ``"auto"`` the client does.
    """
    ctx = current_context()
    chosen = _format_of(ctx)
    return _asks_for_problem(ctx) if chosen == "auto" else chosen == "problem"


def _asks_for_problem(ctx: Context) -> bool:
    environ: Any = ctx.environ
    sent_json = bool(environ.get("CONTENT_TYPE")) and ctx.request.is_json
    if environ.get("HTTP_ACCEPT", "*/*") == "*/*":  # it takes whatever comes
        return sent_json
    return prefers_json(ctx.request.accept_mimetypes, sent_json)


def prefers_json(accept: MIMEAccept, sent_json: bool) -> bool:
    """Whether a client would rather have JSON than HTML.

    Args:
        accept: Its header ``Accept``.
        sent_json: Whether it sent JSON, which decides when the header does not.
    """
    names = [(kind.partition(";")[0].strip().lower(), quality) for kind, quality in accept]
    # Any JSON will do, also one with parameters or a suffix (application/vnd.api+json), which
    # "Accept" only finds by its full name.
    named = [quality for name, quality in names if name.endswith(("/json", "+json"))]
    json = max(accept["application/json"], accept[MIMETYPE], *named)
    html = accept["text/html"]
    if json != html:
        return bool(json > html)
    # Scripts say "application/json, text/plain, */*": what has a name is meant more.
    names_html = any(name == "text/html" for name, _ in names)
    return sent_json if bool(named) is names_html else bool(named)


def _format_of(ctx: Context) -> str:
    names = () if ctx.route is None else tuple(ctx.request.blueprints)
    for name in blueprints_for_errors(ctx, names):
        blueprint = ctx.app.blueprints.get(name)
        if blueprint is not None and blueprint.error_format is not None:
            return blueprint.error_format
    chosen: str = ctx.app.config.get("ERROR_FORMAT", "auto")
    return chosen


def answer_error(ctx: Context, error: HTTPException) -> WerkzeugResponse:
    """Return the response to an HTTP error of the current request."""
    kind = type(error)
    page = _PAGES.get(kind) if error.__dict__ == _AS_MADE else None
    if (
        kind.get_response is not HTTPException.get_response
        or kind.get_body is not HTTPException.get_body
        or (page is None and (error.response is not None or error.code is None))
    ):
        return error.get_response(ctx.environ)
    app = ctx.app
    nobodys = ctx.route is None and not app.prefix_owners  # no blueprint has a say, as in most
    chosen = app.config.get("ERROR_FORMAT", "auto") if nobodys else _format_of(ctx)
    if chosen != "auto":
        return _problem_of(error, ctx) if chosen == "problem" else _page_of(error, ctx, page)
    # The usual error needs no environ.
    any_will_do = ctx.bridge.on_loop and ctx.transport.takes_anything()
    asks = not any_will_do and _asks_for_problem(ctx)
    response = _problem_of(error, ctx) if asks else _page_of(error, ctx, page)
    vary_by(response, "Accept")  # a cache must not give the one's answer to the other
    return response


def _page_of(error: HTTPException, ctx: Context, page: bytes | None) -> Response:
    """Return an error as a page, with what it says in headers.

    Args:
        error: The error.
        ctx: The context.
        page: The page, if it is known from another such error.
    """
    kind: Any = type(error)
    if page is None:
        page = error.get_body(ctx.environ).encode()
        if error.__dict__ == _AS_MADE and kind.__module__ == HTTPException.__module__:
            _PAGES[kind] = page
    response = response_from(ctx.app.response_class, page, "text/html", error.code)
    if kind.get_headers is not HTTPException.get_headers:
        _add_headers(response, error, ctx.environ)
    return response


def _add_headers(response: Response, error: HTTPException, environ: Any) -> None:
    """Add what an error says in headers (Allow, Retry-After...)."""
    for name, value in error.get_headers(environ):
        if name.lower() not in {"content-type", "content-length"}:
            response.headers.add(name, value)


def _problem_of(error: HTTPException, ctx: Context) -> Response:
    """Return an error as problem details, with what it says in headers (Allow, Retry-After...)."""
    assert error.code is not None  # noqa: S101 - for the type checker; see answer_error
    detail = None if error.description is None else str(error.description)
    members = {"title": error.name, **(getattr(error, "problem", None) or {})}
    members.pop("status", None)  # it is the response's, or the two would contradict each other
    detail = members.pop("detail", detail)
    response = problem(error.code, detail, **members)
    _add_headers(response, error, ctx.environ)
    return response
