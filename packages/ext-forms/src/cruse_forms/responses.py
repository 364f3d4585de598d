"""Answers to submissions: the page again with status 422, or problem details for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from markupsafe import Markup
from wtforms import FieldList, FormField

from cruse import Response, current_app, render_block, render_template, request
from cruse.problems import problem as problem_response
from cruse.problems import wants_problem
from cruse_forms import rendering
from cruse_forms.extension import current_state
from cruse_forms.trees import error_messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wtforms import Field

    from cruse_forms.form import Form

__all__ = ["answer_field", "problem", "respond", "status_of"]

TITLES = {403: "Forbidden", 422: "Unprocessable Content"}


#: The request headers of htmx that decide between a fragment and a page.
HTMX_HEADERS = ("HX-Request", "HX-Boosted", "HX-History-Restore-Request")


def respond(
    form: Form[Any], template: str, block: str | None, context: dict[str, Any]
) -> Response:
    """Answer with a form's page, or with its errors as JSON; see ``Form.respond``."""
    status = status_of(form)  # not form.status_code: that may be a field
    if status != 200 and wants_problem():
        response = problem(form, status)
    elif not _asks_fragment():
        page = render_template(template, **{"form": form, **context})
        response = current_app.response_class(page, status)
    elif block is None:
        response = _fragment(rendering.render_form(form), status)
    else:
        part = render_block(template, block, **{"form": form, **context})
        response = _fragment(part, status)
    response.vary.update(HTMX_HEADERS)
    if status != 200:
        response.vary.add("Accept")
    state = current_state()
    if state.settings.locales and state.extension.select_locale is None:
        response.vary.add("Accept-Language")
    return response


def answer_field(form: Form[Any], field: Field, names: list[str]) -> Response:
    """Answer with the group of a field that was checked; see ``Form.check_field``.

    Fields whose validators look at it come behind it, for htmx to swap them where they are.
    """
    status = status_of(form)
    if status != 200 and wants_problem():
        return problem(form, status)
    groups = [rendering.render_group(field, {})]
    groups += [rendering.render_group(form[name], {}, oob=True) for name in names[1:]]
    return _fragment(Markup("\n").join(groups), status)


def _asks_fragment() -> bool:
    asked, *for_page = [request.headers.get(name) == "true" for name in HTMX_HEADERS]
    return asked and not any(for_page)


def _fragment(html: str, status: int) -> Response:
    """Return a part of a page; htmx before version 4 swaps none with an error's status."""
    if status == 422:
        status = current_state().settings.htmx_status
    return current_app.response_class(html, status)


def status_of(form: Form[Any]) -> int:
    """Return the status of an answer; see ``Form.status_code``."""
    if form.csrf_error is not None:
        return 403
    return 422 if form.is_submitted() and form.errors else 200


def problem(form: Form[Any], status: int) -> Response:
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
