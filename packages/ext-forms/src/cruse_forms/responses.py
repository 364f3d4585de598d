"""Answers to submissions: the page again with status 422, or problem details for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wtforms import FieldList, FormField

from cruse import Response, current_app, render_template
from cruse.problems import problem as problem_response
from cruse.problems import wants_problem
from cruse_forms.trees import error_messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wtforms import Field

    from cruse_forms.form import Form

__all__ = ["problem", "respond", "status_of"]

TITLES = {403: "Forbidden", 422: "Unprocessable Content"}


def respond(form: Form, template: str, context: dict[str, Any]) -> Response:
    """Answer with a form's page, or with its errors as JSON; see ``Form.respond``."""
    status = status_of(form)  # not form.status_code: that may be a field
    if status != 200 and wants_problem():
        response = problem(form, status)
    else:
        page = render_template(template, **{"form": form, **context})
        response = current_app.response_class(page, status)
    if status != 200:
        response.vary.add("Accept")
    return response


def status_of(form: Form) -> int:
    """Return the status of an answer; see ``Form.status_code``."""
    if form.csrf_error is not None:
        return 403
    return 422 if form.is_submitted() and form.errors else 200


def problem(form: Form, status: int) -> Response:
    """Return a form's errors as problem details (RFC 9457), each with a JSON Pointer.

    Args:
        form: The validated form.
        status: The status of the response.
    """
    errors = [{"detail": str(message), "pointer": "#"} for message in form.form_errors]
    errors += _errors(_named(form), "#")
    detail = "What was sent is not valid."
    return problem_response(status, detail, title=TITLES[status], errors=errors)


def _errors(fields: Iterable[tuple[str, Field]], base: str) -> Iterator[dict[str, str]]:
    for name, field in fields:
        pointer = f"{base}/{_escape(name)}"
        for message in error_messages(field):
            yield {"detail": message, "pointer": pointer}
        if isinstance(field, FormField):
            yield from _errors(_named(field.form), pointer)
        elif isinstance(field, FieldList):
            entries = ((str(index), entry) for index, entry in enumerate(field.entries))
            yield from _errors(entries, pointer)


def _named(form: Iterable[Field]) -> Iterator[tuple[str, Field]]:
    """Yield the fields of a form with their names in a JSON body."""
    return ((field.short_name, field) for field in form)


def _escape(name: str) -> str:
    """Write a name into a JSON Pointer in a URI fragment (RFC 6901, sections 3 and 6)."""
    return quote(name.replace("~", "~0").replace("/", "~1"), safe="~")
