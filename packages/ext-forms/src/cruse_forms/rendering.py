"""HTML for forms: groups of label, help, errors and input, tied together for assistive technology.

The templates are in the folder ``forms``, with plain class names, without scripts and styles; an
application replaces one by a template of the same name in its own folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup
from wtforms import FieldList, FormField
from wtforms.widgets import CheckboxInput, HiddenInput, ListWidget, SubmitInput

from cruse import current_app
from cruse_forms.extension import current_state
from cruse_forms.rows import Rows
from cruse_forms.trees import error_messages, gettext_of, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wtforms import Field

    from cruse_forms.form import Form

__all__ = ["render_form", "render_group", "render_summary"]

_KINDS = (
    (HiddenInput, "hidden"),
    (SubmitInput, "button"),
    (CheckboxInput, "box"),
    (ListWidget, "choices"),
)


class SummaryLine(NamedTuple):
    """One line of the summary of errors."""

    #: The id of what the line links to; ``None`` for errors of the form as a whole.
    target: str | None
    label: str
    message: str


def kind_of(field: Field) -> str:
    """Return how a field is laid out: as input, box, choices, list, form, button or hidden."""
    if isinstance(field, FormField):
        return "form"
    if isinstance(field, FieldList):
        return "list"
    if field.type == "ButtonField":
        return "button"
    for widget, kind in _KINDS:
        if isinstance(field.widget, widget):
            return kind
    return "input"


def render_form(form: Form[Any]) -> Markup:
    """Return a form's inside: summary, hidden fields, groups."""
    groups = [render_group(field, {}) for field in form if kind_of(field) != "hidden"]
    return _render(form.meta.templates, "form", form=form, groups=groups)


def render_summary(form: Form[Any]) -> Markup:
    """Return the list of a form's errors; empty when there are none."""
    _number_entries(form)
    lines = [SummaryLine(None, "", message) for message in form.form_errors]
    for field in walk(form):
        for message in error_messages(field):
            lines.append(SummaryLine(_target_of(field), field.label.text, message))
    if not lines:
        return Markup()
    return _render(form.meta.templates, "summary", lines=lines, gettext=gettext_of(form))


def render_group(field: Field, attributes: Mapping[str, Any], *, oob: bool = False) -> Markup:
    """Return a field with its label, help and errors.

    Args:
        field: The field.
        attributes: HTML attributes of the input.
        oob: Whether htmx is to put the group where its like is on the page.
    """
    _number_entries([field])
    kind = kind_of(field)
    rows = field if isinstance(field, Rows) else None
    errors = error_messages(field)
    help_id = f"{field.id}-help" if field.description else None
    errors_id = f"{field.id}-errors" if errors else None
    described_by = " ".join(filter(None, (help_id, errors_id)))
    attributes = dict(attributes)
    if errors and kind != "hidden":  # the form may be one of WTForms, within one of ours
        attributes.setdefault("aria-invalid", "true")
    if described_by:
        own = attributes.get("aria-describedby") or (field.render_kw or {}).get("aria-describedby")
        attributes["aria-describedby"] = f"{own} {described_by}" if own else described_by
    return _render(
        getattr(field.meta, "templates", None),
        "field",
        field=field,
        kind=kind,
        errors=errors,
        help_id=help_id,
        errors_id=errors_id,
        attributes=attributes,
        oob=oob,
        groups=[render_group(each, {}) for each in _fields_within(field)],
        rows=rows,
        template_row=lambda: rows and render_group(rows.template_row(), {}),
    )


def _fields_within(field: Field) -> list[Field]:
    if isinstance(field, FormField):
        return list(field.form)
    return list(field.entries) if isinstance(field, FieldList) else []


def _number_entries(fields: Iterable[Field]) -> None:
    """Call the entries of lists "Phones 1", "Phones 2", where WTForms says "Phones-0"."""
    for field in walk(fields):
        if isinstance(field, FieldList):
            unnamed = f"{field.name}-".replace("_", " ").title()
            for number, entry in enumerate(field.entries, 1):
                if entry.label.text.startswith(unnamed):
                    entry.label.text = f"{field.label.text} {number}"


def _target_of(field: Field) -> str:
    """Return the id of what can be focused to correct a field: of choices, the first one."""
    return f"{field.id}-0" if kind_of(field) == "choices" else field.id


def _render(folder: str | None, name: str, **context: Any) -> Markup:
    settings = current_state().settings  # says what to do when the templates are not there
    folder = folder or settings.templates
    template = current_app.jinja_env.get_template(f"{folder}/{name}.html")
    return Markup(template.render(context))  # noqa: S704 - escaped by the template
