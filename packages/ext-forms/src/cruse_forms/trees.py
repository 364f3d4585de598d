"""Walking through a form and the forms and lists in it, and adding errors anywhere in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wtforms import FieldList, FormField, SubmitField

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from wtforms import Field
    from wtforms.form import BaseForm

__all__ = [
    "CONTAINERS",
    "FieldError",
    "add_errors",
    "containers",
    "error_messages",
    "gettext_of",
    "is_button",
    "walk",
]

CONTAINERS = (FieldList, FormField)


class FieldError(NamedTuple):
    """An error to add; without a field it is one of the form as a whole."""

    field: Field | None
    message: str


def walk(fields: Iterable[Field]) -> Iterator[Field]:
    """Yield the fields and all that is in them, the outer ones first."""
    for field in fields:
        yield field
        if isinstance(field, CONTAINERS):
            yield from walk(_fields_in(field))


def containers(fields: Iterable[Field]) -> list[Field]:
    """Return the forms and lists among the fields and in them, the outer ones first."""
    found = []
    for field in fields:
        if isinstance(field, CONTAINERS):
            found += [field, *containers(_fields_in(field))]
    return found


def _fields_in(field: Field) -> Iterable[Field]:
    """Return the fields of a form in a field, or the entries of a list."""
    if isinstance(field, FormField):
        form: BaseForm = field.form
        return form
    return field.entries if isinstance(field, FieldList) else ()


def is_button(field: Field) -> bool:
    """Whether a field is a button, which has no data of its own."""
    return isinstance(field, SubmitField) or field.type == "ButtonField"


def gettext_of(form: Iterable[Field]) -> Callable[[str], str]:
    """Return what puts messages into the language that a form was made in."""
    first = next(iter(form), None)
    return str if first is None else first.gettext


def error_messages(field: Field) -> list[str]:
    """Return a field's own errors: of a form or list in a field not those of what is in it."""
    if isinstance(field, FormField):
        return list(field.form.form_errors)
    # A list's errors begin with its entries' own errors, each a list or dict.
    errors: list[object] = list(field.errors)
    return [str(error) for error in errors if not isinstance(error, dict | list | tuple)]


def add_errors(form: BaseForm, errors: Iterable[FieldError]) -> None:
    """Add errors to the fields of a validated form, keeping what lists say of their entries.

    A list's errors are WTForms' picture of its entries' errors, taken when it was validated;
    behind that come the list's own.
    """
    errors = list(errors)
    if not errors:
        return
    for field, message in errors:
        if field is None:
            _append(form.form_errors, message)
        elif isinstance(field, FormField):
            _append(field.form.form_errors, message)
        else:
            field.errors = [*field.errors, message]
    lists = [field for field in containers(form) if isinstance(field, FieldList)]
    for outer in reversed(lists):
        own = error_messages(outer)
        inner = [entry.errors for entry in outer.entries]
        outer.errors = [*inner, *own] if any(inner) else own


def _append(errors: list[str], message: str) -> None:
    if message not in errors:  # validated twice
        errors.append(message)
