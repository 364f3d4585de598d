"""Answers to errors: a page for people, problem details (RFC 9457) for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException, default_exceptions

from cruse import Response, render_template, request
from cruse.problems import problem, wants_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cruse import Cruse

__all__ = ["init_app"]

#: What people read. Others get the error's own description.
TEXTS: Mapping[int, tuple[str, str]] = {
    400: ("That request made no sense", "Something in it was cut off or could not be read."),
    401: ("Please sign in", "Only people who are signed in can do this."),
    403: ("That is not yours", "You are not allowed to do this."),
    404: ("Nothing hangs here", "There is no such page. Perhaps the photo was taken down."),
    405: ("That does not work here", "This page cannot be used in that way."),
    413: ("Too big for the wall", "A photo may have up to 10 MB. Try a smaller copy."),
    415: ("Not a picture we know", "The wall takes JPEG, PNG and WebP pictures."),
    422: ("Something is missing", "What was sent is not complete, or not valid."),
    500: ("We dropped something", "This is our fault, not yours. Please try again in a while."),
}


def init_app(app: Cruse) -> None:
    """Let all errors of an application be answered here."""
    app.register_error_handler(HTTPException, answer)


def answer(error: HTTPException) -> Response:
    """Answer an HTTP error in the form that fits the client."""
    code = error.code or 500
    details = str(error.description or "")
    response = problem(code, details) if wants_problem() else page(error, code)
    response.vary.add("Accept")
    # What the error itself has to say: Allow, WWW-Authenticate, Retry-After.
    for name, value in error.get_headers(request.environ):
        if name.lower() not in ("content-type", "content-length"):
            response.headers.add(name, value)
    return response


def page(error: HTTPException, code: int) -> Response:
    """Return an error's page."""
    title, text = TEXTS.get(code, (error.name, error.description or ""))
    standard = default_exceptions.get(code)
    if code < 500 and standard is not None and error.description != standard.description:
        text = str(error.description)  # a view or an extension knows better than we do
    html = render_template("error.html", code=code, title=title, text=text)
    return Response(html, code)
